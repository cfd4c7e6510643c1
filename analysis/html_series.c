/*
 * Round trips over time, by site and by group: those that latency has with
 * steps, of which the window is read but once for both. A step without round
 * trips is no point.
 */
#include <stdlib.h>
#include "analysis/groups.h"
#include "analysis/html.h"
#include "analysis/latency.h"
#include "analysis/memory.h"
#include "analysis/report_json.h"
#include "lib/json_out.h"

#define TABLES 2
#define NUMBER 24 /* characters of one in an array, at most */

/* What one row of latency came to in each step, in microseconds. */
struct points {
	struct values at, p50, p95;
};

struct table {
	struct options options;
	struct latency latency; /* its items are kept through all steps */
	struct points *points;  /* by item */
	size_t room;
};

struct html_series {
	struct table tables[TABLES];
	struct histogram buckets;
	int64_t first_us;
};

static const struct latency_view view = { .round_trips = true };

/* --- a step --- */

static void
put_point(struct html_series *s, struct points *points, struct group *group,
    int64_t at)
{
	const struct latency_order order =
	    latency_hist_order(&group->hist, &group->rtts, &s->buckets);

	if (order.count == 0)
		return;
	values_add(&points->at, at);
	values_add(&points->p50, latency_order_us(&order, 50));
	values_add(&points->p95, latency_order_us(&order, 95));
}

static int
end_step(void *series, size_t table)
{
	struct html_series *s = series;
	struct table *t = &s->tables[table];
	struct latency *l = &t->latency;
	const int64_t at = (l->since_us - s->first_us) / t->options.step_us;
	const size_t old = t->room;

	while (l->count > t->room)
		t->points =
		    memory_grow(t->points, &t->room, sizeof(*t->points));
	for (size_t i = old; i < t->room; i++)
		t->points[i] = (struct points){ 0 };
	for (size_t i = 0; i < l->count; i++)
		put_point(s, &t->points[i], &l->items[i], at);
	latency_empty(l);
	return 0;
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
	if (us < 0) /* there are too few */
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
	latency_clear(&t->latency);
}

struct html_series *
html_series_read(struct run *run, enum group_by group, int64_t step_us)
{
	struct html_series *s = memory_zeroed(1, sizeof(*s));
	struct latency *latencies[TABLES];

	s->first_us = html_first_us(run->options, step_us);
	histogram_init(&s->buckets);
	table_init(&s->tables[0], run, BY_SITE, step_us);
	table_init(&s->tables[1], run, group, step_us);
	for (size_t i = 0; i < TABLES; i++)
		latencies[i] = &s->tables[i].latency;
	(void)latency_read(latencies, TABLES, end_step, s);
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
	free(s);
}
