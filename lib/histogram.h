/*
 * Histograms of round-trip times that can be kept small and added up
 * (DESIGN.md 7). Bucket b counts the times whose floor(ln(us) / ln 1.02) is
 * b, so every time lies within 1 % of its bucket's middle. A time below one
 * microsecond counts as one.
 *
 * The kept form is sparse and canonical: for each bucket that is not empty,
 * in rising order, two unsigned LEB128 numbers: the distance from the bucket
 * before (the first: its number) and the count. Adding the histograms of
 * parts gives the histogram of the whole, byte for byte.
 */
#ifndef LIB_HISTOGRAM_H
#define LIB_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LIMIT_RTT_US falls in bucket 1111. */
#define HISTOGRAM_BUCKETS 1112
/* The kept form of any histogram fits: a bucket takes at most 2 + 10 bytes. */
#define HISTOGRAM_BYTES (HISTOGRAM_BUCKETS * 12)

struct histogram {
	uint64_t total;
	size_t low, high; /* buckets outside [low, high) are empty */
	uint64_t count[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *);
/* Empty again; costs as much as was used, not as much as there is. */
void histogram_clear(struct histogram *);

/* Count one time; over LIMIT_RTT_US it counts as that. */
void histogram_add(struct histogram *, int64_t rtt_us);

/* The bucket of very many times: found in a table, not worked out. */
struct histogram_table {
	uint16_t bucket[32 * 64]; /* of the first time of a cell, */
	uint32_t first[HISTOGRAM_BUCKETS + 1]; /* and of a bucket */
};
void histogram_table_init(struct histogram_table *);

/* A cell: the highest bit that is set, and the six below it. A bucket is
 * wider. */
static inline size_t
histogram_table_bucket(const struct histogram_table *t, uint32_t rtt_us)
{
	const unsigned high =
	    rtt_us == 0 ? 0 : 31 - (unsigned)__builtin_clz(rtt_us);
	const uint64_t scaled = ((uint64_t)rtt_us << 6) >> high;
	const size_t bucket = t->bucket[high << 6 | (scaled & 63)];

	return bucket + (rtt_us >= t->first[bucket + 1]);
}

/* Count a bucket's times; none is no error, a bucket too high counts as none.
 */
void histogram_add_bucket(struct histogram *, size_t bucket, uint64_t count);

/* The kept form; its length. out holds HISTOGRAM_BYTES. */
size_t histogram_encode(const struct histogram *, uint8_t *out);

/* Add what is kept. 0, or -1 where the bytes are no kept form (an empty
 * bucket, one too high, a number too long or cut, a total over 2^63); the
 * histogram is then as it was. No bytes at all is an empty histogram. */
int histogram_merge(struct histogram *, const void *bytes, size_t len);

/* The buckets of a kept form, one by one, in rising order. Begin with
 * { bytes, len }, the rest zero. 1: bucket and count are the next one's; 0:
 * the end; -1: no kept form. */
struct histogram_kept {
	const uint8_t *bytes;
	size_t len, at;
	uint64_t bucket, count;
	bool going; /* not the first any more */
};
int histogram_kept_next(struct histogram_kept *);

/* The time of rank 1 .. total in rising order: the middle of its bucket, in
 * whole microseconds. -1 where there is no such rank. */
int64_t histogram_rank_us(const struct histogram *, uint64_t rank);

/* Percentile by nearest rank, 0 < percent <= 100; for 50 of an even total the
 * mean of the middle two (FIELD.md F10). -1 where it is empty. */
double histogram_percentile_us(const struct histogram *, double percent);

#endif
