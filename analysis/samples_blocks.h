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

/* As samples_read of the sampler's wanted lanes, which must be set, but in the
 * hours that are whole for this:
 * - a stretch (of one instance, or of answers without a name) is one sample
 *   for each of its round trips, all at its first sight, or where that is
 *   before the window or those hours, at their begin; and one more, without
 *   round trip, at its last sight. Answers without round trip are not there
 *   one by one: of an hour of a stretch without any there is one.
 * - of losses there is one at most, of the lane's last sample, and it is
 *   OUTCOME_TIMEOUT whatever it was (unsent, refused or malformed, too).
 * - every_s is 0 and rcode -1: blocks say neither.
 * False: this cannot be told from blocks, and samples is anything. */
bool block_source_read(struct block_source *, struct samples *, int32_t vp,
    const int64_t window_us[2]);

#endif
