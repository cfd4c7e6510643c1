/*
 * Retention: what is older than its kind may be is taken out, and the space
 * given back. The rows of batch stay, so that a batch that comes again is
 * known, and the ids of measurements are never used twice.
 */
#ifndef COLLECTOR_PRUNE_H
#define COLLECTOR_PRUNE_H

#include <stdint.h>
#include "collector/store.h"

/* Bits of batch.pruned. */
enum prune_bit {
	PRUNE_REPLIES = 1,
	PRUNE_PATHS = 2,
	PRUNE_RAW = 4,
};

/* How many days each kind is kept; 0: for ever. Whoever keeps runs for a time
 * keeps raw rows for a time too, and that is not longer. */
struct prune_days {
	int64_t replies, paths, raw, runs;
};

struct prune_result {
	int64_t replies, paths, raw; /* batches that lost them */
	int64_t runs;                /* rows */
	int64_t bytes;               /* of the file, given back */
};

/* In transactions of its own, each short. A batch goes when its last record
 * is too old. Cut-offs are whole hours; that of raw rows becomes the raw
 * horizon, behind which late batches amend nothing. Of the runs the last of
 * each lane stays: intervals are stitched to it. */
enum store_result prune_store(
    struct store *, const struct prune_days *, struct prune_result *);

#endif
