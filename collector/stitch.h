/*
 * The intervals of a lane around one hour whose runs were made anew
 * (DESIGN.md 7): what overlaps the hour is cut into the piece before and the
 * piece after, the hour's runs are put in between, and neighbours of one
 * instance are joined.
 */
#ifndef COLLECTOR_STITCH_H
#define COLLECTOR_STITCH_H

#include <stdint.h>
#include "collector/store.h"

/* An interval, or a run on its way into one. */
struct stretch {
	int64_t first, tie, last, instance;
};

struct stretches {
	struct stretch *items;
	size_t count, size;
};
int stretches_add(struct stretches *, const struct stretch *);
void stretches_clear(struct stretches *);

struct stitch {
	struct store *store;
	int64_t hour, start, end; /* start <= t < end */
	/* Room that is used again from lane to lane. */
	struct stretches runs; /* the lane's, of the hour, in order */
	struct stretches old, new;
};

/* Stitch the lane whose runs of the hour are in runs. The table run holds
 * them already, and those of all other hours as they were. */
enum store_result stitch_lane(struct stitch *, int64_t lane);
void stitch_clear(struct stitch *);

#endif
