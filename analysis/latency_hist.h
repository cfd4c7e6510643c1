/*
 * Round trips counted in the buckets of a histogram (lib/histogram.h), in no
 * more room than those that were: there is one for each row of a report.
 */
#ifndef ANALYSIS_LATENCY_HIST_H
#define ANALYSIS_LATENCY_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/quantile.h"
#include "lib/histogram.h"

/* Begins zero. */
struct latency_hist {
	uint32_t low, high; /* buckets [low, high) */
	bool any;           /* something was added */
	uint64_t *count;
};

/* Add a kept form. One of a foreign database may say anything: what it says up
 * to where it makes no sense. */
void latency_hist_add(struct latency_hist *, const void *bytes, size_t len);

/* Add how often each bucket was: count[low, high), of HISTOGRAM_BUCKETS. */
struct latency_buckets {
	size_t low, high;
	const uint64_t *count;
};
void latency_hist_add_buckets(
    struct latency_hist *, const struct latency_buckets *);

/* Round trips in order: values where nothing was added to hist, else all of
 * them in buckets. */
struct latency_order {
	const struct values *values;
	const struct histogram *buckets; /* NULL: values */
	size_t count;
};

/* Those of both. Sorts the values, or puts all into room; borrows them. */
struct latency_order latency_hist_order(
    const struct latency_hist *, struct values *, struct histogram *room);

/* A percentile in microseconds (quantile.h): 0 is the least, 50 the median, 100
 * the greatest. -1: there are too few. */
int64_t latency_order_us(const struct latency_order *, unsigned percent);

void latency_hist_empty(struct latency_hist *); /* keeps the room */
void latency_hist_clear(struct latency_hist *);

#endif
