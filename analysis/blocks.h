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

#endif
