/*
 * The routers next to the vantage point, which the traces of a round share
 * (DESIGN.md 10): a trace that comes by a router of an earlier one does not ask
 * those before it again. Where it comes by another, it asks them, nearer and
 * nearer, and who comes by the same meanwhile waits for what it finds.
 */
#ifndef PROBE_NEAR_H
#define PROBE_NEAR_H

#include "lib/record.h"

#define NEAR_TTL 3 /* TTLs that are shared */

struct near;

/* NULL: no memory. near_free frees. */
struct near *near_new(void);
void near_free(struct near *);

enum near_word {
	NEAR_SEEN,     /* what is before the router is known */
	NEAR_YOURS,    /* find out; others may wait for it */
	NEAR_ANOTHERS, /* somebody is finding out: wait (near_woken) */
};

/* A trace of this protocol came by a router at TTL 2 ... NEAR_TTL + 1: who is
 * to ask for the hop before it? who names the trace. Of NEAR_SEEN, seen holds
 * the hops by TTL, from 1 up to the router; borrowed until the next call. */
enum near_word near_ask(struct near *, void *who, enum proto,
    const struct record_hop *router, const struct record_hop **seen);

/* The trace went by hop[1] ... hop[ttl - 1] to the router hop[ttl];
 * 1 < ttl <= NEAR_TTL + 1. A silent hop among them is believed when a second
 * trace finds it. What there is no memory for is asked again. */
void near_learn(struct near *, enum proto, const struct record_hop *, int ttl);

/* It asks no more, nor waits: what it had to find out is another's. */
void near_leave(struct near *, const void *who);

/* After near_learn and near_leave: a trace that waited and may now ask once
 * more; NULL: no more of them. */
void *near_woken(struct near *);

#endif
