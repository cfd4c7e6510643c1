/*
 * One RIPE Atlas result, of any firmware, as records: dns, ping and
 * traceroute. What the probe or a publisher wrote beside the measured values
 * (answers, counts, averages, names of places) is not believed.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_RESULT_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_RESULT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "collector/import_ripe_atlas_question.h"
#include "lib/limits.h"
#include "lib/record.h"
#include "lib/sign.h"

enum atlas_fault {
	ATLAS_OK,
	/* of a result */
	ATLAS_NOT_JSON,
	ATLAS_TOO_LONG,
	ATLAS_OTHER_TYPE,  /* ntp, sslcert ... */
	ATLAS_NO_IDS,      /* probe, measurement or time missing or absurd */
	ATLAS_TOO_MANY,    /* more answers than a result can have */
	ATLAS_ONLY_TOTALS, /* an old ping: counts and averages alone */
	ATLAS_NO_HOPS,     /* a traceroute with neither hops nor error */
	ATLAS_NONE_READ,   /* of its answers, whose reasons are counted too */
	/* of an answer in it */
	ATLAS_NO_ANSWER, /* dns: neither abuf nor error */
	ATLAS_BAD_ABUF,  /* dns: no base64, or empty */
	ATLAS_NO_REPLY,  /* a packet: neither round trip, time-out nor error */
	ATLAS_FAULTS
};
const char *atlas_fault_name(enum atlas_fault);

struct atlas_result {
	int64_t probe, measurement;
	int64_t time_s; /* since 1970 */
	int64_t number; /* of the batch: time_s * 100 + subid */
	uint8_t sha256[SIGN_SHA256_LEN]; /* of all that is read of it */
	size_t count;                    /* of records; 0: none could be read */
	size_t unread[ATLAS_FAULTS];     /* answers without a record */
	/* Without target. A DNS record whose question is not known has
	 * question "" and qname "". */
	struct record records[LIMIT_ATLAS_ANSWERS];
};

enum atlas_fault atlas_result_read(struct atlas_result *, const json_t *object);

/* The question that the result's records agree on; name "" where they know
 * none, or differ. */
void atlas_result_question(
    const struct atlas_result *, struct atlas_question *);
/* Give it to the records that have none. */
void atlas_result_set_question(
    struct atlas_result *, const struct atlas_question *);

/* --- for those who read one type of result --- */

struct atlas_reading {
	struct atlas_result *result;
	const json_t *object;
	FILE *digest; /* what is believed of the result is written here */
};

/* The next record, begun: time, question, address, source and protocol are
 * the result's. Whoever has filled it counts it in result->count. NULL: there
 * is no room. */
struct record *atlas_record_begin(
    const struct atlas_reading *, enum record_type, const char *question);

enum atlas_fault atlas_dns_read(struct atlas_reading *);
enum atlas_fault atlas_ping_read(struct atlas_reading *);
enum atlas_fault atlas_traceroute_read(struct atlas_reading *);

#endif
