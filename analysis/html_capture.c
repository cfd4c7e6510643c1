/* Reports as values of the page's data. */
#include "analysis/html.h"

#include "analysis/report_json.h"

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

const struct report_format html_rows = { "html", "", begin_rows, add_row,
	end_nothing };
