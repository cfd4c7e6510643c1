/*
 * Locality (FIELD.md F12): who is served outside of their country, and outside
 * of a bloc of countries or their continent. A vantage point that saw several
 * sites counts in fractions, by how often it saw each (F1).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/bloc.h"
#include "analysis/continents.h"
#include "analysis/groups.h"
#include "analysis/memory.h"
#include "analysis/served.h"
#include "lib/log.h"

#define GROUP_COLUMN 3

static const struct column columns[] = {
	{ "target", COLUMN_TEXT }, { "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER }, { "vp", COLUMN_TEXT },
	{ "region", COLUMN_TEXT }, { "country", COLUMN_TEXT },
	{ "asn", COLUMN_INTEGER }, { "site", COLUMN_TEXT },
	{ "site_country", COLUMN_TEXT }, { "abroad_pct", COLUMN_PERCENT },
	{ "outside_pct", COLUMN_PERCENT }, { "avoidable", COLUMN_FLAG },
	{ "samples", COLUMN_INTEGER }, { "rtt_p50_ms", COLUMN_MS },
	{ "weight", COLUMN_COUNT }, /* of --weights alone */
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const struct column group_columns[] = {
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "", COLUMN_TEXT }, /* what --by says */
	{ "vantage_points", COLUMN_INTEGER },
	{ "known", COLUMN_INTEGER },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "abroad", COLUMN_COUNT },
	{ "abroad_pct", COLUMN_PERCENT },
	{ "avoidable", COLUMN_COUNT },
	{ "avoidable_pct", COLUMN_PERCENT },
	{ "inside", COLUMN_INTEGER },
	{ "outside", COLUMN_COUNT },
	{ "outside_pct", COLUMN_PERCENT },
	{ "weight_abroad_pct", COLUMN_PERCENT }, /* of --weights alone */
	{ "weight_outside_pct", COLUMN_PERCENT },
	{ "weight_coverage_pct", COLUMN_PERCENT },
};
#define GROUP_COLUMNS (sizeof(group_columns) / sizeof(group_columns[0]))
#define WEIGHTED 3

/* Where one vantage point is served. */
struct locality {
	const struct served *served;
	const struct served_site *main;
	const char *country; /* its own; "": unknown */
	int32_t group;
	bool known;  /* its country and that of a site */
	bool inside; /* of the bloc, or on a known continent */
	bool home;   /* there is a site in its country */
	double abroad, outside;
};

struct localities {
	struct run *run;
	struct servings servings;
	struct regions *regions;
	struct names groups;
	struct locality *items;
	size_t count;
};

static const char *
country_of(const struct site *site)
{
	return site == NULL ? "" : site->country;
}

/* Whether a place is outside of what a vantage point is inside of. */
static bool
is_outside(
    const struct localities *l, const struct locality *is, const char *country)
{
	const char *bloc = l->run->options->bloc;

	if (bloc != NULL)
		return !bloc_holds(bloc, country);
	return continent_of(l->regions, country) !=
	       continent_of(l->regions, is->country);
}

static bool
is_inside(const struct localities *l, const char *country)
{
	const char *bloc = l->run->options->bloc;

	return bloc != NULL ? bloc_holds(bloc, country)
			    : continent_of(l->regions, country)[0] != '\0';
}

static void
set_home(const struct localities *l, struct locality *is)
{
	for (size_t i = 0; i < l->servings.offer_count; i++) {
		const struct offer *offer = &l->servings.offers[i];

		is->home |= offer->service == is->served->service &&
			    strcmp(country_of(offer->place), is->country) == 0;
	}
}

static void
set_locality(const struct localities *l, struct locality *is)
{
	size_t known = 0, abroad = 0, outside = 0;

	for (size_t i = 0; i < is->served->site_count; i++) {
		const struct served_site *site = &is->served->sites[i];
		const char *country = country_of(site->place);

		if (country[0] == '\0')
			continue;
		known += site->count;
		if (strcmp(country, is->country) != 0)
			abroad += site->count;
		if (is_outside(l, is, country))
			outside += site->count;
	}
	if (known == 0 || is->country[0] == '\0')
		return;
	is->known = true;
	is->inside = is_inside(l, is->country);
	is->abroad = (double)abroad / (double)known;
	is->outside = is->inside ? (double)outside / (double)known : 0;
	set_home(l, is);
}

static int
read_all(struct localities *l, struct run *run)
{
	char error[512];

	*l = (struct localities){ .run = run };
	l->regions = regions_read(NULL, error, sizeof(error));
	if (l->regions == NULL) {
		log_warnx("%s", error);
		return -1;
	}
	servings_read(&l->servings, run);
	l->items = memory_zeroed(l->servings.count, sizeof(*l->items));
	for (size_t i = 0; i < l->servings.count; i++) {
		const struct served *served = &l->servings.items[i];
		const struct place *place = catalog_place(
		    &run->catalog.vps[served->vp], run->options->until_us - 1);
		struct locality *is = &l->items[l->count];

		if (served->rtts.count == 0)
			continue;
		l->count++;
		is->served = served;
		is->main = served_main(served, &run->catalog);
		is->country = place == NULL ? ""
					    : names_text(&run->catalog.names,
						  place->country);
		is->group = group_put(&l->groups, &run->catalog,
		    (struct group_of){ run->options->by, served->vp,
			run->options->until_us - 1 });
		set_locality(l, is);
	}
	return 0;
}

static void
clear(struct localities *l)
{
	servings_clear(&l->servings);
	regions_free(l->regions);
	names_clear(&l->groups);
	free(l->items);
}

/* By service, then group or vantage point. */
static int
compare(const void *left, const void *right, void *context)
{
	const struct locality *a = left, *b = right;
	const struct localities *l = context;
	const enum group_by by = l->run->options->by;

	if (a->served->service != b->served->service)
		return a->served->service < b->served->service ? -1 : 1;
	if (by != BY_DEFAULT && a->group != b->group)
		return group_compare(by, names_text(&l->groups, a->group),
		    names_text(&l->groups, b->group));
	return (a->served->vp > b->served->vp) -
	       (a->served->vp < b->served->vp);
}

static int
write_one(struct localities *l, const struct locality *is)
{
	struct run *run = l->run;
	const struct catalog *c = &run->catalog;
	const struct service *service = &c->services[is->served->service];
	const struct vantage *vp = &c->vps[is->served->vp];
	const struct place *place =
	    catalog_place(vp, run->options->until_us - 1);
	double weight = weights_of(&run->weights, is->served->vp);
	int64_t median_us = served_median_us(is->served);
	const struct cell cells[COLUMNS] = {
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		run_region(run, place),
		cell_text(is->country),
		run_asn(place),
		run_site(run, is->main == NULL ? -1 : is->main->site),
		cell_text(is->main == NULL ? "" : country_of(is->main->place)),
		cell_percent(is->abroad, is->known),
		cell_percent(is->outside, is->known && is->inside),
		cell_number_if(is->known, is->home && is->abroad > 0),
		cell_number((int64_t)is->served->count),
		cell_number_if(median_us >= 0, median_us),
		cell_number(llround(100 * weight)),
	};

	return report_row(&run->report, cells);
}

/* The items of one service and group. */
static int
write_group(struct localities *l, const struct locality *items, size_t count)
{
	struct run *run = l->run;
	const struct service *service =
	    &run->catalog.services[items->served->service];
	double known = 0, abroad = 0, avoidable = 0, inside = 0, outside = 0;
	double load = 0, known_load = 0, abroad_load = 0, inside_load = 0,
	       outside_load = 0;

	for (size_t i = 0; i < count; i++) {
		const struct locality *is = &items[i];
		double weight = weights_of(&run->weights, is->served->vp);

		load += weight;
		known += is->known;
		known_load += is->known ? weight : 0;
		abroad += is->abroad;
		abroad_load += weight * is->abroad;
		avoidable += is->home ? is->abroad : 0;
		inside += is->inside;
		inside_load += is->inside ? weight : 0;
		outside += is->outside;
		outside_load += weight * is->outside;
	}
	return report_row(
	    &run->report, (const struct cell[GROUP_COLUMNS]){
			      run_text(run, service->target),
			      run_text(run, service->address),
			      cell_number(service->af),
			      group_cell(run->options->by,
				  names_text(&l->groups, items->group)),
			      cell_number((int64_t)count),
			      cell_number(llround(known)),
			      cell_percent(known, (double)count),
			      cell_number(llround(100 * abroad)),
			      cell_percent(abroad, known),
			      cell_number(llround(100 * avoidable)),
			      cell_percent(avoidable, known),
			      cell_number(llround(inside)),
			      cell_number(llround(100 * outside)),
			      cell_percent(outside, inside),
			      cell_percent(abroad_load, known_load),
			      cell_percent(outside_load, inside_load),
			      cell_percent(known_load, load),
			  });
}

static int
write_rows(struct localities *l)
{
	int status = 0;

	for (size_t first = 0, end; status == 0 && first < l->count;
	     first = end) {
		const struct locality *is = &l->items[first];

		end = first + 1;
		if (l->run->options->by == BY_DEFAULT) {
			status = write_one(l, is);
			continue;
		}
		while (end < l->count &&
		       l->items[end].served->service == is->served->service &&
		       l->items[end].group == is->group)
			end++;
		status = write_group(l, is, end - first);
	}
	return status;
}

static int
begin(struct run *run, struct column *named)
{
	bool given = weights_given(&run->weights);

	if (run->options->by == BY_DEFAULT)
		return report_begin(
		    &run->report, columns, given ? COLUMNS : COLUMNS - 1);
	memcpy(named, group_columns, sizeof(group_columns));
	named[GROUP_COLUMN] = group_column(run->options->by);
	return report_begin(&run->report, named,
	    given ? GROUP_COLUMNS : GROUP_COLUMNS - WEIGHTED);
}

int
locality_report(struct run *run)
{
	struct column named[GROUP_COLUMNS];
	struct localities l;
	int status = begin(run, named);

	if (status == 0 && read_all(&l, run) == 0) {
		if (l.count > 1)
			qsort_r(
			    l.items, l.count, sizeof(*l.items), compare, &l);
		status = write_rows(&l);
		clear(&l);
	}
	if (report_end(&run->report) == -1)
		status = -1;
	return status;
}
