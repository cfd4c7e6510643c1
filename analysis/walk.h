/*
 * A walk over the lanes that are compared: each with its samples of the
 * window and its trail.
 */
#ifndef ANALYSIS_WALK_H
#define ANALYSIS_WALK_H

#include "analysis/methods.h"
#include "analysis/reports.h"
#include "analysis/trail.h"

struct edges;

struct walk {
	struct run *run;
	struct methods methods;
	struct historian historian;
	bool *wanted; /* lanes: those that are compared */
	/* Where set, of a lane there is what tells its changes (edges.h). */
	struct edges *edges;
	struct samples samples;
	/* of the lane at hand; samples[part.from] is its first */
	struct trail_part part;
	struct trail trail;
	struct units units;
};

/* Over the window of the run; methods are chosen. */
void walk_init(struct walk *, struct run *);
void walk_clear(struct walk *);

/* Every lane that is compared and has a sample in the window, vantage point
 * by vantage point. Samples from before the window may be there too, where
 * what is before it is not settled. */
typedef void walk_fn(struct walk *, void *context);
void walk_lanes(struct walk *, walk_fn *, void *context);

#endif
