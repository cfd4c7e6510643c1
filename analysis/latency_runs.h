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
#include "analysis/run_hours.h"
#include "lib/histogram.h"

struct latency_counts {
	int64_t asked, answered, unsent;
};

/* Whether runs are worth it and say the same. */
bool latency_runs_suit(const struct latency *);

/* Read the runs of the step of tables of a run, where they suit: those without
 * counts in one pass. */
void latency_runs_read(struct latency *const *, size_t count);
void latency_runs_free(struct latency *);

/* Count those of a vantage point in. False: there are none. What is before
 * around[0] and from around[1] on remains to be read from raw rows. */
bool latency_runs_count(struct latency *, int32_t vp, int64_t around_us[2]);

/* Add to what a lane is to add to the group of a name; a run with its round
 * trips. */
void latency_runs_add(struct latency *, int32_t lane, int32_t name,
    const struct latency_counts *);
void latency_runs_add_run(
    struct latency *, int32_t name, const struct run_row *);

void latency_runs_add_buckets(struct latency *, int32_t lane, int32_t name,
    const struct latency_buckets *);

#endif
