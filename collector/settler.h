/*
 * When to settle: a policy over settle.h for a server that stores at the same
 * time. An hour that still runs is settled again and again, so only when
 * nobody waits; a finished one once, some of them every second.
 */
#ifndef COLLECTOR_SETTLER_H
#define COLLECTOR_SETTLER_H

#include <stdbool.h>
#include "collector/store.h"
#include "lib/times.h"

struct settler {
	struct store *store;
	struct mono settled; /* when it last looked */
	bool left;           /* marks were left then */
	bool stored;         /* and something was stored since */
};

void settler_init(struct settler *, struct store *);

/* Settle what is due, for a fraction of a second at most. idle: nobody waits
 * for the store. */
void settler_turn(struct settler *, bool idle);
/* How long until it should be asked again, at most. */
struct span settler_wait(const struct settler *, bool idle);

/* At the end: what is marked, as far as that is quick. */
void settler_finish(struct settler *);

#endif
