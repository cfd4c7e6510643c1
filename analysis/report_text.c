/* An aligned table for people: numbers to the right, "-" for unknown. The
 * first rows decide the widths and which columns are shown: one that is empty
 * in every row of a report is left out, unless the report is longer than what
 * is looked at. On a terminal that is too narrow for that, what is the same in
 * every row is said once above, and columns from the right are left out until
 * the others fit; which, is said below. */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/report.h"
#include "lib/limits.h"
#include "lib/text.h"

#define LOOK_ROWS 2000
#define GAP "  "

struct table {
	char **held; /* by rows, each with a picture last; NULL: unknown */
	size_t stride;
	size_t held_rows;
	size_t width[REPORT_COLUMNS];
	bool shown[REPORT_COLUMNS];
	bool cut[REPORT_COLUMNS]; /* for want of width */
	size_t drawn_width;       /* of the widest picture; 0: none */
	bool flushed;
};

static size_t
characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

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
		gap = GAP;
	}
	if (drawn != NULL && fprintf(report->stream, "%s%s", gap, drawn) < 0)
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

static size_t
total_width(const struct report *report)
{
	const struct table *table = report->state;
	size_t total = table->drawn_width;
	size_t count = table->drawn_width > 0;

	for (size_t i = 0; i < report->count; i++) {
		if (table->shown[i]) {
			total += table->width[i];
			count++;
		}
	}
	return count == 0 ? 0 : total + (count - 1) * strlen(GAP);
}

/* A word of a list that is broken at the terminal's width; NULL ends it. */
static int
put_word(const struct report *report, size_t *at, const char *word)
{
	if (word == NULL)
		return *at > 0 && putc('\n', report->stream) == EOF ? -1 : 0;
	if (*at > 0 && *at + strlen(GAP) + strlen(word) > report->width) {
		*at = 0;
		if (putc('\n', report->stream) == EOF)
			return -1;
	}
	if (fprintf(report->stream, "%s%s", *at > 0 ? GAP : "", word) < 0)
		return -1;
	*at += (*at > 0 ? strlen(GAP) : 0) + strlen(word);
	return 0;
}

static bool
is_same_everywhere(const struct table *table, size_t column)
{
	const char *first = table->held[column];

	for (size_t i = 0; i < table->held_rows; i++) {
		const char *text = table->held[i * table->stride + column];

		if (first == NULL || text == NULL || strcmp(first, text) != 0)
			return false;
	}
	return table->held_rows > 1;
}

/* Say once what is the same in every row. */
static int
fold(struct report *report)
{
	struct table *table = report->state;
	size_t at = 0;

	for (size_t i = 0; i < report->count; i++) {
		char word[LIMIT_IDENTITY * 4 + 64];

		if (!table->shown[i] || !is_same_everywhere(table, i))
			continue;
		table->shown[i] = false;
		(void)text_print(word, sizeof(word), "%s %s",
		    report->columns[i].name, table->held[i]);
		if (put_word(report, &at, word) == -1)
			return -1;
	}
	return put_word(report, &at, NULL);
}

/* Seconds are enough where there is no room. */
static void
shorten_times(struct report *report)
{
	struct table *table = report->state;

	for (size_t i = 0; i < report->count; i++) {
		size_t width = strlen(report->columns[i].name);

		if (report->columns[i].type != COLUMN_TIME)
			continue;
		for (size_t row = 0; row < table->held_rows; row++) {
			char *text = table->held[row * table->stride + i];
			char *point = text == NULL ? NULL : strchr(text, '.');

			if (point != NULL)
				memcpy(point, "Z", sizeof("Z"));
			if (text != NULL && strlen(text) > width)
				width = strlen(text);
		}
		table->width[i] = width;
	}
}

enum worth { WORTH_LITTLE, WORTH_MUCH, WORTH_MOST };

static bool
is_one_of(const char *name, const char *const *names)
{
	while (*names != NULL && strcmp(name, *names) != 0)
		names++;
	return *names != NULL;
}

/* What says what a row is about is worth most, then what it says first. */
static enum worth
worth_of(const struct column *column)
{
	static const char *const most[] = { "time", "start", "vantage_points",
		NULL };
	static const char *const much[] = { "share_pct", "p50_ms", "p95_ms",
		"rtt_p50_ms", "loss_pct", "availability_pct", "rtt_change_ms",
		"end", NULL };
	static const char *const little[] = { "method", "instance",
		"from_instance", "to_instance", "from_sites", "not_seen_vps",
		"seen_before", "diverges", "notes", "place_by", "asn_by",
		NULL };

	if (is_one_of(column->name, most))
		return WORTH_MOST;
	if (is_one_of(column->name, much))
		return WORTH_MUCH;
	return report_names_row(column) && !is_one_of(column->name, little)
		   ? WORTH_MOST
		   : WORTH_LITTLE;
}

/* From the right, but never the first. */
static void
cut(struct report *report, enum worth worth)
{
	struct table *table = report->state;
	size_t first = 0;

	while (first < report->count && !table->shown[first])
		first++;
	for (size_t i = report->count;
	     i-- > first + 1 && total_width(report) > report->width;) {
		if (table->shown[i] && worth_of(&report->columns[i]) == worth) {
			table->shown[i] = false;
			table->cut[i] = true;
		}
	}
}

static int
fit(struct report *report)
{
	struct table *table = report->state;

	if (report->width == 0 || table->held_rows == 0 ||
	    total_width(report) <= report->width)
		return 0;
	if (fold(report) == -1)
		return -1;
	if (total_width(report) > report->width)
		shorten_times(report);
	cut(report, WORTH_LITTLE);
	cut(report, WORTH_MUCH);
	cut(report, WORTH_MOST);
	return 0;
}

static int
print_cut(const struct report *report)
{
	const struct table *table = report->state;
	size_t at = 0;

	for (size_t i = 0; i < report->count; i++) {
		if (!table->cut[i])
			continue;
		if ((at == 0 && put_word(report, &at, "not shown:") == -1) ||
		    put_word(report, &at, report->columns[i].name) == -1)
			return -1;
	}
	return put_word(report, &at, NULL);
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

		if (table->held[i] == NULL)
			continue;
		if (column == report->count) {
			len = characters(table->held[i]);
			if (len > table->drawn_width)
				table->drawn_width = len;
			continue;
		}
		table->shown[column] = true;
		len = strlen(table->held[i]);
		if (len > table->width[column])
			table->width[column] = len;
	}
	for (size_t i = report->table_columns; i > 0 && i < report->count; i++)
		table->shown[i] = false;
	if (table->drawn_width > 0 &&
	    strlen(report->drawn) > table->drawn_width)
		table->drawn_width = strlen(report->drawn);
	status = complete ? fit(report) : 0;
	if (status == 0)
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
	if (status == 0)
		status = print_cut(report);
	for (size_t i = 0; i < table->held_rows * table->stride; i++)
		free(table->held[i]);
	free(table->held);
	free(table);
	report->state = NULL;
	return status;
}

const struct report_format report_text = { "table", ".txt", begin, row, end };
