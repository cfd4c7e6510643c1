/*
 * What whole, settled hours came to: the runs in which the store keeps it, of
 * all vantage points in one pass. They are a tenth of the records and fewer,
 * and say how many there were, of whom, between which times, and how long
 * they took (to 1 %).
 */
#ifndef ANALYSIS_RUN_HOURS_H
#define ANALYSIS_RUN_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/query.h"

struct run_hours {
	struct query *query;
	const struct catalog *catalog;
	int64_t from_hour, to_hour;
	int64_t *end_hour; /* by vantage point: what is before is covered */
};

/* One run of acstore(5). */
struct run_row {
	int64_t hour;
	int32_t lane;
	int32_t instance; /* index; -1: not known */
	bool lost;        /* not answered: then of the lane's whole hour */
	int64_t first_us, last_us, asked, answered, unsent;
	const void *hist; /* kept form, valid in the callback */
	size_t hist_len;
};

/* Whether a window has so many records that runs are worth it. */
bool run_hours_many(struct query *, int64_t since_us, int64_t until_us);

/* The whole hours of a window; of a vantage point those before its first that
 * is not settled, and none where a canary makes its answers be judged one by
 * one. */
void run_hours_init(struct run_hours *, struct query *, const struct catalog *,
    const int64_t window_us[2]);
void run_hours_clear(struct run_hours *);

/* Between which times those of a vantage point (index) are; false: none. */
bool run_hours_cover(
    const struct run_hours *, int32_t vp, int64_t *from_us, int64_t *to_us);

/* Give every run of hours that are covered: by hour, lane's id, time. */
typedef void run_hours_fn(void *context, const struct run_row *);
void run_hours_read(const struct run_hours *, run_hours_fn *, void *context);

#endif
