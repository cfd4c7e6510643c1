/*
 * Publication: how long after a version of the zone was seen anywhere it was
 * seen at each site (FIELD.md F9), by the serials of answers.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/compare.h"
#include "analysis/quantile.h"
#include "analysis/soa.h"
#include "analysis/methods.h"
#include "analysis/order.h"

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "site", COLUMN_TEXT },
	{ "vantage_points", COLUMN_INTEGER },
	{ "answers", COLUMN_INTEGER },
	{ "serials", COLUMN_INTEGER },
	{ "latency_p50_s", COLUMN_SECONDS },
	{ "latency_p95_s", COLUMN_SECONDS },
	{ "latency_max_s", COLUMN_SECONDS },
	{ "uncertain_p50_s", COLUMN_SECONDS },
	{ "serial", COLUMN_INTEGER },
	{ "newest_serial", COLUMN_INTEGER },
	{ "behind_s", COLUMN_SECONDS },
	{ "last_seen", COLUMN_TIME },
	{ "method", COLUMN_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* A serial that was seen: there are millions. */
struct sight {
	int64_t t_us;
	uint32_t serial;
	int32_t service, place, vp, method; /* place: of site or instance */
};

/* A version that came in the window, at the time of its first sight. */
struct version {
	int64_t t_us, serial;
};

struct publication {
	struct run *run;
	struct methods methods;
	struct sight *sights;
	size_t count, room;
	struct version *versions; /* of the target at hand, in order */
	size_t version_count, version_room;
	struct names places;
	struct names_map place_of; /* by number of a name or site */
};

/* The place of a text, which is a name's or a site's (number of these). */
static int32_t
put_place(struct publication *p, const struct names *names, int32_t number)
{
	return names_map_put(
	    &p->place_of, &p->places, number, names_text(names, number));
}

static int32_t
place_of(struct publication *p, const struct soa *soa, int32_t method)
{
	struct catalog *c = &p->run->catalog;
	int32_t service = c->lanes[soa->lane].service;
	const struct instance *instance;

	if (soa->instance < 0 || method < 0)
		return -1;
	instance = &c->instances[soa->instance];
	if (instance->method != method)
		return -1;
	if (p->run->options->level == LEVEL_INSTANCE)
		return put_place(p, &c->names, instance->text);
	return put_place(p, &c->sites, catalog_site(c, service, soa->instance));
}

static void
add_sight(struct publication *p, const struct soa *soa)
{
	const struct catalog *c = &p->run->catalog;
	const struct lane *lane = &c->lanes[soa->lane];
	int32_t method = p->methods.of_lane[soa->lane];

	if (!soa->served || soa->serial < 0)
		return;
	if (p->count == p->room)
		p->sights =
		    memory_grow(p->sights, &p->room, sizeof(*p->sights));
	p->sights[p->count++] = (struct sight){
		.service = lane->service,
		.place = place_of(p, soa, method),
		.vp = lane->vp,
		.method = method,
		.t_us = soa->t_us,
		.serial = (uint32_t)soa->serial,
	};
}

static int
compare_times(const void *left, const void *right)
{
	const struct sight *a = left, *b = right;
	const int order = compare_int(a->t_us, b->t_us);

	return order != 0 ? order : compare_int(a->serial, b->serial);
}

/* A serial that nobody had seen before, but the first one: when that came is
 * not known. */
static void
find_versions(struct publication *p, const struct sight *sights, size_t count)
{
	int64_t newest = sights[0].serial;

	p->version_count = 0;
	for (size_t i = 1; i < count; i++) {
		if (!soa_serial_after(sights[i].serial, newest))
			continue;
		newest = sights[i].serial;
		if (p->version_count == p->version_room)
			p->versions = memory_grow(p->versions, &p->version_room,
			    sizeof(*p->versions));
		p->versions[p->version_count++] =
		    (struct version){ sights[i].t_us, newest };
	}
}

/* From the first sight of a version to when a place had it, and from when the
 * place last had an older one. A place that was never seen without a version
 * says nothing of when it came. */
struct latencies {
	struct values latency, uncertain;
};

static void
measure(struct latencies *to, const struct publication *p,
    const struct sight *sights, size_t count)
{
	size_t i = 0;

	for (size_t v = 0; v < p->version_count; v++) {
		const struct version *version = &p->versions[v];

		while (i < count &&
		       soa_serial_after(version->serial, sights[i].serial))
			i++;
		if (i == count)
			return;
		if (i == 0)
			continue;
		values_add(&to->latency, sights[i].t_us - version->t_us);
		values_add(&to->uncertain, sights[i].t_us - sights[i - 1].t_us);
	}
}

static struct cell
median(struct values *values)
{
	if (values->count == 0)
		return cell_unknown();
	quantile_sort(values->items, values->count);
	return cell_number(quantile_median(values->items, values->count));
}

static int64_t
count_vps(const struct publication *p, const struct sight *sights, size_t count)
{
	size_t vps = p->run->catalog.vp_count;
	bool *seen = memory_zeroed(vps, sizeof(*seen));
	int64_t found = 0;

	for (size_t i = 0; i < count; i++)
		seen[sights[i].vp] = true;
	for (size_t i = 0; i < vps; i++)
		found += seen[i];
	free(seen);
	return found;
}

/* How long a version had been out that the last answer did not have. */
static int64_t
behind_us(const struct publication *p, const struct sight *last)
{
	for (size_t v = 0; v < p->version_count; v++) {
		const struct version *version = &p->versions[v];

		if (soa_serial_after(version->serial, last->serial))
			return version->t_us < last->t_us
				   ? last->t_us - version->t_us
				   : 0;
	}
	return 0;
}

static int
write_place(struct publication *p, const struct sight *sights, size_t count)
{
	struct run *run = p->run;
	const struct service *service = &run->catalog.services[sights->service];
	const struct sight *last = &sights[count - 1];
	struct latencies is = { 0 };
	struct values *latency = &is.latency;
	struct cell cells[COLUMNS] = { 0 };

	measure(&is, p, sights, count);
	cells[0] = run_text(run, service->target);
	cells[1] = run_text(run, service->address);
	cells[2] = cell_number(service->af);
	cells[3] = cell_text(names_text(&p->places, sights->place));
	cells[4] = cell_number(count_vps(p, sights, count));
	cells[5] = cell_number((int64_t)count);
	cells[6] = cell_number((int64_t)latency->count);
	cells[7] = median(latency);
	if (quantile_enough(latency->count, 95))
		cells[8] = cell_number(
		    quantile_nearest(latency->items, latency->count, 95));
	if (latency->count > 0)
		cells[9] = cell_number(latency->items[latency->count - 1]);
	cells[10] = median(&is.uncertain);
	cells[11] = cell_number(last->serial);
	cells[12] = cell_number(p->version_count == 0
				    ? last->serial
				    : p->versions[p->version_count - 1].serial);
	cells[13] = cell_number(behind_us(p, last));
	cells[14] = cell_number(last->t_us);
	cells[15] = run_text(run, last->place < 0 ? -1 : last->method);
	values_clear(&is.latency);
	values_clear(&is.uncertain);
	return report_row(&run->report, cells);
}

/* Those of one target. */
static int
write_target(struct publication *p, struct sight *sights, size_t count)
{
	int status = 0;

	const struct order_items all = { sights, count, sizeof(*sights) };

	order_stretches(&all, compare_times);
	find_versions(p, sights, count);
	order_by_number(&all, offsetof(struct sight, place));
	order_by_number(&all, offsetof(struct sight, service));
	for (size_t first = 0, end; status == 0 && first < count; first = end) {
		for (end = first + 1;
		     end < count &&
		     sights[end].service == sights[first].service &&
		     sights[end].place == sights[first].place;
		     end++)
			continue;
		status = write_place(p, sights + first, end - first);
	}
	return status;
}

/* Services of a target lie together; targets come in the order of their names'
 * numbers. */
static int
write_targets(struct publication *p)
{
	const struct catalog *c = &p->run->catalog;
	int status = 0;

	order_by_number(
	    &(struct order_items){ p->sights, p->count, sizeof(*p->sights) },
	    offsetof(struct sight, service));
	for (size_t first = 0, end; status == 0 && first < p->count;
	     first = end) {
		const int32_t target =
		    c->services[p->sights[first].service].target;

		for (end = first + 1;
		     end < p->count &&
		     c->services[p->sights[end].service].target == target;
		     end++)
			continue;
		status = write_target(p, p->sights + first, end - first);
	}
	return status;
}

int
publication_report(struct run *run)
{
	const struct options *o = run->options;
	struct publication p = { .run = run };
	struct soa_reader reader;
	struct soas soas = { 0 };
	int status = report_begin(&run->report, columns, COLUMNS);

	methods_choose(
	    &p.methods, &run->catalog, run->query, o->since_us, o->until_us);
	soa_reader_init(&reader, run);
	for (size_t vp = 0; vp < run->catalog.vp_count; vp++) {
		soa_read(&reader, &soas, (int32_t)vp);
		for (size_t i = 0; i < soas.count; i++)
			add_sight(&p, &soas.items[i]);
	}
	if (status == 0)
		status = write_targets(&p);
	if (report_end(&run->report) == -1)
		status = -1;
	soa_reader_clear(&reader);
	methods_clear(&p.methods);
	names_clear(&p.places);
	free(soas.items);
	free(p.sights);
	names_map_clear(&p.place_of);
	free(p.versions);
	return status;
}
