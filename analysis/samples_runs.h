/*
 * Samples out of runs, for the time before the raw horizon, whose rows
 * retention took (accollect prune). As many as there were, of the same
 * instances, between the same first and last sight; their round trips are the
 * middles of histogram buckets (1 %). What runs do not say is the time of
 * each: samples are spread evenly over their run, losses over theirs.
 */
#ifndef ANALYSIS_SAMPLES_RUNS_H
#define ANALYSIS_SAMPLES_RUNS_H

#include "analysis/samples.h"

struct run_source;

struct run_source *run_source_new(struct query *, const struct catalog *);
void run_source_free(struct run_source *);

/* Raw rows before this time are not read: runs are. INT64_MIN: none. */
int64_t run_source_horizon(const struct run_source *, int32_t vp);

/* Add those of a vantage point with since <= t < until, in any order. */
void run_source_read(struct run_source *, struct samples *, int32_t vp,
    int64_t since_us, int64_t until_us);

/* Add those of one lane and hour. False: no hour at or before *hour has runs
 * of anybody; *hour is the one that was read. */
bool run_source_back(
    struct run_source *, struct samples *, int32_t lane, int64_t *hour);

/* Whether any was read. */
bool run_source_used(const struct run_source *);

#endif
