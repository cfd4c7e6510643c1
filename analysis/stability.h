/*
 * Stability: the rows of every lane, and those of groups of vantage points.
 */
#ifndef ANALYSIS_STABILITY_H
#define ANALYSIS_STABILITY_H

#include "analysis/walk.h"

/* How a lane goes from place to place (FIELD.md F6). */
enum steadiness {
	STEADY_UNKNOWN, /* no pair of sightings near one another */
	STEADY_STABLE,
	STEADY_CHANGED,
	STEADY_UNSTABLE,
	STEADY_PER_PACKET,
	STEADY_PER_FLOW,
	STEADY_COUNT
};

struct stability_row {
	int32_t lane, method;
	size_t flips, pairs, observations, sites;
	int32_t main_site, main_label;
	double affinity, entropy, chance; /* 1 - sum of squared shares */
	int64_t dwell_p50_us, dwell_max_us;
	bool per_flow;
};

enum steadiness stability_class(const struct stability_row *);

/* Write the rows, which are by service, vantage point and flow, in groups of
 * --by. named is room for the columns till report_end. 0, or -1 where a write
 * failed. */
#define STABILITY_GROUP_COLUMNS 21
int stability_groups(struct run *, struct column *named,
    const struct stability_row *, size_t count);

#endif
