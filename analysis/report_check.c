#include "analysis/report_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/text.h"

struct checking {
	size_t column; /* report->count: not there */
	FILE *perfdata;
	char *text;
	size_t len;
	size_t known;
	enum check_state state;
	double worst;
	char *worst_of; /* what the row is about */
};

static const char *const state_names[] = { "OK", "WARNING", "CRITICAL",
	"UNKNOWN" };

/* --- ranges --- */

static int
parse_bound(double *bound, const char *text, size_t len)
{
	char number[32];

	if (len >= sizeof(number))
		return -1;
	memcpy(number, text, len);
	number[len] = '\0';
	return text_double(bound, number, -1e15, 1e15);
}

int
check_range_parse(struct check_range *range, const char *text)
{
	const char *colon;

	*range = (struct check_range){ text, 0, INFINITY, text[0] == '@' };
	text += range->inside;
	if ((colon = strchr(text, ':')) == NULL)
		return parse_bound(&range->high, text, strlen(text)) == 0 &&
			       range->high >= 0
			   ? 0
			   : -1;
	if (colon - text == 1 && text[0] == '~')
		range->low = -INFINITY;
	else if (parse_bound(&range->low, text, (size_t)(colon - text)) == -1)
		return -1;
	if (colon[1] != '\0' &&
	    parse_bound(&range->high, colon + 1, strlen(colon + 1)) == -1)
		return -1;
	return range->low <= range->high ? 0 : -1;
}

static bool
alerts(const struct check_range *range, double value)
{
	if (range->text == NULL)
		return false;
	return range->inside == (value >= range->low && value <= range->high);
}

static enum check_state
state_of(const struct report_check *check, double value)
{
	if (alerts(&check->crit, value))
		return CHECK_CRITICAL;
	return alerts(&check->warn, value) ? CHECK_WARNING : CHECK_OK;
}

/* Less is worse where the range has no upper end. */
static bool
is_worse(const struct report_check *check, double a, double b)
{
	const struct check_range *range =
	    check->crit.text == NULL ? &check->warn : &check->crit;

	return isinf(range->high) && !range->inside ? a < b : a > b;
}

/* --- rows --- */

static int
begin(struct report *report)
{
	struct checking *c = memory_zeroed(1, sizeof(*c));

	report->state = c;
	report->check->state = CHECK_UNKNOWN;
	c->column = report_column(report, report->check->column);
	c->perfdata = open_memstream(&c->text, &c->len);
	return c->perfdata == NULL ? -1 : 0;
}

/* Whether the column is of numbers. */
static bool
counts(const struct report *report, const struct checking *c)
{
	const enum column_type type = report->columns[c->column].type;

	return type != COLUMN_TEXT && type != COLUMN_TIME;
}

static const char *
unit_of(enum column_type type)
{
	switch (type) {
	case COLUMN_MS:
		return "ms";
	case COLUMN_SECONDS:
		return "s";
	case COLUMN_PERCENT:
		return "%";
	default:
		return "";
	}
}

/* What has a meaning in a plugin's line is replaced. */
static char *
name_of(const struct report *report, const struct cell *cells)
{
	char *name = report_row_name(report, cells);

	for (char *p = name; *p != '\0'; p++) {
		if (strchr("'=|", *p) != NULL)
			*p = '_';
	}
	return name;
}

/* Takes the name. */
static void
remember(struct checking *c, const struct report_check *check, double value,
    char *name)
{
	const enum check_state state = state_of(check, value);

	if (c->known++ == 0 || state > c->state ||
	    (state == c->state && is_worse(check, value, c->worst))) {
		free(c->worst_of);
		c->worst_of = name;
		c->worst = value;
		c->state = state;
	} else {
		free(name);
	}
}

static const char *
text_of(const struct check_range *range)
{
	return range->text == NULL ? "" : range->text;
}

static int
row(struct report *report, const struct cell *cells)
{
	struct checking *c = report->state;
	const struct report_check *check = report->check;
	char number[64], *name;
	enum column_type type;

	if (c->column == report->count || !counts(report, c) ||
	    !cells[c->column].known)
		return 0;
	type = report->columns[c->column].type;
	if (type == COLUMN_FLAG)
		type = COLUMN_INTEGER;
	(void)cell_format(number, sizeof(number), type, &cells[c->column]);
	name = name_of(report, cells);
	(void)fprintf(c->perfdata, " '%s'=%s%s;%s;%s", name, number,
	    unit_of(type), text_of(&check->warn), text_of(&check->crit));
	remember(c, check, strtod(number, NULL), name);
	return 0;
}

/* --- the line --- */

static int
put_line(struct report *report, const struct checking *c)
{
	struct report_check *check = report->check;
	FILE *out = report->stream;

	if (c->column == report->count)
		return fprintf(out, "%s UNKNOWN: no column %s here\n",
		    report->name, check->column);
	if (!counts(report, c))
		return fprintf(out, "%s UNKNOWN: no numbers in column %s\n",
		    report->name, check->column);
	if (report->rows == 0 && check->quiet) {
		check->state = CHECK_OK;
		return fprintf(out, "%s OK: nothing\n", report->name);
	}
	if (c->known == 0)
		return fprintf(out,
		    "%s UNKNOWN: %s of none of %zu rows known\n", report->name,
		    check->column, report->rows);
	check->state = c->state;
	return fprintf(out,
	    "%s %s: %s %.10g%s (%s), %zu of %zu rows known |%s\n", report->name,
	    state_names[c->state], check->column, c->worst,
	    unit_of(report->columns[c->column].type), c->worst_of, c->known,
	    report->rows, c->text);
}

static int
end(struct report *report)
{
	struct checking *c = report->state;
	int status = -1;

	if (c != NULL && c->perfdata != NULL && fclose(c->perfdata) == 0)
		status = put_line(report, c) < 0 ? -1 : 0;
	if (c != NULL) {
		free(c->text);
		free(c->worst_of);
	}
	free(c);
	report->state = NULL;
	return status;
}

const struct report_format report_check = { "check", ".check", begin, row,
	end };
