#include "analysis/latency_runs.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/groups.h"
#include "analysis/judge.h"
#include "analysis/memory.h"

#define HOUR_US (3600LL * 1000000)
#define LANES_MAX 200000 /* each may be a group with its histogram */
#define AROUND 16        /* buckets of a hist kept free */

/* A histogram that is as long as what is in it. */
struct latency_hist {
	uint32_t low, high; /* buckets [low, high) */
	uint64_t *count;
};

struct lane_sum {
	int64_t asked, answered, unsent;
	size_t group; /* item + 1; 0: not looked for yet */
};

struct latency_runs {
	int64_t from_hour, to_hour;
	bool *raw;             /* by vantage point: hours are unsettled */
	struct lane_sum *sums; /* by lane */
};

/* --- whether --- */

static bool
says_the_same(const struct latency *l)
{
	const struct run *run = l->run;

	if (!l->view->of_runs || run->options->by == BY_SITE ||
	    run->options->per_vp || run->catalog.lane_count > LANES_MAX)
		return false;
	/* A run is of one place only where its vantage point is. */
	for (size_t i = 0; i < run->catalog.vp_count; i++) {
		if (run->catalog.vps[i].place_count > 1)
			return false;
	}
	return true;
}

static bool
is_worth_it(const struct latency *l)
{
	struct query_rows *rows = query_prepare(l->run->query,
	    "SELECT sum(rows) FROM batch WHERE t0 >= ?1 AND t0 < ?2");
	bool worth;

	query_bind(rows, 1, l->since_us);
	query_bind(rows, 2, l->until_us);
	worth = query_next(rows) && query_int(rows, 0) >= LATENCY_RUNS_FROM;
	query_finish(rows);
	return worth;
}

static void
find_unsettled(struct latency_runs *r, const struct run *run)
{
	const struct catalog *c = &run->catalog;
	struct query_rows *rows = query_prepare(run->query,
	    "SELECT 1 FROM unsettled WHERE vp = ?1 AND hour >= ?2"
	    " AND hour < ?3 LIMIT 1");

	r->raw = memory_zeroed(c->vp_count, sizeof(*r->raw));
	for (size_t i = 0; i < c->vp_count; i++) {
		query_bind(rows, 1, c->vps[i].id);
		query_bind(rows, 2, r->from_hour);
		query_bind(rows, 3, r->to_hour);
		r->raw[i] = query_next(rows) || judge_has_songs(c, (int32_t)i);
		query_reset(rows);
	}
	query_finish(rows);
}

/* --- reading --- */

/* Room for a bucket beside those that are there, and some around it. */
static void
make_room(struct latency_hist *hist, uint32_t bucket)
{
	uint32_t low = bucket > AROUND ? bucket - AROUND : 0;
	uint32_t high = bucket + AROUND;
	uint64_t *count;

	if (hist->count != NULL && hist->low < low)
		low = hist->low;
	if (hist->count != NULL && hist->high > high)
		high = hist->high;
	count = memory_zeroed(high - low, sizeof(*count));
	if (hist->count != NULL)
		memcpy(count + (hist->low - low), hist->count,
		    (hist->high - hist->low) * sizeof(*count));
	free(hist->count);
	*hist = (struct latency_hist){ low, high, count };
}

/* Of a foreign database, which may say anything: up to what makes no sense. */
static void
add_hist(struct group *group, const void *bytes, size_t len)
{
	struct histogram_kept kept = { .bytes = bytes, .len = len };
	struct latency_hist *hist = group->hist;

	if (hist == NULL)
		hist = group->hist = memory_zeroed(1, sizeof(*hist));
	while (histogram_kept_next(&kept) == 1) {
		const uint32_t bucket = (uint32_t)kept.bucket;

		if (bucket < hist->low || bucket >= hist->high)
			make_room(hist, bucket);
		hist->count[bucket - hist->low] += kept.count;
	}
}

static struct group *
group_of(struct latency *l, struct latency_runs *r, int32_t lane)
{
	const struct catalog *c = &l->run->catalog;
	struct lane_sum *sum = &r->sums[lane];
	struct group *group;

	if (sum->group == 0) {
		group = latency_group(l, lane,
		    group_put(
			&l->groups, l->run, c->lanes[lane].vp, l->since_us));
		sum->group = (size_t)(group - l->items) + 1;
	}
	return &l->items[sum->group - 1];
}

static void
add_run(struct latency *l, struct latency_runs *r, struct query_rows *rows)
{
	const struct catalog *c = &l->run->catalog;
	const int32_t lane = catalog_lane(c, query_int(rows, 0));
	struct lane_sum *sum;
	const void *bytes;
	size_t len;

	if (lane < 0 || r->raw[c->lanes[lane].vp] ||
	    judge_marks_name(c, lane, catalog_instance(c, query_int(rows, 5))))
		return;
	sum = &r->sums[lane];
	sum->asked += query_int(rows, 1);
	sum->answered += query_int(rows, 2);
	sum->unsent += query_int(rows, 3);
	bytes = query_bytes(rows, 4, &len);
	if (len > 0)
		add_hist(group_of(l, r, lane), bytes, len);
}

static void
read_runs(struct latency *l, struct latency_runs *r)
{
	struct query_rows *rows = query_prepare(l->run->query,
	    "SELECT lane, asked, answered, unsent, hist, instance FROM run"
	    " WHERE hour >= ?1 AND hour < ?2");

	query_bind(rows, 1, r->from_hour);
	query_bind(rows, 2, r->to_hour);
	while (query_next(rows))
		add_run(l, r, rows);
	query_finish(rows);
}

struct latency_runs *
latency_runs_read(struct latency *l)
{
	const struct catalog *c = &l->run->catalog;
	struct latency_runs *r;

	if (!says_the_same(l) || !is_worth_it(l))
		return NULL;
	r = memory_zeroed(1, sizeof(*r));
	r->from_hour = (l->since_us + HOUR_US - 1) / HOUR_US;
	r->to_hour = l->until_us / HOUR_US;
	if (r->from_hour >= r->to_hour) {
		free(r);
		return NULL;
	}
	r->sums = memory_zeroed(c->lane_count, sizeof(*r->sums));
	find_unsettled(r, l->run);
	read_runs(l, r);
	return r;
}

void
latency_runs_free(struct latency_runs *r)
{
	if (r == NULL)
		return;
	free(r->raw);
	free(r->sums);
	free(r);
}

/* --- counting --- */

bool
latency_runs_cover(
    const struct latency_runs *r, int32_t vp, int64_t *from_us, int64_t *to_us)
{
	if (r == NULL || r->raw[vp])
		return false;
	*from_us = r->from_hour * HOUR_US;
	*to_us = r->to_hour * HOUR_US;
	return true;
}

bool
latency_runs_count(struct latency *l, int32_t vp)
{
	const struct vantage *v = &l->run->catalog.vps[vp];
	bool any = false;

	for (size_t i = 0; i < v->lane_count; i++) {
		const struct lane_sum *sum = &l->runs->sums[v->lanes[i]];
		struct group *group;

		if (sum->asked == 0)
			continue;
		any = true;
		group = group_of(l, l->runs, v->lanes[i]);
		latency_enter(l, group, vp);
		group->vp_samples += sum->asked;
		group->asked += sum->asked;
		group->answered += sum->answered;
		group->unsent += sum->unsent;
	}
	return any;
}

void
latency_runs_rtts(const struct group *group, struct histogram *h)
{
	const struct latency_hist *hist = group->hist;

	histogram_clear(h);
	for (uint32_t b = hist->low; b < hist->high; b++)
		histogram_add_bucket(h, b, hist->count[b - hist->low]);
	for (size_t i = 0; i < group->rtts.count; i++)
		histogram_add(h, group->rtts.items[i]);
}

void
latency_runs_group_clear(struct group *group)
{
	if (group->hist != NULL)
		free(group->hist->count);
	free(group->hist);
	group->hist = NULL;
}
