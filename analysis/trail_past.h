/*
 * What a lane saw before a time, out of the settled intervals: for trail*.c
 * only.
 */
#ifndef ANALYSIS_TRAIL_PAST_H
#define ANALYSIS_TRAIL_PAST_H

#include "analysis/trail.h"

/* The newest interval that names an instance. */
struct past {
	int64_t place_first_us; /* since then its place was not left */
	int64_t last_us;        /* may be after the time */
	int32_t instance, site;
};

/* Of the part's lane, before its floor. False: it saw nothing. */
bool trail_past(struct historian *, const struct trail_part *, struct past *);

/* Set instance and site, where the instance (index) is named in the part's
 * method. */
bool trail_sight(struct historian *, const struct trail_part *,
    int32_t instance, struct sighting *);

/* Of a lane; those of all lanes are freed. */
struct trail_pasts *trail_pasts_new(size_t lanes);
void trail_pasts_free(struct trail_pasts *);

#endif
