/*
 * Inflation: what it costs a vantage point that it is not served by the best
 * site.
 *
 *   geographic  (2 / c_f) (sum N_i d_i / N - min d_k)         FIELD.md F4
 *   latency     sum N_i l_i / N - (3 / 2) (2 / c_f) min d_k   F5, l: median
 *   regret      median - the least median of unicast addresses
 *   severity    of polarisation: served from another continent, though there
 *               is a site on its own: median - best median there       F11
 *
 * c_f is light in fibre, d a distance, N_i how often the site was seen, k any
 * site of the service that somebody saw in the window. A target NAME@SITE is
 * the unicast address of a site of NAME.
 */
#ifndef ANALYSIS_INFLATION_H
#define ANALYSIS_INFLATION_H

#include "analysis/continents.h"
#include "analysis/served.h"

/* Microseconds and metres; what is not known is not known. */
struct inflation {
	const struct served *served;
	const struct served_site *main;
	int64_t median_us;
	bool placed;         /* distances are known */
	size_t placed_count; /* of served->count: at sites with a position */
	int64_t distance_m, nearest_m;
	int32_t nearest_site;
	int64_t geographic_us, latency_us;
	bool compared; /* unicast is known */
	const char *best_site;
	int64_t best_us, regret_us;
	bool polarisable, polarised; /* a site on its continent; elsewhere */
	bool severity_known;
	int64_t severity_us;
	double priority; /* milliseconds, times weight */
	const char *basis;
	int32_t group;
};

/* What a vantage point saw of a unicast address. */
struct unicast {
	int32_t vp, service;
	int64_t median_us;
};

struct inflations {
	struct run *run;
	struct servings servings;
	struct unicast *unicast;
	size_t unicast_count, unicast_room;
	struct regions *regions;
	struct inflation *items;
	size_t count;
	struct names groups;
};

/* 0, or -1 where the regions cannot be read (one line). */
int inflations_read(struct inflations *, struct run *);
void inflations_clear(struct inflations *);

#endif
