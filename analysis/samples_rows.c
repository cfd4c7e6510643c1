#include "analysis/samples_rows.h"

#include <stdlib.h>
#include "analysis/batch_rows.h"
#include "analysis/judge.h"
#include "analysis/memory.h"

struct row_source {
	const struct catalog *catalog;
	struct batch_rows rows;
	/* at hand */
	const struct row_window *window;
	struct samples *samples;
};

/* A row: lane, time in its batch, outcome, round trip, instance, rcode. Not of
 * a lane that is not in the catalog, or in a foreign database not of the
 * vantage point. */
static void
take_row(void *context, const int64_t *row)
{
	struct row_source *r = context;
	const struct catalog *c = r->catalog;
	struct samples *samples = r->samples;
	const int32_t lane = catalog_lane(c, row[0]);
	const int64_t t_us = r->rows.t0_us + row[1];
	struct sample *sample;
	int32_t named;

	if (lane < 0 || c->lanes[lane].vp != r->window->vp ||
	    t_us < r->window->since_us || t_us >= r->window->until_us)
		return;
	if (samples->count == samples->room)
		samples->items = memory_grow(
		    samples->items, &samples->room, sizeof(*samples->items));
	sample = &samples->items[samples->count++];
	*sample = (struct sample){
		.t_us = t_us,
		.lane = lane,
		.instance = -1,
		.rtt_us = SAMPLE_NO_RTT,
		.every_s = (int32_t)r->rows.every_s,
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

struct row_source *
row_source_new(struct query *q, const struct catalog *catalog)
{
	struct row_source *r = memory_zeroed(1, sizeof(*r));

	r->catalog = catalog;
	batch_rows_init(&r->rows, q,
	    "m.lane, m.dt_us, m.outcome, m.rtt_us, m.instance, m.rcode");
	return r;
}

void
row_source_free(struct row_source *r)
{
	if (r == NULL)
		return;
	batch_rows_clear(&r->rows);
	free(r);
}

void
row_source_read(struct row_source *r, struct samples *samples,
    const struct row_window *window)
{
	r->window = window;
	r->samples = samples;
	batch_rows_read(&r->rows,
	    &(struct batch_window){
		.vp = r->catalog->vps[window->vp].id,
		.since_us = window->since_us,
		.until_us = window->until_us,
	    },
	    &(struct query_function){
		.collect = take_row,
		.keeps = window->wanted == NULL ? NULL : is_wanted,
		.context = r,
	    });
}
