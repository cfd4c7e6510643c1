#include "analysis/locate.h"

#include <string.h>
#include "analysis/memory.h"
#include "analysis/reports.h"

/* NULL where the report has no such column, or the row nothing in it. */
static const char *
text_in(const struct report *report, const struct cell *cells, const char *name)
{
	const size_t i = report_column(report, name);

	return i < report->count && report->columns[i].type == COLUMN_TEXT &&
		       cell_is_known(&cells[i], COLUMN_TEXT)
		   ? cells[i].text
		   : NULL;
}

static bool
locate_vp(const struct run *run, const char *name, double *lat, double *lon)
{
	const struct catalog *c = &run->catalog;
	const int32_t number = names_find(&c->names, name);
	const struct place *place;

	for (size_t i = 0; number >= 0 && i < c->vp_count; i++) {
		if (c->vps[i].name != number)
			continue;
		place = catalog_place(&c->vps[i], run->options->until_us - 1);
		if (place == NULL || !place->has_position)
			return false;
		*lat = place->lat;
		*lon = place->lon;
		return true;
	}
	return false;
}

static bool
locate_name(
    const struct catalog *c, const struct site_name *name, struct site *site)
{
	if (site_map_find_at(c->map, name, site) && site->has_position)
		return true;
	return site_map_find_at(c->places, name, site) && site->has_position;
}

/* The map gave an instance its site. */
static bool
locate_instance(
    const struct catalog *c, size_t service, size_t instance, struct site *site)
{
	const struct site_name name = {
		.service = names_text(&c->names, c->services[service].target),
		.instance = names_text(&c->names, c->instances[instance].text),
		.time_us = c->map_us,
	};

	return locate_name(c, &name, site);
}

/* By any of its instances. */
static bool
locate_by_any(const struct catalog *c, size_t service, int32_t site_number,
    struct site *site)
{
	for (size_t i = 0; i < c->instance_count; i++) {
		if (c->site_of[service][i] == site_number &&
		    locate_instance(c, service, i, site))
			return true;
	}
	return false;
}

/* target NULL: of whichever has it. */
static bool
locate_site(const struct catalog *c, const char *target, const char *text,
    struct site *site)
{
	const int32_t number = names_find(&c->sites, text);
	const int32_t of = target == NULL ? -1 : names_find(&c->names, target);

	for (size_t i = 0; number >= 0 && i < c->service_count; i++) {
		if ((of < 0 || c->services[i].target == of) &&
		    c->site_of[i] != NULL && locate_by_any(c, i, number, site))
			return true;
	}
	return false;
}

struct site *
locate_sites(const struct catalog *c)
{
	struct site *sites = memory_zeroed(c->sites.count, sizeof(*sites));

	for (size_t i = 0; i < c->service_count; i++) {
		for (size_t k = 0;
		     c->site_of[i] != NULL && k < c->instance_count; k++) {
			const int32_t number = c->site_of[i][k];

			if (number >= 0 && !sites[number].has_position)
				(void)locate_instance(c, i, k, &sites[number]);
		}
	}
	return sites;
}

bool
locate_row(const struct report *report, const struct cell *cells, double *lat,
    double *lon)
{
	const struct run *run = report->owner;
	const char *vp = text_in(report, cells, "vp");
	const char *text = text_in(report, cells, "site");
	struct site site;

	if (vp != NULL)
		return locate_vp(run, vp, lat, lon);
	if (text == NULL || !locate_site(&run->catalog,
				text_in(report, cells, "target"), text, &site))
		return false;
	*lat = site.lat;
	*lon = site.lon;
	return true;
}
