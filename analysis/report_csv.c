/* CSV (RFC 4180): a header row, then text columns guarded against
 * spreadsheets (escape.h) and numbers as numbers. */
#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/report.h"
#include "lib/escape.h"

/* A field's buffers grow with the longest text of a report. */
struct csv {
	char *plain, *field;
	size_t size;
};

static void
make_room(struct csv *csv, size_t need)
{
	if (need < csv->size)
		return;
	free(csv->plain);
	free(csv->field);
	csv->size = need + 256;
	csv->plain = memory_zeroed(1, csv->size);
	csv->field = memory_zeroed(2, csv->size + 8);
}

/* A cell as a field; valid until the next. */
static const char *
field(struct csv *csv, enum column_type type, const struct cell *cell)
{
	size_t len = cell_format(csv->plain, csv->size, type, cell);

	if (len >= csv->size) {
		make_room(csv, len);
		(void)cell_format(csv->plain, csv->size, type, cell);
	}
	if (type != COLUMN_TEXT || len == 0)
		return csv->plain;
	(void)escape_csv(csv->field, 2 * csv->size + 16, csv->plain);
	return csv->field;
}

static int
begin(struct report *report)
{
	report->state = memory_zeroed(1, sizeof(struct csv));
	make_room(report->state, 0);
	for (size_t i = 0; i < report->count; i++) {
		if (fprintf(report->stream, "%s%s", i == 0 ? "" : ",",
			report->columns[i].name) < 0)
			return -1;
	}
	return fputs("\r\n", report->stream) == EOF ? -1 : 0;
}

static int
row(struct report *report, const struct cell *cells)
{
	for (size_t i = 0; i < report->count; i++) {
		if ((i > 0 && putc(',', report->stream) == EOF) ||
		    fputs(field(report->state, report->columns[i].type,
			      &cells[i]),
			report->stream) == EOF)
			return -1;
	}
	return fputs("\r\n", report->stream) == EOF ? -1 : 0;
}

static int
end(struct report *report)
{
	struct csv *csv = report->state;

	if (csv != NULL) {
		free(csv->plain);
		free(csv->field);
	}
	free(csv);
	report->state = NULL;
	return ferror(report->stream) ? -1 : 0;
}

const struct report_format report_csv = { "csv", ".csv", begin, row, end };
