#include "analysis/run_hours.h"

#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/times.h"

#define MANY 1000000 /* records */

bool
run_hours_many(struct query *q, int64_t since_us, int64_t until_us)
{
	struct query_rows *rows = query_prepare(
	    q, "SELECT sum(rows) FROM batch WHERE t0 >= ?1 AND t0 < ?2");
	bool many;

	query_bind(rows, 1, since_us);
	query_bind(rows, 2, until_us);
	many = query_next(rows) && query_int(rows, 0) >= MANY;
	query_finish(rows);
	return many;
}

static void
find_ends(struct run_hours *h)
{
	const struct catalog *c = h->catalog;
	struct query_rows *rows = query_prepare(h->query,
	    "SELECT min(hour) FROM unsettled WHERE vp = ?1 AND hour >= ?2"
	    " AND hour < ?3");

	for (size_t i = 0; i < c->vp_count; i++) {
		h->end_hour[i] = h->to_hour;
		query_bind(rows, 1, c->vps[i].id);
		query_bind(rows, 2, h->from_hour);
		query_bind(rows, 3, h->to_hour);
		if (query_next(rows) && !query_null(rows, 0))
			h->end_hour[i] = query_int(rows, 0);
		query_reset(rows);
		if (judge_has_songs(c, (int32_t)i))
			h->end_hour[i] = h->from_hour;
	}
	query_finish(rows);
}

void
run_hours_init(struct run_hours *h, struct query *q, const struct catalog *c,
    const int64_t window_us[2])
{
	*h = (struct run_hours){
		.query = q,
		.catalog = c,
		.from_hour = (window_us[0] + HOUR_US - 1) / HOUR_US,
		.to_hour = window_us[1] / HOUR_US,
		.end_hour = memory_zeroed(c->vp_count, sizeof(*h->end_hour)),
	};
	if (h->to_hour < h->from_hour)
		h->to_hour = h->from_hour;
	find_ends(h);
}

void
run_hours_clear(struct run_hours *h)
{
	free(h->end_hour);
	*h = (struct run_hours){ 0 };
}

bool
run_hours_cover(
    const struct run_hours *h, int32_t vp, int64_t *from_us, int64_t *to_us)
{
	*from_us = h->from_hour * HOUR_US;
	*to_us = h->end_hour[vp] * HOUR_US;
	return *from_us < *to_us;
}

static bool
read_row(
    const struct run_hours *h, struct query_rows *rows, struct run_row *run)
{
	const struct catalog *c = h->catalog;
	const int64_t instance = query_int(rows, 4);

	run->hour = query_int(rows, 0);
	run->lane = catalog_lane(c, query_int(rows, 1));
	if (run->lane < 0 || run->hour >= h->end_hour[c->lanes[run->lane].vp])
		return false;
	run->first_us = query_int(rows, 2);
	run->last_us = query_int(rows, 3);
	run->lost = instance == 0;
	run->instance = catalog_instance(c, instance);
	run->asked = query_int(rows, 5);
	run->answered = query_int(rows, 6);
	run->unsent = query_int(rows, 7);
	run->hist = query_bytes(rows, 8, &run->hist_len);
	return true;
}

void
run_hours_read(const struct run_hours *h, run_hours_fn *give, void *context)
{
	struct query_rows *rows = query_prepare(h->query,
	    "SELECT hour, lane, first, last, instance, asked, answered, unsent,"
	    " hist FROM run WHERE hour >= ?1 AND hour < ?2"
	    " ORDER BY hour, lane, first, tie");
	struct run_row run;

	query_bind(rows, 1, h->from_hour);
	query_bind(rows, 2, h->to_hour);
	while (query_next(rows)) {
		if (read_row(h, rows, &run))
			give(context, &run);
	}
	query_finish(rows);
}
