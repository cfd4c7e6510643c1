/*
 * Percentiles by the rules of DESIGN.md 9: nearest rank, never averaged, and
 * blank where there are too few values. All exact, over sorted integers.
 */
#ifndef ANALYSIS_QUANTILE_H
#define ANALYSIS_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Growing array of round trips in microseconds. */
struct values {
	int64_t *items;
	size_t count, room;
};

void values_add(struct values *, int64_t); /* exits when out of memory */
void values_clear(struct values *);

void quantile_sort(int64_t *sorted, size_t count);

/* Nearest rank: the ceil(percent / 100 * count)-th value, 1-based; percent 0
 * is the first. count > 0. */
int64_t quantile_nearest(const int64_t *sorted, size_t count, unsigned percent);

/* The middle value, or the mean of the two middle ones, half a microsecond
 * rounded up. count > 0. */
int64_t quantile_median(const int64_t *sorted, size_t count);

/* Whether count values are enough for a percentile: 10 for p90, 20 for p95,
 * 100 for p99. */
bool quantile_enough(size_t count, unsigned percent);

#endif
