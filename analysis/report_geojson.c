/* GeoJSON (RFC 7946): a feature for each row, at its vantage point or else at
 * its site; the columns are its properties. It is for sharing: degrees are
 * rounded and addresses of vantage points left out, unless all is asked for. */
#include <math.h>
#include <string.h>
#include "analysis/report_json.h"

#define SHARED_MICRODEGREES 100000 /* a tenth of a degree */

static int
begin(struct report *report)
{
	return fputs("{\"type\":\"FeatureCollection\",\"features\":[",
		   report->stream) == EOF
		   ? -1
		   : 0;
}

static double
shared_degrees(const struct report *report, double degrees)
{
	return report->full ? degrees : round(degrees * 10) / 10;
}

static json_t *
geometry(struct report *report, const struct cell *cells)
{
	double lat, lon;

	if (report->locate == NULL ||
	    !report->locate(report, cells, &lat, &lon)) {
		report->nowhere++;
		return json_null();
	}
	return json_pack("{s:s, s:[f, f]}", "type", "Point", "coordinates",
	    shared_degrees(report, lon), shared_degrees(report, lat));
}

static bool
is_left_out(const struct report *report, const struct column *column)
{
	return !report->full && (strcmp(column->name, "reported") == 0 ||
				    strcmp(column->name, "seen") == 0);
}

static json_t *
property(const struct report *report, const struct column *column,
    const struct cell *cell)
{
	struct cell rough = *cell;

	if (column->type != COLUMN_DEGREES || report->full || !cell->known)
		return report_json_value(cell, column->type);
	rough.value = llround((double)cell->value / SHARED_MICRODEGREES) *
		      SHARED_MICRODEGREES;
	return report_json_value(&rough, column->type);
}

static json_t *
properties(const struct report *report, const struct cell *cells)
{
	json_t *object = json_object();

	for (size_t i = 0; i < report->count; i++) {
		const struct column *column = &report->columns[i];

		if (!is_left_out(report, column))
			json_object_set_new(object, column->name,
			    property(report, column, &cells[i]));
	}
	return object;
}

static int
row(struct report *report, const struct cell *cells)
{
	json_t *feature = json_pack("{s:s, s:o, s:o}", "type", "Feature",
	    "geometry", geometry(report, cells), "properties",
	    properties(report, cells));
	int status = -1;

	if (feature != NULL &&
	    fputs(report->rows == 0 ? "\n" : ",\n", report->stream) != EOF)
		status = json_dumpf(feature, report->stream,
		    JSON_COMPACT | JSON_ENSURE_ASCII |
			JSON_REAL_PRECISION(REPORT_JSON_DIGITS));
	json_decref(feature);
	return status;
}

static int
end(struct report *report)
{
	return fputs("\n]}\n", report->stream) == EOF ? -1 : 0;
}

const struct report_format report_geojson = { "geojson", ".geojson", begin, row,
	end };
