/*
 * Round trips over time, by site and by group: those that latency has with
 * steps, of which the window is read but once for both. A step without round
 * trips is no point.
 */
#include <math.h>
#include <stdlib.h>
#include "analysis/groups.h"
#include "analysis/html.h"
#include "analysis/judge.h"
#include "analysis/latency.h"
#include "analysis/latency_runs.h"
#include "analysis/memory.h"
#include "analysis/report_json.h"
#include "lib/json_out.h"

#define TABLES 2
#define NUMBER 24 /* characters of one in an array, at most */

/* What one row of latency came to in each step: numbers in microseconds, or
 * UNKNOWN. */
#define UNKNOWN (-1)
struct points {
	struct values at, p50, p95;
};

struct table {
	struct options options;
	struct latency latency; /* its items are kept through all steps */
	bool from_runs;
	int32_t *name_of_vp;   /* in the step; -1: not asked yet */
	struct points *points; /* by item */
	size_t room;
};

struct html_series {
	struct run *run;
	struct table tables[TABLES];
	struct run_hours hours; /* of the step; none where none reads runs */
	struct samples samples;
	struct histogram buckets;
	int64_t first_us;
};

static const struct latency_view view = { .round_trips = true };

/* --- the group of a round trip --- */

static int32_t
name_of(struct table *t, int32_t lane, int32_t instance, int64_t t_us)
{
	struct latency *l = &t->latency;
	const struct catalog *c = &l->run->catalog;
	const int32_t vp = c->lanes[lane].vp;
	int32_t name;

	if (t->options.by == BY_SITE) {
		name = latency_site(l, lane, instance);
		return name < 0 ? names_put(&l->groups, "") : name;
	}
	if (t->name_of_vp[vp] < 0 || c->vps[vp].place_count > 1)
		t->name_of_vp[vp] = latency_place(l, vp, t_us);
	return t->name_of_vp[vp];
}

static struct group *
group_of(struct table *t, int32_t lane, int32_t instance, int64_t t_us)
{
	return latency_group(
	    &t->latency, lane, name_of(t, lane, instance, t_us));
}

/* What somebody else answered is nobody's. */
static void
add_run(void *context, const struct run_row *run)
{
	struct html_series *s = context;

	if (run->lost || run->hist_len == 0 ||
	    judge_marks_name(&s->run->catalog, run->lane, run->instance))
		return;
	for (size_t i = 0; i < TABLES; i++) {
		struct table *t = &s->tables[i];

		if (t->from_runs)
			latency_hist_add(&group_of(t, run->lane, run->instance,
					     run->first_us)
					      ->hist,
			    run->hist, run->hist_len);
	}
}

static void
add_sample(struct table *t, const struct sample *sample)
{
	if (sample->rtt_us != SAMPLE_NO_RTT &&
	    sample->verdict != VERDICT_INTERCEPTED)
		values_add(
		    &group_of(t, sample->lane, sample->instance, sample->t_us)
			 ->rtts,
		    sample->rtt_us);
}

/* --- a step --- */

/* Those that are not in runs. covered_us: what of a vantage point is. */
static void
add_samples(struct html_series *s, int32_t vp, const int64_t window_us[2],
    const int64_t covered_us[2])
{
	if (window_us[0] >= window_us[1])
		return;
	samples_read(
	    &s->run->sampler, &s->samples, vp, window_us[0], window_us[1]);
	for (size_t i = 0; i < s->samples.count; i++) {
		const struct sample *sample = &s->samples.items[i];
		const bool covered = sample->t_us >= covered_us[0] &&
				     sample->t_us < covered_us[1];

		for (size_t k = 0; k < TABLES; k++) {
			if (!covered || !s->tables[k].from_runs)
				add_sample(&s->tables[k], sample);
		}
	}
}

static void
read_vp(struct html_series *s, int32_t vp, int64_t since_us, int64_t until_us)
{
	int64_t covered_us[2] = { until_us, until_us };
	bool all = false;

	if (s->hours.end_hour != NULL &&
	    !run_hours_cover(&s->hours, vp, &covered_us[0], &covered_us[1]))
		covered_us[0] = covered_us[1] = until_us;
	for (size_t i = 0; i < TABLES; i++)
		all |= !s->tables[i].from_runs;
	add_samples(s, vp,
	    (const int64_t[2]){ since_us, all ? until_us : covered_us[0] },
	    covered_us);
	if (!all)
		add_samples(s, vp,
		    (const int64_t[2]){ covered_us[1], until_us }, covered_us);
}

/* The quantiles of latency_report. */
static void
put_point(struct html_series *s, struct points *points, struct group *group,
    int64_t at)
{
	struct histogram *h = &s->buckets;
	size_t count = group->rtts.count;
	int64_t p50, p95 = UNKNOWN;

	if (group->hist.any) {
		latency_hist_put(&group->hist, &group->rtts, h);
		count = (size_t)h->total;
	} else {
		quantile_sort(group->rtts.items, count);
	}
	if (count == 0)
		return;
	p50 = group->hist.any ? llround(histogram_percentile_us(h, 50))
			      : quantile_median(group->rtts.items, count);
	if (quantile_enough(count, 95))
		p95 = group->hist.any
			  ? llround(histogram_percentile_us(h, 95))
			  : quantile_nearest(group->rtts.items, count, 95);
	values_add(&points->at, at);
	values_add(&points->p50, p50);
	values_add(&points->p95, p95);
}

static void
end_step(struct html_series *s, struct table *t, int64_t at)
{
	struct latency *l = &t->latency;
	const size_t old = t->room;

	if (l->count > t->room) {
		while (l->count > t->room)
			t->points = memory_grow(
			    t->points, &t->room, sizeof(*t->points));
		for (size_t i = old; i < t->room; i++)
			t->points[i] = (struct points){ 0 };
	}
	for (size_t i = 0; i < l->count; i++) {
		put_point(s, &t->points[i], &l->items[i], at);
		latency_hist_empty(&l->items[i].hist);
		l->items[i].rtts.count = 0;
	}
	for (size_t i = 0; i < s->run->catalog.vp_count; i++)
		t->name_of_vp[i] = -1;
}

static void
read_step(struct html_series *s, int64_t since_us, int64_t until_us)
{
	const struct run *run = s->run;
	const int64_t step_us = s->tables[0].options.step_us;

	if (s->tables[0].from_runs || s->tables[1].from_runs) {
		run_hours_init(&s->hours, run->query, &run->catalog,
		    (const int64_t[2]){ since_us, until_us });
		run_hours_read(&s->hours, add_run, s);
	}
	for (size_t i = 0; i < run->catalog.vp_count; i++)
		read_vp(s, (int32_t)i, since_us, until_us);
	for (size_t i = 0; i < TABLES; i++)
		end_step(s, &s->tables[i], (since_us - s->first_us) / step_us);
	run_hours_clear(&s->hours);
}

/* --- the page --- */

static int
compare(const void *left, const void *right, void *table)
{
	const struct table *t = table;
	const struct latency *l = &t->latency;
	const struct group *a = &l->items[*(const size_t *)left];
	const struct group *b = &l->items[*(const size_t *)right];

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return group_compare(t->options.by, names_text(&l->groups, a->name),
	    names_text(&l->groups, b->name));
}

static int
put_numbers(FILE *stream, const char *key, const struct values *values,
    void (*put)(struct json_out *, int64_t))
{
	const size_t size = (values->count + 2) * NUMBER;
	char *text = memory_zeroed(1, size);
	struct json_out out = json_out_over(text, size);
	int status;

	json_out_open(&out, '[');
	for (size_t i = 0; i < values->count; i++)
		put(&out, values->items[i]);
	json_out_close(&out, ']');
	(void)json_out_end(&out);
	status = fprintf(stream, ",\"%s\":%s", key, text) < 0 ? -1 : 0;
	free(text);
	return status;
}

static void
put_ms(struct json_out *out, int64_t us)
{
	if (us == UNKNOWN)
		json_out_null(out);
	else
		json_out_thousandths(out, us);
}

/* The numbers of steps as distances, each with how often it comes: steps 0, 1,
 * 2 and 5 are 1,3,3,1. */
static void
shorten(struct values *at)
{
	int64_t last = -1;
	size_t count = 0;
	struct values pairs = { 0 };

	for (size_t i = 0; i < at->count; i++) {
		const int64_t distance = at->items[i] - last;

		last = at->items[i];
		if (count > 0 && pairs.items[count - 2] == distance) {
			pairs.items[count - 1]++;
			continue;
		}
		values_add(&pairs, distance);
		values_add(&pairs, 1);
		count += 2;
	}
	values_clear(at);
	*at = pairs;
}

static json_t *
names_of(const struct latency *l, const struct lane *lane, int32_t name)
{
	const struct names *names = &l->run->catalog.names;
	const struct service *service =
	    &l->run->catalog.services[lane->service];
	const char *const texts[] = { names_text(names, service->target),
		names_text(names, service->address),
		names_text(names, lane->question),
		names_text(names, lane->proto), names_text(&l->groups, name) };
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct cell cell = cell_text(texts[i]);

		json_array_append_new(
		    list, report_json_text(&cell, COLUMN_TEXT));
	}
	return list;
}

static int
put_one(struct table *t, FILE *stream, const struct lane *lane,
    const struct group *group)
{
	struct points *points = &t->points[group - t->latency.items];
	json_t *names = names_of(&t->latency, lane, group->name);
	int status = -1;

	shorten(&points->at);
	if (fputs("{\"names\":", stream) != EOF &&
	    html_put(names, stream, 0) == 0 &&
	    put_numbers(stream, "at", &points->at, json_out_int) == 0 &&
	    put_numbers(stream, "p50", &points->p50, put_ms) == 0 &&
	    put_numbers(stream, "p95", &points->p95, put_ms) == 0 &&
	    putc('}', stream) != EOF)
		status = 0;
	json_decref(names);
	return status;
}

/* The items [from, end) of order, all of one service: kept are those of the
 * kind with the most points, and of every name the one with the most, of which
 * the page shows one or the other. */
static void
keep_of_service(const struct table *t, const size_t *order, size_t from,
    size_t end, bool *kept)
{
	const struct group *items = t->latency.items;
	size_t *best = memory_zeroed(
	    t->latency.groups.count, sizeof(*best)); /* by name: item + 1 */
	size_t most = 0, points = 0;
	int32_t kind = -1;

	for (size_t i = from; i < end; i++) {
		const struct group *group = &items[order[i]];
		const size_t here = t->points[order[i]].at.count;
		size_t *of_name = &best[group->name];

		if (i == from || items[order[i - 1]].kind != group->kind)
			points = 0;
		points += here;
		if (points > most) {
			most = points;
			kind = group->kind;
		}
		if (*of_name == 0 || here > t->points[*of_name - 1].at.count)
			*of_name = order[i] + 1;
	}
	for (size_t i = from; i < end; i++) {
		const struct group *group = &items[order[i]];

		kept[order[i]] =
		    group->kind == kind || best[group->name] == order[i] + 1;
	}
	free(best);
}

static bool *
choose_kept(const struct table *t, const size_t *order)
{
	const struct latency *l = &t->latency;
	const struct catalog *c = &l->run->catalog;
	bool *kept = memory_zeroed(l->count, sizeof(*kept));
	size_t lane = 0, from = 0;
	int32_t service = -1;

	for (size_t i = 0; i < l->count; i++) {
		while (l->kind_of[lane] < l->items[order[i]].kind)
			lane++;
		if (c->lanes[lane].service != service) {
			keep_of_service(t, order, from, i, kept);
			service = c->lanes[lane].service;
			from = i;
		}
	}
	keep_of_service(t, order, from, l->count, kept);
	return kept;
}

static size_t *
sorted_items(struct table *t)
{
	const size_t count = t->latency.count;
	size_t *order = memory_zeroed(count, sizeof(*order));

	for (size_t i = 0; i < count; i++)
		order[i] = i;
	if (count > 1)
		qsort_r(order, count, sizeof(*order), compare, t);
	return order;
}

static int
put_table(struct table *t, FILE *stream)
{
	const struct latency *l = &t->latency;
	size_t *order = sorted_items(t), lane = 0;
	bool *kept = choose_kept(t, order);
	const char *comma = "";
	int status = putc('[', stream) == EOF ? -1 : 0;

	for (size_t i = 0; status == 0 && i < l->count; i++) {
		const struct group *group = &l->items[order[i]];

		if (!kept[order[i]] || t->points[order[i]].at.count == 0)
			continue;
		while (l->kind_of[lane] < group->kind)
			lane++;
		status = fputs(comma, stream) == EOF
			     ? -1
			     : put_one(t, stream, &l->run->catalog.lanes[lane],
				   group);
		comma = ",";
	}
	free(order);
	free(kept);
	return status == -1 || putc(']', stream) == EOF ? -1 : 0;
}

static void
table_init(struct table *t, struct run *run, enum group_by by, int64_t step_us)
{
	t->options = *run->options;
	t->options.by = by;
	t->options.step_us = step_us;
	latency_init(&t->latency, run, &t->options, &view);
	t->from_runs = latency_runs_suit(&t->latency);
	t->name_of_vp =
	    memory_zeroed(run->catalog.vp_count, sizeof(*t->name_of_vp));
	for (size_t i = 0; i < run->catalog.vp_count; i++)
		t->name_of_vp[i] = -1;
}

static void
table_clear(struct table *t)
{
	for (size_t i = 0; i < t->room; i++) {
		values_clear(&t->points[i].at);
		values_clear(&t->points[i].p50);
		values_clear(&t->points[i].p95);
	}
	free(t->points);
	free(t->name_of_vp);
	latency_clear(&t->latency);
}

struct html_series *
html_series_read(struct run *run, enum group_by group, int64_t step_us)
{
	struct html_series *s = memory_zeroed(1, sizeof(*s));
	int64_t since_us, until_us;

	s->run = run;
	s->first_us = html_first_us(run->options, step_us);
	histogram_init(&s->buckets);
	table_init(&s->tables[0], run, BY_SITE, step_us);
	table_init(&s->tables[1], run, group, step_us);
	for (size_t k = 0;
	     options_step(&s->tables[0].options, k, &since_us, &until_us); k++)
		read_step(s, since_us, until_us);
	return s;
}

int
html_series_put(struct html_series *s, FILE *stream)
{
	static const char *const keys[TABLES] = { ",\"series_site\":",
		",\"series_region\":" };

	for (size_t i = 0; i < TABLES; i++) {
		if (fputs(keys[i], stream) == EOF ||
		    put_table(&s->tables[i], stream) == -1)
			return -1;
	}
	return 0;
}

void
html_series_free(struct html_series *s)
{
	for (size_t i = 0; i < TABLES; i++)
		table_clear(&s->tables[i]);
	samples_clear(&s->samples);
	free(s);
}
