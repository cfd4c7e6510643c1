/*
 * Stays: the maximal stretches of one site (or instance) of every lane that
 * is compared; those of a lane lie together in time. Two in a row are a change.
 */
#ifndef ANALYSIS_STAYS_H
#define ANALYSIS_STAYS_H

#include "analysis/walk.h"

struct stay {
	int32_t lane, method;
	int32_t site, from_label, to_label;
	int64_t first_us,
	    last_us;          /* sightings; first may be before the window */
	int64_t begin_rtt_us; /* median of its first ten, */
	int64_t end_rtt_us;   /* of its last ten where another follows; -1 */
};

/* Three or more questions of a lane in a row that were sent and not answered;
 * the sites seen before and after, -1: none. */
struct silence {
	int32_t lane, site_before, site_after;
	int64_t before_us, after_us; /* answers around it; -1: none */
	int64_t first_us, last_us;
	size_t lost;
};

struct stays {
	struct stay *items;
	size_t count, room;
	struct silence *silences;
	size_t silence_count, silence_room;
	struct samples back;
};

void stays_read(struct stays *, struct walk *);
void stays_clear(struct stays *);

/* Whether items[i] is where a lane went to from items[i - 1]. */
bool stays_is_change(const struct stays *, size_t i, int64_t since_us);

#endif
