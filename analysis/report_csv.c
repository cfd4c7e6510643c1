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
	struct csv *csv = report->state;

	for (size_t i = 0; i < report->count; i++) {
		enum column_type type = report->columns[i].type;
		const char *text;

		make_room(csv, cell_format(NULL, 0, type, &cells[i]));
		(void)cell_format(csv->plain, csv->size, type, &cells[i]);
		text = csv->plain;
		if (type == COLUMN_TEXT) {
			(void)escape_csv(
			    csv->field, 2 * csv->size + 16, csv->plain);
			text = csv->field;
		}
		if ((i > 0 && putc(',', report->stream) == EOF) ||
		    fputs(text, report->stream) == EOF)
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
