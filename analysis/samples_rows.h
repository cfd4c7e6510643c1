/*
 * Samples out of raw rows: those of a vantage point in a window, as they lie
 * in their batches.
 */
#ifndef ANALYSIS_SAMPLES_ROWS_H
#define ANALYSIS_SAMPLES_ROWS_H

#include "analysis/samples.h"

struct row_source;

struct row_source *row_source_new(struct query *, const struct catalog *);
void row_source_free(struct row_source *);

/* Add those of a vantage point with since <= t < until, and of wanted lanes
 * (by index; NULL: all). */
struct row_window {
	int32_t vp;
	int64_t since_us, until_us;
	const bool *wanted;
};
void row_source_read(
    struct row_source *, struct samples *, const struct row_window *);

#endif
