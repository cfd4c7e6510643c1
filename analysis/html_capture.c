/* Reports as values of the page's data. */
#include "analysis/html.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/report_json.h"
#include "lib/text.h"

/* NULL: the group. */
static const char *const series_names[SERIES_NAMES] = { "target", "address",
	"question", "proto", NULL };
#define GROUP_COLUMN 6 /* of latency with steps */
#define SERIES_KEY 8192

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

static int
begin_series(struct report *report)
{
	struct html_capture *capture = of(report);

	for (size_t i = 0; i < SERIES_NAMES; i++)
		capture->names[i] =
		    series_names[i] == NULL
			? GROUP_COLUMN
			: report_column(report, series_names[i]);
	capture->p50 = report_column(report, "p50_ms");
	capture->p95 = report_column(report, "p95_ms");
	return 0;
}

static struct html_series *
new_series(struct html_capture *capture, const struct cell *cells)
{
	json_t *names = json_array(), *series = json_object();
	struct html_series *lists;

	for (size_t i = 0; i < SERIES_NAMES; i++)
		json_array_append_new(names,
		    report_json_text(&cells[capture->names[i]], COLUMN_TEXT));
	if (capture->count == capture->room)
		capture->series = memory_grow(
		    capture->series, &capture->room, sizeof(*capture->series));
	lists = &capture->series[capture->count++];
	*lists = (struct html_series){ json_array(), json_array(), json_array(),
		{ 0 } };
	for (size_t i = 0; i < SERIES_NAMES; i++)
		lists->names[i] = cells[capture->names[i]].text;
	json_object_set_new(series, "names", names);
	json_object_set_new(series, "at", lists->at);
	json_object_set_new(series, "p50", lists->p50);
	json_object_set_new(series, "p95", lists->p95);
	json_array_append_new(capture->value, series);
	return lists;
}

/* Texts are held where they are while a report is written. */
static bool
is_series(
    const struct html_capture *capture, size_t number, const struct cell *cells)
{
	if (number >= capture->count)
		return false;
	for (size_t i = 0; i < SERIES_NAMES; i++) {
		if (capture->series[number].names[i] !=
		    cells[capture->names[i]].text)
			return false;
	}
	return true;
}

/* Numbered as they come. No text of a store has a line end in it. */
static struct html_series *
find_series(struct html_capture *capture, const struct cell *cells)
{
	char key[SERIES_KEY];
	size_t len = 0, number;

	for (size_t i = 0; i < 2; i++) {
		number = i == 0 ? capture->next : 0;
		if (is_series(capture, number, cells)) {
			capture->next = number + 1;
			return &capture->series[number];
		}
	}
	for (size_t i = 0; i < SERIES_NAMES; i++) {
		const char *text = cells[capture->names[i]].text;

		(void)text_print(key + len, sizeof(key) - len, "%s\n",
		    text == NULL ? "" : text);
		len += strlen(key + len);
	}
	number = (size_t)names_put(&capture->keys, key);
	capture->next = number + 1;
	return number < capture->count ? &capture->series[number]
				       : new_series(capture, cells);
}

static int
add_step(struct report *report, const struct cell *cells)
{
	struct html_capture *capture = of(report);
	struct html_series *series = find_series(capture, cells);

	json_array_append_new(series->at,
	    json_integer(
		(cells[0].value - capture->first_us) / capture->step_us));
	json_array_append_new(
	    series->p50, value_of(&cells[capture->p50], COLUMN_MS));
	json_array_append_new(
	    series->p95, value_of(&cells[capture->p95], COLUMN_MS));
	return 0;
}

void
html_capture_clear(struct html_capture *capture)
{
	names_clear(&capture->keys);
	free(capture->series);
}

const struct report_format html_rows = { "html", "", begin_rows, add_row,
	end_nothing };
const struct report_format html_series = { "html", "", begin_series, add_step,
	end_nothing };
