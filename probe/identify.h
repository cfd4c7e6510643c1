/*
 * Which instance answered: the name, the method by which it was learnt, and
 * whether all flows and all repeats say the same (DESIGN.md 8).
 */
#ifndef PROBE_IDENTIFY_H
#define PROBE_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/record.h"
#include "lib/site_map.h"

enum verdict {
	VERDICT_NONE,       /* nothing named itself */
	VERDICT_STABLE,     /* one site on every flow and repeat */
	VERDICT_PER_FLOW,   /* flows differ, each stays where it is */
	VERDICT_PER_PACKET, /* one flow goes to and fro */
	VERDICT_CHANGED,    /* each flow changed at most once: a route did */
};

struct identity_flow {
	int n;
	int32_t sport;
	struct record_bytes instance; /* the latest; present: false, none */
	char site[SITE_TEXT];         /* "" : no map names it */
	int asked, answered;          /* of the timed question */
	int64_t rtt_us;               /* median; -1 */
};

struct identity {
	char target[LIMIT_TARGET_NAME + 1];
	struct addr addr;
	int32_t port;
	enum identity_method method;   /* the first in order that has a name */
	char question[LIMIT_QUESTION]; /* of IDENTITY_NAME: which */
	struct record_bytes instance;  /* of flow 0: the latest */
	struct site site;              /* name "" : none */
	int64_t rtt_us; /* median of the timed question, flow 0; -1 */
	enum verdict verdict;
	bool retries;      /* only what was asked again names it */
	uint32_t unwanted; /* replies to no question of ours, of all records */
	uint32_t foreign;  /* of them, perhaps somebody else\'s */
	size_t flow_count;
	struct identity_flow flow[LIMIT_FLOWS];
};

/* From the records of one target and address. records are in time order. order
 * names methods, the best first ("nsid", or a question); the usual order comes
 * behind it. map may be NULL. */
struct identify_by {
	const struct site_map *map;
	const char (*order)[LIMIT_QUESTION];
	size_t order_count;
};
void identify(struct identity *, const struct record *const *records,
    size_t count, const struct identify_by *);

/* So many unwanted replies of one address that somebody guesses: a broken
 * middlebox sends a few, and to guess 30 bits takes many. */
bool is_attack(uint32_t foreign);
/* The unwanted replies of a record that may be somebody else's: what comes in
 * a TCP connection is its server's own. */
uint32_t foreign_replies(const struct record *);
bool identity_is_attacked(const struct identity *);

const char *verdict_name(enum verdict); /* NULL for none */

/* The longest line of an identity: names of LIMIT_IDENTITY bytes, five
 * characters each, on every flow. */
#define IDENTITY_LINE (LIMIT_RECORD_LINE + LIMIT_FLOWS * 4096)

/* The identity as a JSON object (acrecord(5)) on one line; the length, or 0
 * where size is too small (IDENTITY_LINE always fits). */
size_t identity_to_json(const struct identity *, char *out, size_t size);

/* The median by F10: the mean of the middle two of an even count. Sorts. */
int64_t median_us(int64_t *values, size_t count);

#endif
