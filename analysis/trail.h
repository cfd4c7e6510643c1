/*
 * The trail of a lane: its sightings of named instances in the order of time,
 * in one method, at one level. What the lane saw before the window is one
 * sighting in front, taken from the settled intervals.
 */
#ifndef ANALYSIS_TRAIL_H
#define ANALYSIS_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/query.h"
#include "analysis/samples.h"

enum level {
	LEVEL_SITE,
	LEVEL_INSTANCE,
};

struct sighting {
	int64_t t_us;
	int32_t instance, site; /* indexes */
	uint32_t rtt_us;
};

struct trail {
	struct sighting *items;
	size_t count, room;
	/* items[0] is from before the window: its t_us is the last sight, or
	 * where its interval goes on in the window, the end of what is before;
	 * the stretch of its place began at past_first_us. */
	bool past, past_goes_on;
	int64_t past_first_us;
	int32_t lane, method;
};

/* A maximal stretch of one place: of a site, or at instance level of an
 * instance or of several that alternate within a site. */
struct unit {
	size_t first, end;            /* of the trail's items */
	int32_t from_label, to_label; /* names: at its beginning, at its end */
};

struct units {
	struct unit *items;
	size_t count, room;
};

struct historian {
	struct catalog *catalog;
	struct intervals *intervals;
	enum level level;
	struct trail_pasts *pasts; /* trail_past.h */
};

void historian_init(
    struct historian *, struct query *, struct catalog *, enum level);
void historian_clear(struct historian *);

/* Lanes are asked for again and again, with floors up to a time: intervals are
 * read once and held. Best with rising floors. */
void historian_hold(struct historian *, int64_t until_us);

/* Replace the trail by the sightings of samples[from, end), all of one lane,
 * in a method, and what was before floor_us. At instance level whatever was
 * before window_us is that one sighting in front: what alternates does so in
 * the window. */
struct trail_part {
	const struct samples *samples;
	size_t from, end;
	int32_t lane, method;
	int64_t floor_us, window_us;
};
void trail_build(struct trail *, struct historian *, const struct trail_part *);
void trail_clear(struct trail *);

/* What is compared: of an instance and its site. */
int32_t trail_place(const struct historian *, int32_t instance, int32_t site);

/* Cut a trail into units (DESIGN.md 9, Level). */
void units_build(
    struct units *, const struct historian *, const struct trail *);
void units_clear(struct units *);

#endif
