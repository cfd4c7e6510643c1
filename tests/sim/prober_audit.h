/*
 * Holds what the prober says against what the world knows: every promise that
 * is broken is counted, and the first are printed.
 */
#ifndef SIM_PROBER_AUDIT_H
#define SIM_PROBER_AUDIT_H

#include "probe/plan.h"
#include "tests/sim/prober_world.h"

/* What a flow was in the first round: it is the same in every other. */
struct audit_flow {
	struct addr addr;
	enum proto proto;
	uint16_t dport;
	int n;
	struct record_flow seen;
};

#define AUDIT_FLOWS 256

/* What an answer wants, and what came of it. */
struct audit_wish {
	enum world_wants wants; /* NONE, too, where it was met before */
	int met;
};

struct audit {
	struct world *world;
	const struct plan *plan;
	const struct prober *prober;
	uint8_t *emitted;          /* by ask */
	struct audit_wish *wishes; /* likewise */
	uint32_t *placed;          /* which ask's record is the nth */
	size_t place;
	double rate, burst;
	struct span answer, hop;
	bool near;        /* traces share the routers near us */
	bool to_the_end;  /* no record is out before the run is over */
	bool skip_record; /* for the test's test: a record is lost */
	struct audit_flow flows[AUDIT_FLOWS];
	size_t flow_count;
	uint64_t unwanted; /* of the round's records */
	int64_t deadline;  /* mono */

	uint64_t wrong, rounds, records, packets;
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t kernel, user, moved, hops, shared, stepped, slept, forged, dup,
	    late, conflict, connected;
	uint64_t again[4]; /* by what was wanted */
};

/* Before a round whose plan is made. */
void audit_start(struct audit *, const struct prober_settings *);

/* The sink's emit; arg is an audit. */
void audit_record(void *arg, const struct ask *, const struct record *);

/* --- prober_audit_again.c --- */

void audit_wrong(struct audit *, const struct ask *, const char *promise);
/* What the first packet of this ask was; NULL: none left. */
const struct world_sent *audit_sent(const struct audit *, uint32_t ask);
/* Whether it is asked again, and whether it ought to have been. */
void audit_again(struct audit *, const struct ask *, const struct record *);
void audit_again_end(struct audit *);
/* A connection: which was its own, and how it went. */
void audit_stream(struct audit *, const struct ask *, const struct record *);

/* After it. */
void audit_end(struct audit *);

#endif
