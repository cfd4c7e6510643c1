#include "analysis/samples_runs.h"

#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/histogram.h"
#include "lib/limits.h"
#include "lib/times.h"

#define RUN_SAMPLES LIMIT_BATCH_RECORDS /* of one run; real ones: < 4,000 */

struct run_source {
	const struct catalog *catalog;
	struct query_rows *hours, *lane, *hour, *unsettled;
	int64_t horizon_us;
	bool used;
	struct histogram hist;
};

#define RUN_COLUMNS                                                            \
	"r.lane, r.first, r.last, r.instance, r.answered, r.asked, r.unsent, " \
	"r.hist"

static int64_t
read_horizon(struct query *q)
{
	struct query_rows *rows =
	    query_prepare(q, "SELECT CAST(value AS INTEGER) FROM setting"
			     " WHERE name = 'raw_horizon' AND EXISTS"
			     " (SELECT 1 FROM batch WHERE pruned & 4)");
	int64_t horizon_us = INT64_MIN;

	if (query_next(rows))
		horizon_us = query_int(rows, 0);
	query_finish(rows);
	return horizon_us;
}

struct run_source *
run_source_new(struct query *q, const struct catalog *catalog)
{
	struct run_source *r = memory_zeroed(1, sizeof(*r));

	r->catalog = catalog;
	r->horizon_us = read_horizon(q);
	histogram_init(&r->hist);
	if (r->horizon_us == INT64_MIN)
		return r;
	r->hours = query_prepare(q,
	    "SELECT " RUN_COLUMNS " FROM lane AS l CROSS JOIN run AS r"
	    " ON r.hour = ?2 AND r.lane = l.id WHERE l.vp = ?1");
	r->lane = query_prepare(q, "SELECT " RUN_COLUMNS " FROM run AS r"
				   " WHERE r.hour = ?1 AND r.lane = ?2");
	r->hour =
	    query_prepare(q, "SELECT max(hour) FROM run WHERE hour <= ?1");
	r->unsettled = query_prepare(
	    q, "SELECT 1 FROM unsettled WHERE vp = ?1 AND hour < ?2 LIMIT 1");
	return r;
}

void
run_source_free(struct run_source *r)
{
	if (r == NULL)
		return;
	query_finish(r->hours);
	query_finish(r->lane);
	query_finish(r->hour);
	query_finish(r->unsettled);
	free(r);
}

bool
run_source_used(const struct run_source *r)
{
	return r->used;
}

/* While hours before it are unsettled, nothing of them was taken yet. */
int64_t
run_source_horizon(const struct run_source *r, int32_t vp)
{
	bool unsettled;

	if (r->horizon_us == INT64_MIN)
		return INT64_MIN;
	query_bind(r->unsettled, 1, r->catalog->vps[vp].id);
	query_bind(r->unsettled, 2, r->horizon_us / HOUR_US);
	unsettled = query_next(r->unsettled);
	query_reset(r->unsettled);
	return unsettled ? INT64_MIN : r->horizon_us;
}

/* --- one run --- */

struct stretch {
	struct sample sample;
	int64_t first_us, last_us;
	int64_t since_us, until_us; /* of what is wanted */
};

static void
add(const struct run_source *r, struct samples *samples,
    const struct sample *sample)
{
	samples_add(samples, sample);
	judge_sample(r->catalog, &samples->items[samples->count - 1]);
}

static int64_t
greatest_common(int64_t a, int64_t b)
{
	while (b != 0) {
		const int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Neighbours in time must not be neighbours in size: a few of them then stand
 * for all. Any step without a common divisor visits each rank once. */
static int64_t
step_of(int64_t count)
{
	int64_t step = count * 5 / 8 + 1;

	while (greatest_common(step, count) != 1)
		step++;
	return step;
}

static int64_t
time_of(const struct stretch *s, int64_t i, int64_t count)
{
	const int64_t length = s->last_us - s->first_us;

	if (count == 1)
		return s->first_us;
	return s->first_us +
	       (int64_t)((double)length * (double)i / (double)(count - 1));
}

static void
spread(const struct run_source *r, struct samples *samples, struct stretch *s,
    int64_t count)
{
	const struct histogram *rtts =
	    s->sample.outcome == OUTCOME_ANSWERED ? &r->hist : NULL;
	const int64_t total = rtts == NULL ? 0 : (int64_t)rtts->total;
	const int64_t step = total > 0 ? step_of(total) : 0;
	int64_t rank = 0;

	if (count > RUN_SAMPLES)
		count = RUN_SAMPLES;
	for (int64_t i = 0; i < count; i++) {
		s->sample.t_us = time_of(s, i, count);
		s->sample.rtt_us = SAMPLE_NO_RTT;
		if (i < total) {
			s->sample.rtt_us = (uint32_t)histogram_rank_us(
			    rtts, (uint64_t)rank + 1);
			rank = (rank + step) % total;
		}
		if (s->sample.t_us >= s->since_us &&
		    s->sample.t_us < s->until_us)
			add(r, samples, &s->sample);
	}
}

static void
add_answered(struct run_source *r, struct query_rows *rows,
    struct samples *samples, struct stretch *s)
{
	const int64_t count = query_int(rows, 4);
	size_t len;
	const void *bytes = query_bytes(rows, 7, &len);

	s->sample.outcome = OUTCOME_ANSWERED;
	s->sample.rcode = 0; /* a run does not say: no error */
	s->sample.instance = catalog_instance(r->catalog, query_int(rows, 3));
	if (s->sample.instance >= 0 &&
	    r->catalog->instances[s->sample.instance].method < 0)
		s->sample.instance = -1;
	histogram_clear(&r->hist);
	if (histogram_merge(&r->hist, bytes, len) == -1)
		histogram_clear(&r->hist);
	spread(r, samples, s, count);
}

/* What was not sent comes after what was lost: the run does not say more. */
static void
add_lost(const struct run_source *r, struct query_rows *rows,
    struct samples *samples, struct stretch *s)
{
	const int64_t unsent = query_int(rows, 6);
	const int64_t lost = query_int(rows, 5) - unsent;

	s->sample.instance = -1;
	s->sample.outcome = OUTCOME_TIMEOUT;
	s->sample.rcode = -1;
	spread(r, samples, s, lost);
	s->sample.outcome = OUTCOME_UNSENT;
	spread(r, samples, s, unsent);
}

static void
add_run(struct run_source *r, struct query_rows *rows, struct samples *samples,
    struct stretch *s)
{
	s->sample.lane = catalog_lane(r->catalog, query_int(rows, 0));
	if (s->sample.lane < 0)
		return;
	s->first_us = query_int(rows, 1);
	s->last_us = query_int(rows, 2);
	r->used = true;
	if (query_int(rows, 3) == 0)
		add_lost(r, rows, samples, s);
	else
		add_answered(r, rows, samples, s);
}

void
run_source_read(struct run_source *r, struct samples *samples, int32_t vp,
    int64_t since_us, int64_t until_us)
{
	struct stretch s = { .since_us = since_us, .until_us = until_us };
	int64_t hour = (until_us - 1) / HOUR_US;

	while (hour >= since_us / HOUR_US) {
		query_bind(r->hour, 1, hour);
		hour = query_next(r->hour) && !query_null(r->hour, 0)
			   ? query_int(r->hour, 0)
			   : INT64_MIN;
		query_reset(r->hour);
		if (hour < since_us / HOUR_US)
			break;
		query_bind(r->hours, 1, r->catalog->vps[vp].id);
		query_bind(r->hours, 2, hour);
		while (query_next(r->hours))
			add_run(r, r->hours, samples, &s);
		query_reset(r->hours);
		hour--;
	}
}

bool
run_source_back(
    struct run_source *r, struct samples *samples, int32_t lane, int64_t *hour)
{
	struct stretch s = { .since_us = INT64_MIN, .until_us = INT64_MAX };
	bool found;

	query_bind(r->hour, 1, *hour);
	found = query_next(r->hour) && !query_null(r->hour, 0);
	if (found)
		*hour = query_int(r->hour, 0);
	query_reset(r->hour);
	if (!found)
		return false;
	query_bind(r->lane, 1, *hour);
	query_bind(r->lane, 2, r->catalog->lanes[lane].id);
	while (query_next(r->lane))
		add_run(r, r->lane, samples, &s);
	query_reset(r->lane);
	return true;
}
