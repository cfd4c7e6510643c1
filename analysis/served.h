/*
 * Who was served from where in the window: of every vantage point and service
 * the sites that it saw, how often, and how long answers took; in the lanes
 * that are compared. What reports about places are made of (FIELD.md F1, F4,
 * F5, F11, F12).
 */
#ifndef ANALYSIS_SERVED_H
#define ANALYSIS_SERVED_H

#include "analysis/plausibility.h"
#include "analysis/quantile.h"
#include "analysis/walk.h"

struct served_site {
	int32_t site;
	const struct site *place; /* NULL: the map has none */
	struct values rtts;       /* microseconds */
	size_t count;
};

/* A vantage point and a service. */
struct served {
	int32_t vp, service; /* indexes */
	struct served_site *sites;
	size_t site_count, site_room;
	size_t count;       /* of all sites */
	struct values rtts; /* with those that name nobody; sorted */
};

/* A site of a service that somebody saw. */
struct offer {
	int32_t service, site;
	const struct site *place;
};

struct servings {
	struct walk walk;
	struct claims claims;
	struct served *items; /* by vantage point, then service */
	size_t count, room;
	struct offer *offers;
	size_t offer_count, offer_room;
};

void servings_read(struct servings *, struct run *);
void servings_clear(struct servings *);

/* The site that was seen most, of as many the first by name; NULL: none. */
const struct served_site *served_main(
    const struct served *, const struct catalog *);

/* The median of all round trips; -1: none. */
int64_t served_median_us(const struct served *);

#endif
