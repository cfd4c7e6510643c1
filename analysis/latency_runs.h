/*
 * Latency over very many records: what whole, settled hours came to is summed
 * from their runs, whose round trips are counted in histograms of 1 %. Raw
 * rows are read where an hour is cut, or not settled yet.
 */
#ifndef ANALYSIS_LATENCY_RUNS_H
#define ANALYSIS_LATENCY_RUNS_H

#include <stdbool.h>
#include <stdint.h>
#include "analysis/latency.h"
#include "lib/histogram.h"

/* Fewer records are read one by one. */
#define LATENCY_RUNS_FROM 1000000

/* Read the runs of the step where that is worth it and says the same; NULL
 * else. They go into the groups of their lanes. */
struct latency_runs *latency_runs_read(struct latency *);
void latency_runs_free(struct latency_runs *);

/* Whether a vantage point's whole hours were read, and between which times;
 * NULL: of nobody. */
bool latency_runs_cover(
    const struct latency_runs *, int32_t vp, int64_t *from_us, int64_t *to_us);
/* Count them in. False: there are none. */
bool latency_runs_count(struct latency *, int32_t vp);

/* The round trips of a group: those in runs and its values together. */
void latency_runs_rtts(const struct group *, struct histogram *);
void latency_runs_group_clear(struct group *);

#endif
