/*
 * What of the other reports' rows the page shows. Of events, however many
 * happened, there are EVENTS_MAX at most, or SHOWN of each service where that
 * is more; of round trips those of what is compared, a row for each service
 * and site; and of the other reports every row. The columns are those of the
 * reports.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/compare.h"
#include "analysis/html.h"
#include "analysis/memory.h"
#include "analysis/methods.h"

#define SHOWN 12       /* of a choice, as in web/events.js */
#define EVENTS_MAX 300 /* of all, but for SHOWN of each service */

/* A report's rows by the names of its columns. */
struct rows {
	const json_t *table, *rows;
	const struct catalog *catalog;
	size_t target, address;
};

/* --- cells --- */

static size_t
column_of(const json_t *table, const char *name)
{
	const json_t *columns = json_object_get(table, "columns");
	size_t i = 0;

	while (i < json_array_size(columns) &&
	       strcmp(json_string_value(json_array_get(columns, i)), name) != 0)
		i++;
	return i;
}

/* -1: unknown. */
static int64_t
number_at(const json_t *row, size_t column)
{
	const json_t *value = json_array_get(row, column);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static const char *
text_at(const json_t *row, size_t column)
{
	const char *text = json_string_value(json_array_get(row, column));

	return text == NULL ? "" : text;
}

static struct rows
rows_of(const json_t *table, const struct run *run)
{
	return (struct rows){ table, json_object_get(table, "rows"),
		&run->catalog, column_of(table, "target"),
		column_of(table, "address") };
}

static bool
is_of_service(const struct rows *r, const json_t *row, size_t service)
{
	const struct names *names = &r->catalog->names;
	const struct service *s = &r->catalog->services[service];

	return strcmp(names_text(names, s->address),
		   text_at(row, r->address)) == 0 &&
	       strcmp(names_text(names, s->target), text_at(row, r->target)) ==
		   0;
}

/* The row's service, mostly at or behind that of the row before; the number of
 * services: none. */
static size_t
service_of(const struct rows *r, const json_t *row, size_t before)
{
	const size_t count = r->catalog->service_count;

	for (size_t i = 0; i < count; i++) {
		const size_t service = (before + i) % count;

		if (is_of_service(r, row, service))
			return service;
	}
	return count;
}

/* --- round trips --- */

void
html_keep_compared(json_t *latency, const struct run *run)
{
	const struct catalog *c = &run->catalog;
	const struct rows r = rows_of(latency, run);
	const size_t question = column_of(latency, "question");
	const size_t proto = column_of(latency, "proto");
	json_t *kept = json_array();
	struct methods methods;
	size_t service = 0;

	methods_choose(&methods, c, run->query, run->options->since_us,
	    run->options->until_us);
	for (size_t i = 0; i < json_array_size(r.rows); i++) {
		json_t *row = json_array_get(r.rows, i);
		const struct choice *choice;

		service = service_of(&r, row, service);
		if (service == c->service_count)
			continue;
		choice = &methods.of_service[service];
		if (strcmp(text_at(row, question),
			names_text(&c->names, choice->question)) == 0 &&
		    strcmp(text_at(row, proto),
			names_text(&c->names, choice->proto)) == 0)
			json_array_append(kept, row);
	}
	json_object_set_new(latency, "rows", kept);
	methods_clear(&methods);
}

/* --- events --- */

struct event {
	size_t row, service;
	int64_t vantage_points, start;
	int32_t *sites; /* that it concerns, each once */
	size_t site_count, room;
	size_t rank, site_rank; /* in its service; the best of its sites */
};

static void
add_site(struct event *event, int32_t site)
{
	for (size_t i = 0; i < event->site_count; i++) {
		if (event->sites[i] == site)
			return;
	}
	if (event->site_count == event->room)
		event->sites = memory_grow(
		    event->sites, &event->room, sizeof(*event->sites));
	event->sites[event->site_count++] = site;
}

/* Those of a list of parts. */
static void
add_sites(struct event *event, const json_t *parts)
{
	for (size_t i = 0; i < json_array_size(parts); i++)
		add_site(
		    event, (int32_t)number_at(json_array_get(parts, i), 0));
}

static struct event *
read_events(const struct rows *r)
{
	const size_t site = column_of(r->table, "site");
	const size_t to = column_of(r->table, "to_sites");
	const size_t from = column_of(r->table, "from_sites");
	const size_t count = json_array_size(r->rows);
	const size_t size = column_of(r->table, "vantage_points");
	const size_t start = column_of(r->table, "start");
	struct event *events = memory_zeroed(count, sizeof(*events));
	size_t service = 0;

	for (size_t i = 0; i < count; i++) {
		const json_t *row = json_array_get(r->rows, i);
		int32_t number;

		service = service_of(r, row, service);
		events[i] = (struct event){ .row = i,
			.service = service,
			.vantage_points = number_at(row, size),
			.start = number_at(row, start) };
		number = names_find(&r->catalog->sites, text_at(row, site));
		if (number >= 0)
			add_site(&events[i], number);
		add_sites(&events[i], json_array_get(row, to));
		add_sites(&events[i], json_array_get(row, from));
	}
	return events;
}

/* The order in which the page has them. */
static int
compare_sizes(const void *left, const void *right)
{
	const struct event *a = left, *b = right;
	int order;

	if ((order = compare_int((int64_t)a->service, (int64_t)b->service)) !=
		0 ||
	    (order = compare_int(b->vantage_points, a->vantage_points)) != 0 ||
	    (order = compare_int(a->start, b->start)) != 0)
		return order;
	return compare_int((int64_t)a->row, (int64_t)b->row);
}

static int
compare_rows(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	return compare_int((int64_t)a->row, (int64_t)b->row);
}

static void
rank_events(struct event *events, size_t count, size_t sites)
{
	size_t *seen = memory_zeroed(sites, sizeof(*seen)), in_service = 0;

	for (size_t i = 0; i < count; i++) {
		struct event *event = &events[i];

		if (i > 0 && event->service != event[-1].service) {
			memset(seen, 0, sites * sizeof(*seen));
			in_service = 0;
		}
		event->rank = in_service++;
		event->site_rank = SIZE_MAX;
		for (size_t k = 0; k < event->site_count; k++) {
			const size_t rank = seen[event->sites[k]]++;

			if (rank < event->site_rank)
				event->site_rank = rank;
		}
	}
	free(seen);
}

static bool
is_kept(const struct event *event, size_t of_site)
{
	return event->rank < SHOWN || event->site_rank < of_site;
}

/* How many of each site there is room for. */
static size_t
find_room(const struct event *events, size_t count)
{
	size_t of_site = SHOWN + 1, kept;

	do {
		of_site--;
		kept = 0;
		for (size_t i = 0; i < count; i++)
			kept += is_kept(&events[i], of_site);
	} while (kept > EVENTS_MAX && of_site > 0);
	return of_site;
}

static void
put_left(json_t *list, size_t service, int64_t site, size_t count)
{
	json_t *entry;

	if (count == 0)
		return;
	entry = json_array();
	json_array_append_new(entry, json_integer((json_int_t)service));
	json_array_append_new(entry, json_integer(site));
	json_array_append_new(entry, json_integer((json_int_t)count));
	json_array_append_new(list, entry);
}

/* Those that are not kept, by service and site: events are by service. */
static json_t *
count_left(
    const struct event *events, size_t count, size_t sites, size_t of_site)
{
	size_t *left = memory_zeroed(sites, sizeof(*left)), any = 0;
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct event *event = &events[i];

		if (!is_kept(event, of_site)) {
			any++;
			for (size_t k = 0; k < event->site_count; k++)
				left[event->sites[k]]++;
		}
		if (i + 1 < count && event[1].service == event->service)
			continue;
		put_left(list, event->service, -1, any);
		for (size_t k = 0; any > 0 && k < sites; k++)
			put_left(list, event->service, (int64_t)k, left[k]);
		memset(left, 0, sites * sizeof(*left));
		any = 0;
	}
	free(left);
	return list;
}

void
html_bound_events(json_t *table, const struct run *run)
{
	const struct rows r = rows_of(table, run);
	const size_t count = json_array_size(r.rows);
	const size_t sites = run->catalog.sites.count;
	struct event *events = read_events(&r);
	json_t *kept = json_array();
	size_t of_site;

	if (count > 1)
		qsort(events, count, sizeof(*events), compare_sizes);
	rank_events(events, count, sites);
	of_site = find_room(events, count);
	json_object_set_new(table, "shown", json_integer((json_int_t)of_site));
	json_object_set_new(
	    table, "left", count_left(events, count, sites, of_site));
	if (count > 1)
		qsort(events, count, sizeof(*events), compare_rows);
	for (size_t i = 0; i < count; i++) {
		if (is_kept(&events[i], of_site))
			json_array_append(
			    kept, json_array_get(r.rows, events[i].row));
		free(events[i].sites);
	}
	json_object_set_new(table, "rows", kept);
	free(events);
}
