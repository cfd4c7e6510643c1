/*
 * The intervals of a lane, from the newest on. Several parts of a report ask
 * for those of every lane: where lanes have few, as they nearly always do, the
 * table is read once for all of them, and else lane by lane.
 */
#ifndef ANALYSIS_INTERVALS_H
#define ANALYSIS_INTERVALS_H

#include <stdbool.h>
#include <stdint.h>

struct query;

struct interval_row {
	int64_t first_us, last_us;
	int64_t instance; /* id */
};

/* One lane at a time. What is held belongs to the query, which outlives it. */
struct intervals;
struct intervals *intervals_new(struct query *);
void intervals_free(struct intervals *);

/* Those of a lane (id) that begin before a time. */
void intervals_begin(struct intervals *, int64_t lane, int64_t before_us);
/* NULL: there are no more. Valid until the next call. */
const struct interval_row *intervals_next(struct intervals *);
/* Of the lane no more is asked. */
void intervals_end(struct intervals *);

#endif
