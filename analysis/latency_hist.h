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

/* Replace a histogram by these and values together. */
void latency_hist_put(
    const struct latency_hist *, const struct values *, struct histogram *);

void latency_hist_empty(struct latency_hist *); /* keeps the room */
void latency_hist_clear(struct latency_hist *);

#endif
