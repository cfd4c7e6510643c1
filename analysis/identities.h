/*
 * Identities: every name that answered for a target in the window, who saw it
 * and when, what else the same server called itself in the same reply, and
 * which version of the zone it had. Who and when come from runs where hours
 * are settled, and from raw rows where not; the rest from the reply that each
 * vantage point had of it last.
 */
#ifndef ANALYSIS_IDENTITIES_H
#define ANALYSIS_IDENTITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/reports.h"

/* A name in a lane, in the window. */
struct identity_sight {
	int32_t lane, instance; /* indexes */
	int64_t first_us, last_us, answers;
	bool read; /* its last reply */
};

struct identity_sights {
	struct identity_sight *items;
	size_t count, room;
	uint32_t *slots; /* open addressing by lane and instance; item + 1 */
	size_t slot_count;
};

/* All names with since <= t < until of the run. */
void identity_sights_read(struct identity_sights *, struct run *);
void identity_sights_clear(struct identity_sights *);
/* NULL: there is none. */
struct identity_sight *identity_sights_find(
    const struct identity_sights *, int32_t lane, int32_t instance);

/* Two names of one server: what CHAOS said (or another naming question), and
 * the NSID on the same reply. */
struct identity_pair {
	int32_t target;
	int32_t instance;
	int32_t nsid; /* number of catalog.names */
};

struct identity {
	int32_t target, instance;
	size_t sight, sight_count; /* sorted by vantage point, newest first */
	int64_t first_us;          /* of all time */
	int64_t last_us, answers;  /* in the window */
	bool is_new;               /* and its target is not */
	/* The newest it said last, when, and what then the newest was that
	 * anybody had said, since when one was out that is newer: -1. */
	int64_t serial, serial_us, newest_serial, behind_us;
};

struct identities {
	struct run *run;
	struct identity_sights
	    sights;             /* sorted: identity_sights_find is over */
	struct identity *items; /* by target, method and bytes */
	size_t count, room;
	struct identity_pair *pairs; /* by target and instance, each once */
	size_t pair_count, pair_room;
	/* Of a service its target, here and above: its first service. */
	int32_t *target_of;
};

void identities_read(struct identities *, struct run *);
void identities_clear(struct identities *);
/* NULL: it was not seen in the window. */
struct identity *identities_find(
    struct identities *, int32_t target, int32_t instance);

/* identities_reply.c: the last reply of each sight. */
struct identity_serial {
	int32_t lane, instance;
	int64_t t_us, serial;
};
struct identity_serials {
	struct identity_serial *items;
	size_t count, room;
};
void identities_read_replies(struct identities *, struct identity_serials *);

/* identities_serials.c: which of them were stale. Items are there. */
void identities_judge_serials(
    struct identities *, const struct identity_serials *);

#endif
