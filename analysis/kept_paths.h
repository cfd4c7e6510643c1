/*
 * The paths of a window, kept to be asked what a vantage point's was at a
 * time.
 */
#ifndef ANALYSIS_KEPT_PATHS_H
#define ANALYSIS_KEPT_PATHS_H

#include "analysis/reports.h"
#include "analysis/traces.h"

struct kept_lane {
	int32_t vp, service; /* indexes of the run's catalog */
	int flow;
	struct path *paths;
	size_t count;
	struct trace *traces; /* in the order of time */
	size_t trace_count;
};

struct kept_paths {
	struct run *run;
	struct catalog catalog;  /* of the lanes of traces */
	struct kept_lane *lanes; /* by vantage point */
	size_t count, room;
};

/* Of the run's vantage points and targets, from a time on. */
void kept_paths_read(struct kept_paths *, struct run *, int64_t since_us);
void kept_paths_clear(struct kept_paths *);

/* Of a vantage point and service that of a flow, or else the first; NULL:
 * never traced. */
const struct kept_lane *kept_paths_find(
    const struct kept_paths *, int32_t vp, int32_t service, int flow);

/* The number of the newest trace before a time, and of the oldest from it
 * on; -1: none. */
int64_t kept_lane_before(const struct kept_lane *, int64_t t_us);
int64_t kept_lane_from(const struct kept_lane *, int64_t t_us);

/* The site that answered a trace; -1: it did not say. */
int32_t kept_paths_site(
    struct kept_paths *, const struct kept_lane *, size_t trace);

#endif
