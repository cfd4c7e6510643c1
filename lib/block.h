/*
 * What an hour came to in the lanes of a vantage point, in one piece: very
 * many hours are read as quickly as their bytes. Lanes come by id; of each the
 * runs of its answers in the order of the table run, and their round trips in
 * the order of time. Times are not in it: intervals and runs have them.
 *
 * All numbers are unsigned LEB128. A lane: the distance of its id from the one
 * before (the first: its id), the bytes that follow of it, asked, unsent, and
 * its runs. A run: instance, answered, twice the round trips that are kept
 * plus one where a histogram follows, those round trips (the first as it is,
 * each other as its zigzag distance from the one before), and the length and
 * bytes of that histogram (histogram.h). Round trips are all kept, or where
 * there are over BLOCK_RTTS the first and the last BLOCK_EDGE of them.
 */
#ifndef LIB_BLOCK_H
#define LIB_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include "lib/histogram.h"

#define BLOCK_RTTS 64
#define BLOCK_EDGE 10

struct block_run {
	int64_t instance, answered;
	size_t kept;
	uint32_t rtts[BLOCK_RTTS];
	const uint8_t *hist; /* of all round trips; NULL: all are kept */
	size_t hist_len;
};

/* A run whose round trips are still where they are in the block. */
struct block_pass {
	int64_t instance, answered;
	size_t kept;
	const uint8_t *at, *end;
	const uint8_t *hist; /* as in block_run */
	size_t hist_len;
};

/* Put one more round trip behind the others, of which there were count. */
void block_run_add(struct block_run *, uint64_t count, uint32_t rtt_us);

/* --- writing --- */

struct block_writer {
	uint8_t *bytes;
	size_t len, size;
	uint8_t *runs; /* of the lane at hand */
	size_t runs_len, runs_size;
	int64_t lane; /* the last */
};

/* The runs of a lane, and then the lane, by rising ids. 0, or -1 when out of
 * memory. */
int block_put_run(struct block_writer *, const struct block_run *);
struct block_lane {
	int64_t lane, asked, unsent;
};
int block_put_lane(struct block_writer *, const struct block_lane *);
void block_writer_clear(struct block_writer *);

/* --- reading --- */

/* Begin with { bytes, bytes + len }, the rest zero. */
struct block_reader {
	const uint8_t *at, *end;
	const uint8_t *lane_end; /* of the lane at hand */
	struct block_lane lane;
};

/* 1: the next one, whatever was left of the lane before; 0: there is none;
 * -1: no block. A lane's id is over 0. What hist points to is in the block. */
int block_next_lane(struct block_reader *);
int block_next_run(struct block_reader *, struct block_run *);

/* As block_next_lane, to the next one whose id is at least so. */
int block_seek_lane(struct block_reader *, int64_t lane);

/* As block_next_run, and read the round trips of one that was passed: for
 * those who want few of them. block_pass_rtts: 0, or -1: no block. */
int block_pass_run(struct block_reader *, struct block_pass *);
int block_pass_rtts(const struct block_pass *, uint32_t rtts[BLOCK_RTTS]);

#endif
