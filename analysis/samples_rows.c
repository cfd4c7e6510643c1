#include "analysis/samples_rows.h"

#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/limits.h"

#define SPAN_US (LIMIT_BATCH_SPAN_S * 1000000LL)

struct row_source {
	const struct catalog *catalog;
	struct query_rows *all, *wanted;
	struct query_function function;
	/* at hand */
	const struct row_window *window;
	struct samples *samples;
};

/* A row: lane, time, outcome, round trip, instance, rcode, every_s. Not of a
 * lane that is not in the catalog, or in a foreign database not of the vantage
 * point. */
static void
take_row(void *context, const int64_t *row)
{
	struct row_source *r = context;
	const struct catalog *c = r->catalog;
	struct samples *samples = r->samples;
	const int32_t lane = catalog_lane(c, row[0]);
	struct sample *sample;
	int32_t named;

	if (lane < 0 || c->lanes[lane].vp != r->window->vp ||
	    row[1] < r->window->since_us || row[1] >= r->window->until_us)
		return;
	if (samples->count == samples->room)
		samples->items = memory_grow(
		    samples->items, &samples->room, sizeof(*samples->items));
	sample = &samples->items[samples->count++];
	*sample = (struct sample){
		.t_us = row[1],
		.lane = lane,
		.instance = -1,
		.rtt_us = SAMPLE_NO_RTT,
		.every_s = (int32_t)row[6],
		.rcode = row[5] == QUERY_NULL ? -1 : (int16_t)(row[5] & 0xfff),
		.outcome = (uint8_t)row[2],
	};
	if (sample_answered(sample)) {
		if (row[3] >= 0 && row[3] < SAMPLE_NO_RTT)
			sample->rtt_us = (uint32_t)row[3];
		named = row[4] == QUERY_NULL ? -1 : catalog_instance(c, row[4]);
		if (named >= 0 && c->instances[named].method >= 0)
			sample->instance = named;
	}
	judge_sample(c, sample);
}

static bool
is_wanted(void *context, int64_t lane_id)
{
	const struct row_source *r = context;
	const int32_t lane = catalog_lane(r->catalog, lane_id);

	return lane >= 0 && r->window->wanted[lane];
}

#define ROWS_SQL                                                            \
	"SELECT collect(?5, m.lane, b.t0 + m.dt_us, m.outcome, m.rtt_us,"   \
	" m.instance, m.rcode, b.every_s)"                                  \
	" FROM batch b CROSS JOIN measurement m"                            \
	" ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"         \
	" WHERE b.vp = ?1 AND b.t0 >= ?2 - ?4 AND b.t0 < ?3 AND b.t1 >= ?2" \
	" AND b.too_late = 0"

struct row_source *
row_source_new(struct query *q, const struct catalog *catalog)
{
	struct row_source *r = memory_zeroed(1, sizeof(*r));

	r->catalog = catalog;
	r->function = (struct query_function){ take_row, is_wanted, r };
	r->all = query_prepare(q, ROWS_SQL);
	r->wanted = query_prepare(q, ROWS_SQL " AND keeps(?5, m.lane)");
	return r;
}

void
row_source_free(struct row_source *r)
{
	if (r == NULL)
		return;
	query_finish(r->all);
	query_finish(r->wanted);
	free(r);
}

void
row_source_read(struct row_source *r, struct samples *samples,
    const struct row_window *window)
{
	struct query_rows *rows = window->wanted == NULL ? r->all : r->wanted;

	r->window = window;
	r->samples = samples;
	query_bind(rows, 1, r->catalog->vps[window->vp].id);
	query_bind(rows, 2, window->since_us);
	query_bind(rows, 3, window->until_us);
	query_bind(rows, 4, SPAN_US);
	query_bind_function(rows, 5, &r->function);
	query_run(rows);
}
