#include "analysis/report_fits.h"

#include <string.h>
#include "lib/log.h"

/* A gauge needs rows that are the same things every time; a feature needs a
 * vantage point or a site; a check needs a number that is good or bad. */
static const struct fit {
	const char *report;
	bool gauges, features;
	const char *checked; /* NULL: no column is more natural than others */
	bool quiet;          /* no row: nothing happened */
} fits[] = {
	{ "latency", true, true, "p50_ms", false },
	{ "catchment", true, true, "share_pct", false },
	{ "changes", false, true, NULL, true },
	{ "diff", false, true, NULL, false },
	{ "events", false, true, "vantage_points", true },
	{ "stability", true, true, "flip_rate", false },
	{ "vps", true, true, "coverage_pct", false },
	{ "sites", true, true, "share_pct", false },
	{ "availability", true, true, "availability_pct", false },
	{ "congruence", true, false, "same_site_pct", false },
	{ "inflation", true, true, "regret_ms", false },
	{ "locality", true, true, "outside_pct", false },
	{ "publication", true, true, "behind_s", false },
	{ "rssac047", false, false, "passed", false },
	{ "plausibility", false, true, NULL, true },
};

/* Reports that are lists of their own: no gauges, no places. */
static const struct fit no_fit = { "", false, false, NULL, false };

static const struct fit *
find_fit(const char *report)
{
	for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
		if (strcmp(fits[i].report, report) == 0)
			return &fits[i];
	}
	return &no_fit;
}

static int
fits_map(const struct options *o, const struct fit *fit)
{
	if (!fit->features || o->matrix) {
		log_warnx("%s has no places: no --format geojson", o->command);
		return -1;
	}
	if (o->by != BY_DEFAULT && o->by != BY_VP && o->by != BY_SITE) {
		log_warnx("%s --by %s has no places: no --format geojson",
		    o->command, options_by_name(o->by));
		return -1;
	}
	return 0;
}

static int
fits_check(struct options *o, const struct fit *fit)
{
	if (strcmp(o->command, "html") == 0) {
		log_warnx("html does not take --check");
		return -1;
	}
	o->check.quiet = fit->quiet;
	if (o->check.column == NULL)
		o->check.column = fit->checked;
	if (o->check.column == NULL) {
		log_warnx("%s --check needs --column", o->command);
		return -1;
	}
	return 0;
}

int
report_fits(struct options *o)
{
	const struct fit *fit = find_fit(o->command);

	if (o->format == &report_check)
		return fits_check(o, fit);
	if (o->format == &report_geojson)
		return fits_map(o, fit);
	if (o->format == &report_openmetrics && !fit->gauges) {
		log_warnx(
		    "%s has no gauges: no --format openmetrics", o->command);
		return -1;
	}
	return 0;
}
