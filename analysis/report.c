#include "analysis/report.h"

#include <math.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/text.h"
#include "lib/times.h"

static const struct report_format *const formats[] = { &report_text,
	&report_csv, &report_json, &report_geojson, &report_openmetrics,
	&report_dot };
#define NUMBER_TEXT 24 /* sign, 19 digits, point, end */
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

const struct report_format *
report_format_find(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

const struct report_format *
report_format_of_file(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot != NULL && i < FORMATS; i++) {
		if (strcmp(formats[i]->suffix, dot) == 0)
			return formats[i];
	}
	return NULL;
}

int
report_begin(struct report *report, const struct column *columns, size_t count)
{
	report->columns = columns;
	report->count = count;
	report->rows = 0;
	report->state = NULL;
	return report->format->begin(report);
}

int
report_row(struct report *report, const struct cell *cells)
{
	if (report->format->row(report, cells) == -1)
		return -1;
	report->rows++;
	return 0;
}

int
report_end(struct report *report)
{
	return report->format->end(report);
}

struct cell
cell_text(const char *text)
{
	return (struct cell){ .text = text };
}

struct cell
cell_list(const char *text, const struct tallies *parts)
{
	return (struct cell){ .text = text, .parts = parts };
}

struct cell
cell_number(int64_t value)
{
	return (struct cell){ .value = value, .known = true };
}

struct cell
cell_number_if(bool known, int64_t value)
{
	return (struct cell){ .value = known ? value : 0, .known = known };
}

struct cell
cell_unknown(void)
{
	return (struct cell){ 0 };
}

struct cell
cell_percent(double part, double whole)
{
	if (!(whole > 0))
		return cell_unknown();
	return cell_number(llround(10000.0 * part / whole));
}

bool
report_names_row(const struct column *column)
{
	static const char *const numbers[] = { "af", "asn", "port", "flow" };

	if (column->type == COLUMN_TEXT)
		return strcmp(column->name, "note") != 0 &&
		       strcmp(column->name, "unit") != 0;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(column->name, numbers[i]) == 0)
			return true;
	}
	return false;
}

/* snprintf's way: the length that it has; out may be NULL. */
static size_t
name_row(const struct report *report, const struct cell *cells, char *out)
{
	size_t end = 0, len;

	for (size_t i = 0; i < report->count; i++) {
		const enum column_type type = report->columns[i].type;

		len = cell_format(NULL, 0, type, &cells[i]);
		if (len == 0 || !report_names_row(&report->columns[i]))
			continue;
		if (end > 0 && out != NULL)
			out[end] = ' ';
		end += end > 0;
		if (out != NULL)
			(void)cell_format(out + end, len + 1, type, &cells[i]);
		end += len;
	}
	return end;
}

size_t
report_column(const struct report *report, const char *name)
{
	size_t i = 0;

	while (i < report->count && strcmp(report->columns[i].name, name) != 0)
		i++;
	return i;
}

char *
report_row_name(const struct report *report, const struct cell *cells)
{
	char *name = memory_zeroed(1, name_row(report, cells, NULL) + 1);

	(void)name_row(report, cells, name);
	return name;
}

bool
cell_is_known(const struct cell *cell, enum column_type type)
{
	if (type == COLUMN_TEXT)
		return cell->text != NULL && cell->text[0] != '\0';
	return cell->known;
}

/* Our own names and names in text form pass as they are; what else a foreign
 * database holds is made visible. */
static size_t
format_text(char *out, size_t size, const char *text)
{
	size_t len = 0, kept = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		size_t need = c < 0x20 || c > 0x7e ? 4 : 1;

		len += need;
		if (len >= size)
			continue;
		if (need == 1) {
			out[kept] = (char)c;
		} else {
			out[kept] = '\\';
			out[kept + 1] = (char)('0' + c / 100);
			out[kept + 2] = (char)('0' + c / 10 % 10);
			out[kept + 3] = (char)('0' + c % 10);
		}
		kept = len;
	}
	if (size > 0)
		out[kept] = '\0';
	return len;
}

/* A number that counts the last of so many decimals. By hand: tables of
 * millions of rows are made of these. */
static size_t
format_decimal(char *out, size_t size, int64_t value, int digits)
{
	char text[NUMBER_TEXT], *at = text + sizeof(text) - 1;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	size_t len;

	*at = '\0';
	for (int n = 0; n <= digits || rest > 0; n++) {
		if (n == digits && digits > 0)
			*--at = '.';
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	}
	if (value < 0)
		*--at = '-';
	len = (size_t)(text + sizeof(text) - 1 - at);
	if (size > 0) {
		const size_t kept = len < size ? len : size - 1;

		memcpy(out, at, kept);
		out[kept] = '\0';
	}
	return len;
}

int64_t
cell_milliseconds(const struct cell *cell)
{
	const int64_t us = cell->value, rest = us % 1000;

	return us / 1000 + (rest >= 500) - (rest < -500);
}

static size_t
format_time(char *out, size_t size, int64_t us)
{
	char text[TIMES_TEXT];

	/* Beyond what nanoseconds can hold: a foreign database. */
	if (us > INT64_MAX / 1000 || us < INT64_MIN / 1000)
		text[0] = '\0';
	else
		wall_format(text, wall_from_us(us), 6);
	return format_text(out, size, text);
}

size_t
cell_format(
    char *out, size_t size, enum column_type type, const struct cell *cell)
{
	if (size > 0)
		out[0] = '\0';
	if (!cell_is_known(cell, type))
		return 0;
	switch (type) {
	case COLUMN_TEXT:
		return format_text(out, size, cell->text);
	case COLUMN_MS:
	case COLUMN_KM:
		return format_decimal(out, size, cell->value, 3);
	case COLUMN_DEGREES:
		return format_decimal(out, size, cell->value, 6);
	case COLUMN_SECONDS:
		return format_decimal(out, size, cell_milliseconds(cell), 3);
	case COLUMN_RATIO:
		return format_decimal(out, size, cell->value, 4);
	case COLUMN_PERCENT:
		return format_decimal(out, size, cell->value, 2);
	case COLUMN_COUNT:
		if (cell->value % 100 != 0)
			return format_decimal(out, size, cell->value, 2);
		return format_decimal(out, size, cell->value / 100, 0);
	case COLUMN_TIME:
		return format_time(out, size, cell->value);
	case COLUMN_FLAG:
		return format_text(
		    out, size, cell->value != 0 ? "true" : "false");
	default:
		return format_decimal(out, size, cell->value, 0);
	}
}
