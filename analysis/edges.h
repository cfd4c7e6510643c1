/*
 * What is enough to tell where a lane changed: of each stretch of one instance
 * its first and its last sight, the first ten round trips and the last ten.
 * Out of intervals and blocks; raw rows are read only for what is not settled
 * yet and for an hour that the window cuts.
 */
#ifndef ANALYSIS_EDGES_H
#define ANALYSIS_EDGES_H

#include "analysis/blocks.h"
#include "analysis/methods.h"
#include "analysis/reports.h"
#include "analysis/trail.h"

#define EDGE_RTTS 10

struct edges_window {
	struct run *run;
	const struct methods *methods;
	const struct historian *historian; /* what is compared */
	const bool *wanted;                /* lanes */
};

struct edges {
	struct edges_window of;
	struct blocks blocks;
	struct intervals *intervals;
	struct samples raw, back;
	struct stretch *stretches; /* of the lane at hand, in order */
	size_t count, room;
	struct block_pass *runs; /* of the stretch at hand, that are wanted */
	size_t run_count, run_room;
	/* of the vantage point at hand: hours [back, cut) are in blocks */
	int64_t back_hour, cut_hour;
	bool has_raw; /* samples from the cut on */
};

/* What is in the window is borrowed. */
void edges_init(struct edges *, const struct edges_window *);
void edges_clear(struct edges *);

/* Replace samples by those of a vantage point (index), lane by lane: of the
 * stretch of the same place in which the window of the run begins, and of all
 * that follow in it. Those between the first and the last sight of a stretch
 * have the time of the first. False: this cannot be told from blocks. */
bool edges_read(struct edges *, struct samples *, int32_t vp);

#endif
