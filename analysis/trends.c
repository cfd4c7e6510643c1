#include "analysis/trends.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/names.h"
#include "lib/times.h"

#define STEPS 24
#define NARROW 60 /* characters of a terminal: then half as many */

struct trends {
	struct report_format format; /* by which the report knows this */
	int64_t first_us, step_us;
	struct names rows;
	double (*values)[BARS_STEPS]; /* by row; NAN: nothing */
	size_t room;
};

static struct trends *
of(struct report *report)
{
	/* Which trends_read made, and not constant. */
	return (struct trends *)(uintptr_t)report->format;
}

static int
nothing(struct report *report)
{
	(void)report;
	return 0;
}

static double *
values_of(
    struct trends *t, const struct report *report, const struct cell *cells)
{
	char *name = report_row_name(report, cells);
	const int32_t row = names_put(&t->rows, name);

	free(name);
	while ((size_t)row >= t->room) {
		size_t i = t->room;

		t->values =
		    memory_grow(t->values, &t->room, sizeof(*t->values));
		for (; i < t->room; i++) {
			for (size_t k = 0; k < BARS_STEPS; k++)
				t->values[i][k] = NAN;
		}
	}
	return t->values[row];
}

static int
add_step(struct report *report, const struct cell *cells)
{
	struct trends *t = of(report);
	const int64_t step = (cells[0].value - t->first_us) / t->step_us;
	const size_t p50 = report_column(report, "p50_ms");

	if (p50 < report->count && cells[p50].known && step < BARS_STEPS)
		values_of(t, report, cells)[step] = (double)cells[p50].value;
	return 0;
}

/* Whole minutes, such that BARS_STEPS hold the window. */
static int64_t
step_of(int64_t window_us, size_t width)
{
	const int64_t steps = width > 0 && width < NARROW ? STEPS / 2 : STEPS;
	const int64_t minutes = window_us / (steps * MINUTE_US);

	return (minutes < 1 ? 1 : minutes) * MINUTE_US;
}

struct trends *
trends_read(struct run *run)
{
	const struct options *given = run->options;
	const struct report kept = run->report;
	struct options options = *given;
	struct trends *t = memory_zeroed(1, sizeof(*t));

	t->format =
	    (struct report_format){ "trends", "", nothing, add_step, nothing };
	t->step_us = step_of(given->until_us - given->since_us, kept.width);
	t->first_us = given->since_us - given->since_us % t->step_us;
	options.step_us = t->step_us;
	run->options = &options;
	run->report = (struct report){ .format = &t->format };
	(void)latency_report(run); /* it writes nothing that could fail */
	run->report = kept;
	run->options = given;
	return t;
}

void
trends_free(struct trends *t)
{
	if (t == NULL)
		return;
	names_clear(&t->rows);
	free(t->values);
	free(t);
}

void
trends_draw(const struct trends *t, const struct report *report,
    const struct cell *cells, bool blocks, char out[BARS_TEXT])
{
	char *name = report_row_name(report, cells);
	const int32_t row = names_find(&t->rows, name);

	free(name);
	out[0] = '\0';
	if (row >= 0)
		bars_spark(out, t->values[row], BARS_STEPS, blocks);
}
