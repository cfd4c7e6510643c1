/* Reports as values of the page's data. */
#include "analysis/html.h"

#include "analysis/report_json.h"
#include "analysis/tallies.h"

static struct html_capture *
of(struct report *report)
{
	/* Which the caller made, and not constant. */
	return (struct html_capture *)(uintptr_t)report->format;
}

/* Numbers of names, each with how often it came: names may hold commas. */
static json_t *
parts_of(const struct tallies *parts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < parts->count; i++) {
		json_t *part = json_array();

		json_array_append_new(part, json_integer(parts->items[i].name));
		json_array_append_new(
		    part, json_integer((json_int_t)parts->items[i].count));
		json_array_append_new(list, part);
	}
	return list;
}

/* Times are milliseconds here, as scripts count them. */
static json_t *
value_of(const struct cell *cell, enum column_type type)
{
	if (type == COLUMN_TIME && cell_is_known(cell, type))
		return json_integer(cell->value / 1000);
	if (cell->parts != NULL && cell->parts->count > 0)
		return parts_of(cell->parts);
	return report_json_value(cell, type);
}

static int
begin_rows(struct report *report)
{
	struct html_capture *capture = of(report);
	json_t *columns = json_array(), *texts = json_array();

	for (size_t i = 0; i < report->count; i++) {
		json_array_append_new(
		    columns, json_string(report->columns[i].name));
		if (report->columns[i].type == COLUMN_TEXT)
			json_array_append_new(
			    texts, json_integer((json_int_t)i));
	}
	json_object_set_new(capture->value, "columns", columns);
	json_object_set_new(capture->value, "texts", texts);
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

void
html_fold_texts(json_t *table, struct names *texts)
{
	json_t *row, *column;
	size_t i, k;

	json_array_foreach(json_object_get(table, "rows"), i, row)
	{
		json_array_foreach(json_object_get(table, "texts"), k, column)
		{
			const size_t at = (size_t)json_integer_value(column);
			const char *text =
			    json_string_value(json_array_get(row, at));

			if (text != NULL)
				json_array_set_new(row, at,
				    json_integer(names_put(texts, text)));
		}
	}
}

json_t *
html_texts(const struct names *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, json_string(texts->texts[i]));
	return list;
}
