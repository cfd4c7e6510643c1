/*
 * One RIPE Atlas DNS result, of any firmware, as records. The abuf is
 * decoded here; what the probe or a publisher wrote beside it (answers,
 * counts, names of places) is not believed.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_DNS_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_DNS_H

#include <stddef.h>
#include <stdint.h>
#include "lib/limits.h"
#include "lib/record.h"
#include "lib/sign.h"

struct json_t; /* of jansson */

enum atlas_fault {
	ATLAS_OK,
	/* of a result */
	ATLAS_NOT_JSON,
	ATLAS_TOO_LONG,
	ATLAS_OTHER_TYPE, /* ping, traceroute ... */
	ATLAS_NO_IDS,     /* probe, measurement or time missing or absurd */
	ATLAS_TOO_MANY,   /* more answers than LIMIT_ATLAS_ANSWERS */
	/* of an answer in it */
	ATLAS_NO_ANSWER, /* neither abuf nor error */
	ATLAS_BAD_ABUF,  /* no base64, or empty */
	ATLAS_FAULTS
};
const char *atlas_fault_name(enum atlas_fault);

/* What was asked; name "" where a result does not say. */
struct atlas_question {
	char name[LIMIT_QUESTION];  /* as record.question */
	char qname[LIMIT_QUESTION]; /* with final dot */
	uint16_t qtype, qclass;
};

struct atlas_result {
	int64_t probe, measurement;
	int64_t time_s; /* since 1970 */
	int64_t number; /* of the batch: time_s * 100 + subid */
	uint8_t sha256[SIGN_SHA256_LEN]; /* of all that is read of it */
	size_t count;                    /* of records; 0: none could be read */
	size_t unread[ATLAS_FAULTS];     /* answers without a record */
	/* Without target. A record whose question is not known has question
	 * "" and qname "". */
	struct record records[LIMIT_ATLAS_ANSWERS];
};

enum atlas_fault atlas_result_read(
    struct atlas_result *, const struct json_t *object);

/* The question that the result's records agree on; name "" where they know
 * none, or differ. */
void atlas_result_question(
    const struct atlas_result *, struct atlas_question *);
/* Give it to the records that have none. */
void atlas_result_set_question(
    struct atlas_result *, const struct atlas_question *);

/* "hostname.bind", "id.server", "soa" or a name, as a person writes it. 0, or
 * -1 where it is no name. */
int atlas_question_parse(struct atlas_question *, const char *text);

#endif
