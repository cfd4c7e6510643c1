/*
 * Two contents under one number: what may have happened to the sender.
 */
#ifndef COLLECTOR_CONFLICT_H
#define COLLECTOR_CONFLICT_H

#include "collector/store.h"

enum conflict_kind {
	/* The same round of the same host told in two ways. */
	CONFLICT_EQUIVOCATION,
	/* Another host measured the same round: a copy of the machine. */
	CONFLICT_CLONE,
	/* A later round under a number that was used up: the spool is that of
	 * an earlier time, as after a snapshot was restored. */
	CONFLICT_ROLLBACK,
};
const char *conflict_kind_name(enum conflict_kind);

/* Of a batch in conflict with what is stored under its number, by its head.
 * The stored one goes by its own head and the rounds of its spool. */
enum store_result conflict_judge(struct store *, const struct batch_line *,
    const struct batch_head *, enum conflict_kind *);

/* Count it, in a transaction of its own. */
enum store_result conflict_count(
    struct store *, const struct batch_line *, enum conflict_kind);

#endif
