/*
 * The samples of a window out of blocks and intervals, which say it for far
 * less than raw rows do: of each lane all round trips, when each stretch of one
 * instance was first seen, and the last sample. Raw rows are read only for what
 * is not settled yet and for hours that the window cuts.
 */
#ifndef ANALYSIS_SAMPLES_BLOCKS_H
#define ANALYSIS_SAMPLES_BLOCKS_H

#include "analysis/samples.h"

struct block_source;
struct block_source *block_source_new(struct sampler *);
void block_source_free(struct block_source *);

/* As samples_read of the sampler's wanted lanes, which must be set, but for
 * this: a stretch (of one instance, or of answers without a name) is so many
 * samples at its first sight, or where that is before the window or the hours
 * that are whole, at their begin, and one more, without round trip, at its
 * last sight; and of losses there is one, a time-out, where the lane's last
 * sample was lost. False: this cannot be told from blocks, and samples is
 * anything. */
bool block_source_read(struct block_source *, struct samples *, int32_t vp,
    const int64_t window_us[2]);

#endif
