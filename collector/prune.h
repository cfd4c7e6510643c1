/*
 * Retention: what is older than its kind may be, or more, is taken out, and
 * the space given back. The rows of batch stay, so that a batch that comes
 * again is known, and the ids of measurements are never used twice.
 */
#ifndef COLLECTOR_PRUNE_H
#define COLLECTOR_PRUNE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "collector/store.h"

/* Bits of batch.pruned. */
enum prune_bit {
	PRUNE_REPLIES = 1,
	PRUNE_PATHS = 2,
	PRUNE_RAW = 4,
};

/* How long and how much of a kind is kept: of the newest. 0: any. */
struct prune_limit {
	int64_t days;
	int64_t bytes; /* of its tables; whole hours go until it fits */
};

/* Whoever limits runs limits raw rows, and whoever limits intervals runs. */
struct prune_limits {
	struct prune_limit replies, paths, raw, runs, intervals;
};
bool prune_any(const struct prune_limits *);
/* Why they cannot be, as a line for the user; or NULL. */
const char *prune_complain(const struct prune_limits *);

struct prune_manner {
	/* When it was last done, in microseconds: what is older since then
	 * goes, by age alone. 0: everything that it can find, by size too,
	 * intervals, and names that nothing has any more. */
	int64_t quick_since;
	bool gently; /* rest as long as it works: a server stores meanwhile */
	const atomic_bool *stop; /* NULL: nobody will */
};

struct prune_result {
	int64_t replies, paths, raw; /* batches that lost them */
	int64_t runs, intervals;     /* rows */
	int64_t names;               /* details, paths, instances, lanes */
	int64_t bytes;               /* of the file, given back */
};

/* In transactions of its own, each short. A batch goes when its last record
 * is too old. Cut-offs are whole hours; that of raw rows becomes the raw
 * horizon, behind which late batches amend nothing. An hour that still runs
 * stays, whatever its size. Of the runs the last of each lane stays while the
 * lane has an interval: intervals are stitched to it. An interval goes when
 * its end is too old. */
enum store_result prune_store(struct store *, const struct prune_limits *,
    const struct prune_manner *, struct prune_result *);

#endif
