#include "analysis/samples.h"

#include <stdlib.h>
#include "analysis/compare.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/samples_kept.h"
#include "analysis/samples_rows.h"
#include "analysis/samples_runs.h"
#include "lib/limits.h"
#include "lib/times.h"

void
sampler_init(struct sampler *sampler, struct query *q, const struct catalog *c)
{
	*sampler = (struct sampler){ .query = q, .catalog = c };
	sampler->lane_ends =
	    memory_zeroed(c->lane_count, sizeof(*sampler->lane_ends));
	sampler->rows = row_source_new(q, c);
	sampler->batch = query_prepare(q,
	    "SELECT m.lane, b.t0 + m.dt_us, m.outcome, m.rtt_us, m.instance,"
	    " m.rcode, b.every_s"
	    " FROM batch b CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " WHERE b.id = ?1");
	sampler->back = query_prepare(q,
	    "SELECT m.lane, b.t0 + m.dt_us, m.outcome, m.rtt_us, m.instance,"
	    " m.rcode, b.every_s, b.t0"
	    " FROM batch b CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " AND m.lane = ?2"
	    " WHERE b.vp = ?1 AND b.t0 <= ?3 AND b.t0 >= ?4 - ?5"
	    " AND b.too_late = 0 ORDER BY b.t0 DESC");
	sampler->every = query_prepare(q,
	    "SELECT every_s FROM batch WHERE vp = ?1 AND t0 < ?2"
	    " ORDER BY t0 DESC LIMIT 1");
	sampler->runs = run_source_new(q, c);
	sampler->span = query_prepare(
	    q, "SELECT t1 FROM batch WHERE id = ?1 AND pruned & 4");
	sampler->unsettled = query_prepare(
	    q, "SELECT min(hour) FROM unsettled WHERE vp = ?1 AND hour < ?2");
	sampler->any = query_prepare(q,
	    "SELECT 1 FROM batch WHERE vp = ?1 AND t0 >= ?2 - ?4 AND t0 < ?3"
	    " AND t1 >= ?2 LIMIT 1");
	sampler->before =
	    query_prepare(q, "SELECT max(t0) FROM batch WHERE vp = ?1"
			     " AND t0 < ?2");
	sampler->runs_back = query_prepare(q,
	    "SELECT last, instance FROM run WHERE hour = ?1 AND lane = ?2"
	    " AND first < ?3 AND instance > 0 ORDER BY first DESC, tie DESC");
}

void
sampler_clear(struct sampler *sampler)
{
	samples_kept_free(sampler->kept, sampler->catalog);
	free(sampler->lane_ends);
	samples_clear(&sampler->spare);
	row_source_free(sampler->rows);
	query_finish(sampler->batch);
	query_finish(sampler->back);
	query_finish(sampler->every);
	query_finish(sampler->unsettled);
	query_finish(sampler->span);
	query_finish(sampler->any);
	query_finish(sampler->before);
	query_finish(sampler->runs_back);
	run_source_free(sampler->runs);
	*sampler = (struct sampler){ 0 };
}

/* The current row; false where its lane is not wanted, or in a foreign
 * database not one of the vantage point's. */
static bool
read_row(struct sampler *sampler, struct query_rows *rows, int32_t vp,
    struct sample *sample)
{
	int64_t rtt = query_int(rows, 3);
	int32_t named = -1;

	sample->lane = catalog_lane(sampler->catalog, query_int(rows, 0));
	if (sample->lane < 0 || sampler->catalog->lanes[sample->lane].vp != vp)
		return false;
	sample->t_us = query_int(rows, 1);
	sample->outcome = (uint8_t)query_int(rows, 2);
	sample->rtt_us = SAMPLE_NO_RTT;
	sample->rcode =
	    query_null(rows, 5) ? -1 : (int16_t)(query_int(rows, 5) & 0xfff);
	sample->every_s = (int32_t)query_int(rows, 6);
	if (sample_answered(sample)) {
		if (!query_null(rows, 3) && rtt >= 0 && rtt < SAMPLE_NO_RTT)
			sample->rtt_us = (uint32_t)rtt;
		named = catalog_instance(sampler->catalog, query_int(rows, 4));
	}
	if (named >= 0 && sampler->catalog->instances[named].method < 0)
		named = -1;
	sample->instance = named;
	judge_sample(sampler->catalog, sample);
	return true;
}

void
samples_add(struct samples *samples, const struct sample *sample)
{
	if (samples->count == samples->room)
		samples->items = memory_grow(
		    samples->items, &samples->room, sizeof(*samples->items));
	samples->items[samples->count++] = *sample;
}

/* Instances are in the order of their ranks already, and "none" is first. */
static int
compare(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;
	int order;

	if ((order = compare_int(a->lane, b->lane)) != 0 ||
	    (order = compare_int(a->t_us, b->t_us)) != 0 ||
	    (order = compare_int(a->instance, b->instance)) != 0 ||
	    (order = compare_int(a->outcome, b->outcome)) != 0)
		return order;
	return compare_int(a->rtt_us, b->rtt_us);
}

/* A lane's samples nearly always come in order already. */
static void
sort_lane(struct sample *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (compare(&items[i - 1], &items[i]) > 0) {
			qsort(items, count, sizeof(*items), compare);
			return;
		}
	}
}

/* The sorted items for those of the samples, whose count stays. */
static void
swap(struct samples *samples, struct samples *sorted)
{
	const struct samples unsorted = *samples;

	samples->items = sorted->items;
	samples->room = sorted->room;
	sorted->items = unsorted.items;
	sorted->room = unsorted.room;
}

/* Counted out. */
void
samples_by_lane(struct sampler *sampler, struct samples *samples, int32_t vp)
{
	const struct vantage *v = &sampler->catalog->vps[vp];
	size_t *end = sampler->lane_ends, begin = 0;
	struct sample *sorted;

	for (size_t i = 0; i < v->lane_count; i++)
		end[v->lanes[i]] = 0;
	for (size_t i = 0; i < samples->count; i++)
		end[samples->items[i].lane]++;
	for (size_t i = 0; i < v->lane_count; i++) {
		size_t count = end[v->lanes[i]];

		end[v->lanes[i]] = begin;
		begin += count;
	}
	while (sampler->spare.room < samples->count)
		sampler->spare.items = memory_grow(sampler->spare.items,
		    &sampler->spare.room, sizeof(*sorted));
	sorted = sampler->spare.items;
	for (size_t i = 0; i < samples->count; i++)
		sorted[end[samples->items[i].lane]++] = samples->items[i];
	swap(samples, &sampler->spare);
}

/* By lane, and then each lane: rows come by batch, in time. */
static void
sort(struct sampler *sampler, struct samples *samples, int32_t vp)
{
	const struct vantage *v = &sampler->catalog->vps[vp];
	const size_t *end = sampler->lane_ends;
	size_t begin = 0;

	samples_by_lane(sampler, samples, vp);
	for (size_t i = 0; i < v->lane_count; i++) {
		sort_lane(samples->items + begin, end[v->lanes[i]] - begin);
		begin = end[v->lanes[i]];
	}
}

void
samples_read_window(struct sampler *sampler, struct samples *samples,
    int32_t vp, const int64_t window_us[2])
{
	const int64_t since_us = window_us[0], until_us = window_us[1];
	const int64_t horizon_us = run_source_horizon(sampler->runs, vp);
	const int64_t raw_us = horizon_us > since_us ? horizon_us : since_us;

	samples->count = 0;
	if (since_us < raw_us)
		run_source_read(sampler->runs, samples, vp, since_us,
		    raw_us < until_us ? raw_us : until_us);
	row_source_read(sampler->rows, samples,
	    &(struct row_window){
		.vp = vp,
		.since_us = raw_us,
		.until_us = until_us,
		.wanted = sampler->wanted,
	    });
	sort(sampler, samples, vp);
}

void
samples_read(struct sampler *sampler, struct samples *samples, int32_t vp,
    int64_t since_us, int64_t until_us)
{
	const int64_t window_us[] = { since_us, until_us };

	if (samples_kept_hold(sampler, vp, since_us, until_us))
		samples_kept_copy(sampler, samples, vp, window_us);
	else
		samples_read_window(sampler, samples, vp, window_us);
}

/* A batch whose rows were taken: one sample of each lane of its last hour. */
static void
read_lanes_of(
    struct sampler *sampler, struct samples *samples, int32_t vp, int64_t batch)
{
	struct query_rows *rows = sampler->span;
	int64_t hour_us = -1;
	size_t count = 0;

	query_bind(rows, 1, batch);
	if (query_next(rows))
		hour_us = query_int(rows, 0) / HOUR_US * HOUR_US;
	query_reset(rows);
	if (hour_us < 0)
		return;
	run_source_read(sampler->runs, samples, vp, hour_us, hour_us + HOUR_US);
	sort(sampler, samples, vp);
	for (size_t i = 0; i < samples->count; i++) {
		if (count == 0 ||
		    samples->items[count - 1].lane != samples->items[i].lane)
			samples->items[count++] = samples->items[i];
	}
	samples->count = count;
}

void
samples_read_batch(
    struct sampler *sampler, struct samples *samples, int32_t vp, int64_t batch)
{
	struct query_rows *rows = sampler->batch;
	struct sample sample;

	samples->count = 0;
	if (run_source_horizon(sampler->runs, vp) != INT64_MIN)
		read_lanes_of(sampler, samples, vp, batch);
	query_bind(rows, 1, batch);
	while (query_next(rows)) {
		if (read_row(sampler, rows, vp, &sample))
			samples_add(samples, &sample);
	}
	query_reset(rows);
}

static int
compare_newest_first(const void *a, const void *b)
{
	return compare(b, a);
}

/* Newest first, and no more than are wanted. */
static void
keep_newest(struct samples *samples, size_t max)
{
	qsort(samples->items, samples->count, sizeof(*samples->items),
	    compare_newest_first);
	if (samples->count > max)
		samples->count = max;
}

bool
samples_in_span(const struct sampler *sampler, const struct samples_span *span,
    const struct sample *sample)
{
	return sample->instance >= 0 &&
	       sampler->catalog->instances[sample->instance].method ==
		   span->method &&
	       sample->t_us < span->before_us && sample->t_us >= span->first_us;
}

static void
read_back_runs(struct sampler *sampler, struct samples *samples,
    const struct samples_span *span, int64_t horizon_us)
{
	const int64_t newest_us =
	    span->before_us < horizon_us ? span->before_us : horizon_us;
	int64_t hour = (newest_us - 1) / HOUR_US;
	struct samples part = { 0 };

	while (samples->count < span->max && hour >= span->first_us / HOUR_US) {
		part.count = 0;
		if (!run_source_back(sampler->runs, &part, span->lane, &hour))
			break;
		for (size_t i = 0; i < part.count; i++) {
			if (samples_in_span(sampler, span, &part.items[i]))
				samples_add(samples, &part.items[i]);
		}
		hour--;
	}
	keep_newest(samples, span->max);
	samples_clear(&part);
}

void
samples_read_back(struct sampler *sampler, struct samples *samples,
    const struct samples_span *span)
{
	const struct lane *lane = &sampler->catalog->lanes[span->lane];
	struct query_rows *rows = sampler->back;
	int32_t vp = lane->vp;
	const int64_t horizon_us = run_source_horizon(sampler->runs, vp);
	struct sample sample;

	samples->count = 0;
	query_bind(rows, 1, sampler->catalog->vps[vp].id);
	query_bind(rows, 2, lane->id);
	query_bind(rows, 3,
	    span->last_us < span->before_us ? span->last_us : span->before_us);
	query_bind(rows, 4, span->first_us);
	query_bind(rows, 5, LIMIT_BATCH_SPAN_US);
	while (query_next(rows)) {
		/* Batches overlap by up to their span: a row of an earlier
		 * one can be newer than what is held. */
		if (samples->count >= span->max &&
		    query_int(rows, 7) <
			samples->items[samples->count - 1].t_us -
			    LIMIT_BATCH_SPAN_US)
			break;
		if (!read_row(sampler, rows, vp, &sample) ||
		    !samples_in_span(sampler, span, &sample) ||
		    sample.t_us < horizon_us)
			continue;
		samples_add(samples, &sample);
		keep_newest(samples, span->max);
	}
	query_reset(rows);
	if (samples->count < span->max && span->first_us < horizon_us)
		read_back_runs(sampler, samples, span, horizon_us);
}

void
samples_clear(struct samples *samples)
{
	free(samples->items);
	*samples = (struct samples){ 0 };
}

size_t
samples_lane_end(const struct samples *samples, size_t from)
{
	size_t end = from;

	while (end < samples->count &&
	       samples->items[end].lane == samples->items[from].lane)
		end++;
	return end;
}

int64_t
samples_every_s(struct sampler *sampler, int32_t vp, int64_t before_us)
{
	struct query_rows *rows = sampler->every;
	int64_t every_s = 0;

	query_bind(rows, 1, sampler->catalog->vps[vp].id);
	query_bind(rows, 2, before_us);
	if (query_next(rows))
		every_s = query_int(rows, 0);
	query_reset(rows);
	return every_s < 0 || every_s > INT32_MAX ? 0 : every_s;
}

bool
samples_any(
    struct sampler *sampler, int32_t vp, int64_t since_us, int64_t until_us)
{
	struct query_rows *rows = sampler->any;
	bool any;

	if (run_source_horizon(sampler->runs, vp) > since_us)
		return true; /* of what was taken batches need not tell */
	query_bind(rows, 1, sampler->catalog->vps[vp].id);
	query_bind(rows, 2, since_us);
	query_bind(rows, 3, until_us);
	query_bind(rows, 4, LIMIT_BATCH_SPAN_US);
	any = query_next(rows);
	query_reset(rows);
	return any;
}

int64_t
samples_settled_before(struct sampler *sampler, int32_t vp, int64_t since_us)
{
	struct query_rows *rows = sampler->unsettled;
	int64_t hour_us = since_us;

	query_bind(rows, 1, sampler->catalog->vps[vp].id);
	query_bind(rows, 2, since_us / HOUR_US + 1);
	if (query_next(rows) && !query_null(rows, 0) &&
	    query_int(rows, 0) > 0 &&
	    query_int(rows, 0) < since_us / HOUR_US + 1)
		hour_us = query_int(rows, 0) * HOUR_US;
	query_reset(rows);
	return hour_us < since_us ? hour_us : since_us;
}
