/* OpenMetrics 1.0 text: each column of numbers is a gauge of a family of its
 * own, in base units; columns of text, and numbers that are names, are its
 * labels. A leading time is the time of the samples. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/report.h"
#include "lib/text.h"

#define NAME_TEXT 128
#define TIME_DECIMALS 6

struct sample {
	char *labels;
	int64_t value; /* in the unit of its column */
	int64_t time_us;
	size_t number; /* as it came */
};

struct family {
	char name[NAME_TEXT];
	const struct unit *unit; /* NULL: a label, or not shown */
	struct sample *samples;
	size_t count, room;
};

struct openmetrics {
	struct family families[REPORT_COLUMNS];
	bool timed; /* the first column is when */
};

/* How a column of a type, and of such an ending, is a metric: the ending gives
 * way to another, and the value with so many decimals is in the unit that is
 * its last word. */
static const struct unit {
	enum column_type type;
	const char *ending, *suffix;
	int decimals;
} units[] = {
	{ COLUMN_INTEGER, "_s", "seconds", 0 },
	{ COLUMN_INTEGER, "", "", 0 },
	{ COLUMN_COUNT, "", "", 2 },
	{ COLUMN_MS, "_ms", "seconds", 6 },
	{ COLUMN_SECONDS, "_s", "seconds", 6 },
	{ COLUMN_RATIO, "", "", 4 },
	{ COLUMN_PERCENT, "_pct", "ratio", 4 },
	{ COLUMN_TIME, "", "timestamp_seconds", 6 },
	{ COLUMN_FLAG, "", "", 0 },
	{ COLUMN_KM, "_km", "meters", 0 },
	{ COLUMN_DEGREES, "", "", 6 },
};

static bool
ends_with(const char *name, const char *ending)
{
	const size_t len = strlen(name), end = strlen(ending);

	return len > end && strcmp(name + len - end, ending) == 0;
}

static const struct unit *
unit_of(const struct column *column)
{
	if (report_names_row(column))
		return NULL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].type == column->type &&
		    ends_with(column->name, units[i].ending))
			return &units[i];
	}
	return NULL;
}

static bool
is_sample_time(const struct column *column)
{
	return column->type == COLUMN_TIME && strcmp(column->name, "time") == 0;
}

static void
name_family(struct family *family, const struct report *report,
    const struct column *column)
{
	const struct unit *unit = unit_of(column);
	const size_t len = strlen(column->name) - strlen(unit->ending);

	family->unit = unit;
	(void)text_print(family->name, sizeof(family->name),
	    "acreport_%s_%.*s%s%s", report->name, (int)len, column->name,
	    unit->suffix[0] == '\0' ? "" : "_", unit->suffix);
}

static int
begin(struct report *report)
{
	struct openmetrics *om = memory_zeroed(1, sizeof(*om));

	report->state = om;
	om->timed = is_sample_time(&report->columns[0]);
	for (size_t i = om->timed; i < report->count; i++) {
		if (unit_of(&report->columns[i]) != NULL)
			name_family(
			    &om->families[i], report, &report->columns[i]);
	}
	return 0;
}

/* --- rows --- */

static void
put_label(FILE *stream, const char *name, const char *value, bool first)
{
	(void)fprintf(stream, "%s%s=\"", first ? "" : ",", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			(void)putc('\\', stream);
		(void)putc(*value, stream);
	}
	(void)putc('"', stream);
}

/* NULL (errno); the caller frees. */
static char *
labels_of(const struct report *report, const struct cell *cells)
{
	char *labels = NULL, *text;
	size_t size = 0, len;
	FILE *stream = open_memstream(&labels, &size);
	bool first = true;

	for (size_t i = 0; stream != NULL && i < report->count; i++) {
		const enum column_type type = report->columns[i].type;

		len = cell_format(NULL, 0, type, &cells[i]);
		if (len == 0 || !report_names_row(&report->columns[i]))
			continue;
		text = memory_zeroed(1, len + 1);
		(void)cell_format(text, len + 1, type, &cells[i]);
		put_label(stream, report->columns[i].name, text, first);
		free(text);
		first = false;
	}
	if (stream != NULL && fclose(stream) == 0)
		return labels;
	free(labels);
	return NULL;
}

static void
add_sample(struct family *family, const struct sample *sample)
{
	if (family->count == family->room)
		family->samples = memory_grow(
		    family->samples, &family->room, sizeof(*family->samples));
	family->samples[family->count] = *sample;
	family->samples[family->count++].labels = memory_copy(sample->labels);
}

static int
row(struct report *report, const struct cell *cells)
{
	struct openmetrics *om = report->state;
	struct sample sample = { .number = report->rows };

	if ((sample.labels = labels_of(report, cells)) == NULL)
		return -1;
	if (om->timed)
		sample.time_us = cells[0].value;
	for (size_t i = 0; i < report->count; i++) {
		struct family *family = &om->families[i];

		if (family->unit == NULL || !cells[i].known)
			continue;
		sample.value = cells[i].value;
		add_sample(family, &sample);
	}
	free(sample.labels);
	return 0;
}

/* --- the end --- */

/* Samples of one thing stand together, in the order of time. */
static int
compare_samples(const void *one, const void *other)
{
	const struct sample *a = one, *b = other;
	const int order = strcmp(a->labels, b->labels);

	if (order != 0)
		return order;
	return (a->number > b->number) - (a->number < b->number);
}

/* Exactly, behind a blank, without zeros at the end. */
static void
put_number(FILE *stream, int64_t value, int decimals)
{
	int64_t unit = 1;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	(void)fprintf(stream, " %s%" PRId64,
	    value < 0 && value > -unit ? "-" : "", value / unit);
	value = value % unit < 0 ? -(value % unit) : value % unit;
	for (; decimals > 0 && value % 10 == 0; decimals--)
		value /= 10;
	if (decimals > 0)
		(void)fprintf(stream, ".%0*" PRId64, decimals, value);
}

static int
write_family(const struct openmetrics *om, FILE *stream, struct family *family)
{
	const char *suffix, *word;

	if (family->count == 0)
		return 0;
	suffix = family->unit->suffix;
	word = strrchr(suffix, '_');
	qsort(family->samples, family->count, sizeof(*family->samples),
	    compare_samples);
	(void)fprintf(stream, "# TYPE %s gauge\n", family->name);
	if (suffix[0] != '\0')
		(void)fprintf(stream, "# UNIT %s %s\n", family->name,
		    word == NULL ? suffix : word + 1);
	for (size_t i = 0; i < family->count; i++) {
		const struct sample *s = &family->samples[i];

		(void)fprintf(stream, "%s{%s}", family->name, s->labels);
		put_number(stream, s->value, family->unit->decimals);
		if (om->timed)
			put_number(stream, s->time_us, TIME_DECIMALS);
		(void)putc('\n', stream);
	}
	return ferror(stream) ? -1 : 0;
}

static void
clear_family(struct family *family)
{
	for (size_t i = 0; i < family->count; i++)
		free(family->samples[i].labels);
	free(family->samples);
}

static int
end(struct report *report)
{
	struct openmetrics *om = report->state;
	int status = 0;

	for (size_t i = 0; i < report->count; i++) {
		if (write_family(om, report->stream, &om->families[i]) == -1)
			status = -1;
		clear_family(&om->families[i]);
	}
	free(om);
	report->state = NULL;
	if (fputs("# EOF\n", report->stream) == EOF)
		status = -1;
	return status;
}

const struct report_format report_openmetrics = { "openmetrics", ".prom", begin,
	row, end };
