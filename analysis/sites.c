/*
 * Sites: who is served by each in the window, how far away it is, and since
 * when it is known. A vantage point that saw several counts in fractions, by
 * how often it saw each (FIELD.md F1).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/quantile.h"
#include "analysis/walk.h"

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "site", COLUMN_TEXT },
	{ "instances", COLUMN_INTEGER },
	{ "vantage_points", COLUMN_COUNT },
	{ "share_pct", COLUMN_PERCENT },
	{ "samples", COLUMN_INTEGER },
	{ "rtt_p50_ms", COLUMN_MS },
	{ "rtt_p95_ms", COLUMN_MS },
	{ "first_seen", COLUMN_TIME },
	{ "last_seen", COLUMN_TIME },
	{ "method", COLUMN_TEXT },
	{ "weight", COLUMN_COUNT }, /* of --weights alone */
	{ "weight_share_pct", COLUMN_PERCENT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct site_row {
	int32_t service, site, method;
	const char *name;
	double count, weight;
	struct values rtts, instances; /* microseconds; indexes, each once */
	int64_t first_us, last_us;
	/* of the vantage point at hand */
	size_t seen;
	size_t next; /* row + 1 of the same service; 0: none */
};

struct sites {
	struct run *run;
	struct site_row *rows;
	size_t count, room;
	size_t *first;           /* row + 1, by service */
	double *known, *weighed; /* vantage points, by service */
	int32_t vp, service;     /* at hand; -1: none */
};

static struct site_row *
find_row(struct sites *s, int32_t service, int32_t site, int32_t method)
{
	size_t *first = &s->first[service];

	for (size_t i = *first; i > 0; i = s->rows[i - 1].next) {
		if (s->rows[i - 1].site == site)
			return &s->rows[i - 1];
	}
	if (s->count == s->room)
		s->rows = memory_grow(s->rows, &s->room, sizeof(*s->rows));
	s->rows[s->count] = (struct site_row){ .service = service,
		.site = site,
		.method = method,
		.name = names_text(&s->run->catalog.sites, site),
		.first_us = INT64_MAX,
		.last_us = -1,
		.next = *first };
	*first = s->count + 1;
	return &s->rows[s->count++];
}

/* The vantage point at hand has no more lanes of the service. */
static void
close_vp(struct sites *s)
{
	size_t all = 0;
	double weight;

	if (s->vp < 0)
		return;
	for (size_t i = s->first[s->service]; i > 0; i = s->rows[i - 1].next)
		all += s->rows[i - 1].seen;
	if (all == 0)
		return;
	weight = weights_of(&s->run->weights, s->vp);
	s->known[s->service] += 1;
	s->weighed[s->service] += weight;
	for (size_t i = s->first[s->service]; i > 0; i = s->rows[i - 1].next) {
		struct site_row *row = &s->rows[i - 1];
		double part = (double)row->seen / (double)all;

		row->count += part;
		row->weight += part * weight;
		row->seen = 0;
	}
}

static void
add_sighting(struct sites *s, struct walk *w, const struct sighting *sighting)
{
	struct site_row *row =
	    find_row(s, s->service, sighting->site, w->part.method);

	if (sighting->t_us < row->first_us)
		row->first_us = sighting->t_us;
	if (sighting->t_us < s->run->options->since_us)
		return;
	if (sighting->t_us > row->last_us)
		row->last_us = sighting->t_us;
	row->seen++;
	if (sighting->rtt_us != SAMPLE_NO_RTT)
		values_add(&row->rtts, sighting->rtt_us);
	for (size_t i = row->instances.count; i > 0; i--) {
		if (row->instances.items[i - 1] == sighting->instance)
			return;
	}
	values_add(&row->instances, sighting->instance);
}

static void
read_lane(struct walk *w, void *context)
{
	struct sites *s = context;
	const struct lane *lane = &w->run->catalog.lanes[w->part.lane];

	if (lane->vp != s->vp || lane->service != s->service) {
		close_vp(s);
		s->vp = lane->vp;
		s->service = lane->service;
	}
	for (size_t i = w->trail.past; i < w->trail.count; i++)
		add_sighting(s, w, &w->trail.items[i]);
}

/* Sights from before the window, of any lane that is compared. */
static void
read_intervals(struct sites *s, const struct walk *w)
{
	struct catalog *c = &s->run->catalog;
	struct query_rows *rows = query_prepare(s->run->query,
	    "SELECT instance, min(first) FROM interval WHERE lane = ?1"
	    " AND first < ?2 GROUP BY instance");

	for (size_t i = 0; i < c->lane_count; i++) {
		int32_t service = c->lanes[i].service;
		int32_t method = w->methods.of_service[service].method;

		if (!methods_compares(&w->methods, c, (int32_t)i))
			continue;
		query_bind(rows, 1, c->lanes[i].id);
		query_bind(rows, 2, s->run->options->until_us);
		while (query_next(rows)) {
			int32_t instance =
			    catalog_instance(c, query_int(rows, 0));
			struct site_row *row;

			if (instance < 0 || method < 0 ||
			    c->instances[instance].method != method)
				continue;
			row = find_row(s, service,
			    catalog_site(c, service, instance), method);
			if (query_int(rows, 1) < row->first_us)
				row->first_us = query_int(rows, 1);
		}
		query_reset(rows);
	}
	query_finish(rows);
}

/* By service, then the most first. */
static int
compare(const void *left, const void *right)
{
	const struct site_row *a = left, *b = right;

	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (fabs(a->count - b->count) > 1e-9)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->name, b->name);
}

static int
write_row(struct sites *s, struct site_row *row)
{
	struct run *run = s->run;
	const struct service *service = &run->catalog.services[row->service];
	struct values *rtts = &row->rtts;
	bool given = weights_given(&run->weights);
	struct cell cells[COLUMNS] = {
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_site(run, row->site),
		cell_number((int64_t)row->instances.count),
		cell_number(llround(100 * row->count)),
		cell_percent(row->count, s->known[row->service]),
		cell_number((int64_t)rtts->count),
	};

	quantile_sort(rtts->items, rtts->count);
	if (rtts->count > 0)
		cells[8] =
		    cell_number(quantile_median(rtts->items, rtts->count));
	if (quantile_enough(rtts->count, 95))
		cells[9] =
		    cell_number(quantile_nearest(rtts->items, rtts->count, 95));
	cells[10] = cell_number(row->first_us);
	cells[11] = cell_number(row->last_us);
	cells[12] = run_text(run, row->method);
	cells[13] = cell_number_if(given, llround(100 * row->weight));
	cells[14] = cell_percent(row->weight, s->weighed[row->service]);
	return report_row(&run->report, cells);
}

static int
write_rows(struct sites *s)
{
	int status = report_begin(&s->run->report, columns,
	    weights_columns(&s->run->weights, COLUMNS));

	if (s->count > 1)
		qsort(s->rows, s->count, sizeof(*s->rows), compare);
	for (size_t i = 0; status == 0 && i < s->count; i++) {
		if (s->rows[i].last_us >= 0)
			status = write_row(s, &s->rows[i]);
	}
	if (report_end(&s->run->report) == -1)
		status = -1;
	return status;
}

int
sites_report(struct run *run)
{
	size_t services = run->catalog.service_count;
	struct sites s = { .run = run, .vp = -1, .service = -1 };
	struct walk walk;
	int status;

	s.first = memory_zeroed(services, sizeof(*s.first));
	s.known = memory_zeroed(services, sizeof(*s.known));
	s.weighed = memory_zeroed(services, sizeof(*s.weighed));
	walk_init(&walk, run);
	walk_lanes(&walk, read_lane, &s);
	close_vp(&s);
	read_intervals(&s, &walk);
	status = write_rows(&s);
	for (size_t i = 0; i < s.count; i++) {
		values_clear(&s.rows[i].rtts);
		values_clear(&s.rows[i].instances);
	}
	walk_clear(&walk);
	free(s.rows);
	free(s.first);
	free(s.known);
	free(s.weighed);
	return status;
}
