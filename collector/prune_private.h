/*
 * What the files of retention share.
 */
#ifndef COLLECTOR_PRUNE_PRIVATE_H
#define COLLECTOR_PRUNE_PRIVATE_H

#include "collector/prune.h"

/* The places of struct prune_limits. */
enum prune_kind {
	PRUNE_KIND_REPLIES,
	PRUNE_KIND_PATHS,
	PRUNE_KIND_RAW,
	PRUNE_KIND_RUNS,
	PRUNE_KIND_INTERVALS,
};

struct pruning {
	struct store *store;
	const struct prune_manner *manner;
	struct prune_result *done;
};

bool prune_stopped(const struct pruning *);

/* In transactions, until step says STORE_UNKNOWN: all done. Each has as many
 * steps as fit into some tenths of a second. */
typedef enum store_result (*prune_step)(struct pruning *, void *);
enum store_result prune_in_turns(struct pruning *, prune_step, void *state);

enum store_result prune_ask(struct pruning *, const char *sql, int64_t *value);

/* How far a kind is gone, in the store's own settings; INT64_MIN: nothing.
 * It is noted in a transaction of its own, and never goes back. */
enum store_result prune_note(
    struct pruning *, const char *setting, int64_t value);

/* The beginning of the first hour that fits into so many bytes; INT64_MIN:
 * all does. */
enum store_result prune_cutoff_of_size(
    struct pruning *, enum prune_kind, int64_t bytes, int64_t *before);

/* Names that nothing has any more, and the space. */
enum store_result prune_unused_names(struct pruning *);
enum store_result prune_give_back(struct pruning *);

#endif
