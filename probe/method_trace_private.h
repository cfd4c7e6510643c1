/*
 * What the parts of a trace share: method_trace.c sends and takes,
 * method_trace_path.c knows the path so far, method_trace_near.c what other
 * traces of the round found.
 */
#ifndef PROBE_METHOD_TRACE_PRIVATE_H
#define PROBE_METHOD_TRACE_PRIVATE_H

#include "probe/prober.h"

#define TRACE_TRIES 2 /* packets to a hop that is silent */

enum hop_state {
	HOP_UNASKED,
	HOP_NEAR, /* perhaps another trace has asked it (near.h) */
	HOP_ASKED,
	HOP_AGAIN, /* silent once; asked again */
	HOP_ANSWERED,
	HOP_SILENT,
	HOP_NEVER, /* nor will it be asked */
};

struct trace {
	struct probe probe[LIMIT_TTL + 1]; /* by TTL; 0 is not used */
	struct probe first[LIMIT_TTL + 1]; /* of a hop that is asked again */
	struct record_hop hop[LIMIT_TTL + 1];
	enum hop_state state[LIMIT_TTL + 1];
	int last; /* no TTL beyond it is asked: the target's, once known */
	int in_flight;
	int sent;             /* packets */
	int near;             /* the farthest TTL that is HOP_NEAR; 0: none */
	bool learnt, waiting; /* what is near; for another trace (near.h) */
	bool scheduled;
	bool played; /* link.h */
	bool reached, stopped;
	enum outcome end; /* where it stopped: answered, refused, unreachable */
	char reason[LIMIT_REASON];
	const char *untold; /* why hops are HOP_NEVER; NULL: of a capture */
};

/* --- method_trace_path.c --- */

/* The hop to ask next, retries first; 0: none now. */
int trace_next_ttl(const struct trace *);
/* Another packet is owed: to a hop that was silent, or because no hop is
 * waited for that was asked the first time. All others are ahead of what is
 * known. */
bool trace_owes(const struct trace *);
/* The hop has answered, or will not be asked again. */
bool trace_knows(const struct trace *, int ttl);
bool trace_knows_all(const struct trace *);
/* The same router for the third time: the TTL; 0: packets do not go round in
 * circles. */
int trace_loop(const struct trace *);
/* Of a path that ends near us it is not known where, as long as a hop before
 * has not been asked. */
bool trace_end_is_open(const struct trace *);
/* Hops and reason into the record. A hop that was never asked is left out,
 * since it is not silent, and the reason says why. */
void trace_fill(struct record *, const struct trace *);

/* --- method_trace_near.c --- */

/* The farthest of the near hops is asked once the one behind it is known, and
 * no trace of the round has come by that. */
void trace_go_near(struct prober *, struct ask *);
/* It asks no more: others need not wait for what it would have found. */
void trace_leave_near(struct prober *, struct ask *);

#endif
