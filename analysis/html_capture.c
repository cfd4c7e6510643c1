/* Reports as values of the page's data. */
#include "analysis/html.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/report_json.h"

static const char *const series_keys[] = { "target", "address", "question",
	"proto" };
#define SERIES_KEYS (sizeof(series_keys) / sizeof(series_keys[0]))
#define GROUP_COLUMN 6 /* of latency with steps */

static struct html_capture *
of(struct report *report)
{
	/* Which the caller made, and not constant. */
	return (struct html_capture *)(uintptr_t)report->format;
}

/* Times are milliseconds here, as scripts count them. */
static json_t *
value_of(const struct cell *cell, enum column_type type)
{
	if (type == COLUMN_TIME && cell_is_known(cell, type))
		return json_integer(cell->value / 1000);
	return report_json_value(cell, type);
}

static int
begin_rows(struct report *report)
{
	struct html_capture *capture = of(report);
	json_t *columns = json_array();

	for (size_t i = 0; i < report->count; i++)
		json_array_append_new(
		    columns, json_string(report->columns[i].name));
	json_object_set_new(capture->value, "columns", columns);
	json_object_set_new(capture->value, "rows", json_array());
	return 0;
}

static int
add_row(struct report *report, const struct cell *cells)
{
	struct html_capture *capture = of(report);
	json_t *row = json_array();

	for (size_t i = 0; i < report->count; i++) {
		json_array_append_new(
		    row, value_of(&cells[i], report->columns[i].type));
	}
	return json_array_append_new(
	    json_object_get(capture->value, "rows"), row);
}

static int
end_nothing(struct report *report)
{
	(void)report;
	return 0;
}

/* Numbered as they come, like the values. */
static json_t *
find_series(struct html_capture *capture, json_t *names)
{
	static const char *const lists[] = { "at", "p50", "p95" };
	char *key = json_dumps(names, JSON_COMPACT);
	const size_t known = capture->keys.count;
	int32_t number;
	json_t *series;

	number = names_put(&capture->keys, key == NULL ? "" : key);
	free(key);
	if ((size_t)number < known) {
		json_decref(names);
		return json_array_get(capture->value, (size_t)number);
	}
	series = json_object();
	json_object_set_new(series, "names", names);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_object_set_new(series, lists[i], json_array());
	json_array_append_new(capture->value, series);
	return series;
}

static int
begin_series(struct report *report)
{
	(void)report;
	return 0;
}

static void
append(json_t *series, const char *list, json_t *value)
{
	json_array_append_new(json_object_get(series, list), value);
}

static int
add_step(struct report *report, const struct cell *cells)
{
	struct html_capture *capture = of(report);
	size_t p50 = report_column(report, "p50_ms");
	size_t p95 = report_column(report, "p95_ms");
	json_t *names = json_array(), *series;

	for (size_t i = 0; i < SERIES_KEYS; i++)
		json_array_append_new(
		    names, report_json_text(
			       &cells[report_column(report, series_keys[i])],
			       COLUMN_TEXT));
	json_array_append_new(
	    names, report_json_text(&cells[GROUP_COLUMN], COLUMN_TEXT));
	series = find_series(capture, names);
	append(series, "at",
	    json_integer(
		(cells[0].value - capture->first_us) / capture->step_us));
	append(series, "p50", value_of(&cells[p50], COLUMN_MS));
	append(series, "p95", value_of(&cells[p95], COLUMN_MS));
	return 0;
}

const struct report_format html_rows = { "html", "", begin_rows, add_row,
	end_nothing };
const struct report_format html_series = { "html", "", begin_series, add_step,
	end_nothing };
