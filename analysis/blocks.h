/*
 * The blocks of a vantage point (lib/block.h): what its settled hours came to,
 * lane by lane. All of a stretch of hours are held at once, so that a lane is
 * read through all of them.
 */
#ifndef ANALYSIS_BLOCKS_H
#define ANALYSIS_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/query.h"
#include "lib/block.h"

struct block_hour {
	int64_t hour;
	size_t from, end; /* of the bytes */
	bool going;       /* the reader stands at a lane */
	struct block_reader reader;
};

struct blocks {
	struct query_rows *rows, *before, *beside, *unsettled;
	struct query_rows *last_answer, *last_loss;
	struct block_hour *hours; /* in the order of time */
	size_t count, room;
	uint8_t *bytes;
	size_t len, size;
	int64_t complete_from; /* hour; INT64_MAX: there are none */
};

void blocks_init(struct blocks *, struct query *);
void blocks_clear(struct blocks *);

/* Whether there is a block of every hour from this one on that is settled and
 * has records. An hour that is not settled may have an old one. */
bool blocks_complete(const struct blocks *, int64_t from_hour);

/* Of a vantage point (id) and a window: the first hour of which nothing is
 * before the window, and the end of those that are settled and of which nothing
 * is behind it. */
int64_t blocks_begin(struct blocks *, int64_t vp, int64_t since_us);
int64_t blocks_end(struct blocks *, int64_t vp, int64_t until_us);

/* Hold those of a vantage point (id) with from <= hour < to, until their bytes
 * come to max. The hour with which to go on; to: there are no more. */
struct block_stretch {
	int64_t vp, from_hour, to_hour;
	size_t max;
};
int64_t blocks_read(struct blocks *, const struct block_stretch *);

/* The hour of the count-th block before an hour; that hour: fewer are there. */
int64_t blocks_hour_back(
    struct blocks *, int64_t vp, int64_t before_hour, int count);

/* The next lane after one (ids; first: 0) in any of the hours; 0: no more. The
 * hours that have it are those whose reader's lane it is and that are going. */
int64_t blocks_next_lane(struct blocks *, int64_t lane);

/* When a lane (id) was last answered in an hour, and what was lost last in it:
 * a block does not say that, the table of runs does. -1: it has no such run. */
int64_t blocks_last_answer(struct blocks *, int64_t hour, int64_t lane);
int64_t blocks_last_loss(struct blocks *, int64_t hour, int64_t lane);

/* Whether intervals that touch some hours, the last of which ends at last_us,
 * may be there though so many of them got no run out of these hours, which end
 * at end_us: one alone may reach over all of them without a sight. */
bool blocks_allow_unseen(
    size_t intervals, size_t unseen, int64_t last_us, int64_t end_us);

#endif
