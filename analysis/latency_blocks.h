/*
 * Latency over very many records out of blocks, which say the same as runs in a
 * third of the time.
 */
#ifndef ANALYSIS_LATENCY_BLOCKS_H
#define ANALYSIS_LATENCY_BLOCKS_H

#include "analysis/latency.h"
#include "analysis/run_hours.h"

/* Count the hours that are covered, by place. False: there are not all of their
 * blocks, and nothing was counted. */
bool latency_blocks_read(struct latency *, const struct run_hours *);

#endif
