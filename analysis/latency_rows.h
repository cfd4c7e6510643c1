/*
 * Availability over very many records, without holding them: rows are counted
 * as they come, where the order in which they come is that of time.
 */
#ifndef ANALYSIS_LATENCY_ROWS_H
#define ANALYSIS_LATENCY_ROWS_H

#include "analysis/latency.h"

struct latency_rows;

/* For the run of it; latency_rows_free takes NULL, too. */
struct latency_rows *latency_rows_new(struct latency *);
void latency_rows_free(struct latency_rows *);

/* Count those of a vantage point (index) with since <= t < until; *any: there
 * were some. False: they have to be read one by one, and nothing was counted.
 */
bool latency_rows_count(
    struct latency_rows *, int32_t vp, const int64_t window_us[2], bool *any);

#endif
