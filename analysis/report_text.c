/* An aligned table for people: numbers to the right, "-" for unknown. The
 * first rows decide the widths and which columns are shown: one that is empty
 * in every row of a report is left out, unless the report is longer than what
 * is looked at. */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/report.h"

#define LOOK_ROWS 2000

struct table {
	char **held; /* by rows, each with a picture last; NULL: unknown */
	size_t stride;
	size_t held_rows;
	size_t width[REPORT_COLUMNS];
	bool shown[REPORT_COLUMNS];
	bool flushed;
};

static char *
copy_cell(const struct cell *cell, enum column_type type)
{
	size_t len = cell_format(NULL, 0, type, cell);
	char *text;

	if (!cell_is_known(cell, type))
		return NULL;
	text = memory_zeroed(1, len + 1);
	(void)cell_format(text, len + 1, type, cell);
	return text;
}

/* NULL where there is nothing to draw. */
static char *
picture(const struct report *report, const struct cell *cells)
{
	char drawn[REPORT_PICTURE] = "";

	if (report->draw != NULL)
		report->draw(report, cells, drawn);
	return drawn[0] == '\0' ? NULL : memory_copy(drawn);
}

static int
begin(struct report *report)
{
	struct table *table = memory_zeroed(1, sizeof(*table));

	table->stride = report->count + 1;
	table->held =
	    memory_zeroed(LOOK_ROWS * table->stride, sizeof(*table->held));
	for (size_t i = 0; i < report->count; i++)
		table->width[i] = strlen(report->columns[i].name);
	report->state = table;
	return 0;
}

/* texts NULL: the header. */
static int
print_row(const struct report *report, char *const *texts)
{
	const struct table *table = report->state;
	const char *drawn =
	    texts == NULL ? report->drawn : texts[report->count];
	const char *gap = "";
	size_t last = report->count;

	while (last > 0 && !table->shown[last - 1])
		last--;
	for (size_t i = 0; i < last; i++) {
		bool left = report->columns[i].type == COLUMN_TEXT;
		/* No white space at a line's end. */
		int width = left && i + 1 == last && drawn == NULL
				? 0
				: (int)table->width[i];
		const char *text = texts == NULL      ? report->columns[i].name
				   : texts[i] == NULL ? "-"
						      : texts[i];

		if (!table->shown[i])
			continue;
		if (fprintf(report->stream, left ? "%s%-*s" : "%s%*s", gap,
			width, text) < 0)
			return -1;
		gap = "  ";
	}
	if (drawn != NULL && fprintf(report->stream, "  %s", drawn) < 0)
		return -1;
	return putc('\n', report->stream) == EOF ? -1 : 0;
}

static int
print_header(const struct report *report)
{
	if (report->colour && fputs("\033[1m", report->stream) == EOF)
		return -1;
	if (print_row(report, NULL) == -1)
		return -1;
	if (report->colour && fputs("\033[0m", report->stream) == EOF)
		return -1;
	return 0;
}

static int
flush(struct report *report, bool complete)
{
	struct table *table = report->state;
	int status;

	for (size_t i = 0; i < report->count; i++)
		table->shown[i] = !complete || table->held_rows == 0;
	for (size_t i = 0; i < table->held_rows * table->stride; i++) {
		size_t column = i % table->stride, len;

		if (table->held[i] == NULL || column == report->count)
			continue;
		table->shown[column] = true;
		len = strlen(table->held[i]);
		if (len > table->width[column])
			table->width[column] = len;
	}
	for (size_t i = report->table_columns; i > 0 && i < report->count; i++)
		table->shown[i] = false;
	status = print_header(report);
	for (size_t i = 0; status == 0 && i < table->held_rows; i++)
		status = print_row(report, table->held + i * table->stride);
	table->flushed = true;
	return status;
}

static int
row(struct report *report, const struct cell *cells)
{
	struct table *table = report->state;
	char *texts[REPORT_COLUMNS + 1];
	int status;

	for (size_t i = 0; i < report->count; i++)
		texts[i] = copy_cell(&cells[i], report->columns[i].type);
	texts[report->count] = picture(report, cells);
	if (table->held_rows < LOOK_ROWS) {
		memcpy(table->held + table->held_rows * table->stride, texts,
		    table->stride * sizeof(texts[0]));
		table->held_rows++;
		return 0;
	}
	status = table->flushed ? 0 : flush(report, false);
	if (status == 0)
		status = print_row(report, texts);
	for (size_t i = 0; i < table->stride; i++)
		free(texts[i]);
	return status;
}

static int
end(struct report *report)
{
	struct table *table = report->state;
	int status = 0;

	if (table == NULL)
		return 0;
	if (!table->flushed)
		status = flush(report, true);
	for (size_t i = 0; i < table->held_rows * table->stride; i++)
		free(table->held[i]);
	free(table->held);
	free(table);
	report->state = NULL;
	return status;
}

const struct report_format report_text = { "table", ".txt", begin, row, end };
