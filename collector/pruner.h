/*
 * Retention by the clock, in a server that stores at the same time: a thread
 * with a connection of its own looks at its start and once a day for all that
 * may go, and by age at the beginning of every hour.
 */
#ifndef COLLECTOR_PRUNER_H
#define COLLECTOR_PRUNER_H

#include "collector/prune.h"

struct pruner;

/* beside: the server's store. NULL: one line was logged, *code is the exit
 * code. The limits are borrowed. */
struct pruner *pruner_start(
    const struct store *beside, const struct prune_limits *, int *code);
/* Waits until what it is at is committed: some tenths of a second. NULL is
 * fine. */
void pruner_stop(struct pruner *);

#endif
