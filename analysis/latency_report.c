/*
 * The report of latency: how long answers took, and how many did not come.
 */
#include <math.h>
#include "analysis/latency.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMNS 22

static const struct column columns[COLUMNS] = {
	{ "time", COLUMN_TIME }, /* of --step alone */
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "question", COLUMN_TEXT },
	{ "proto", COLUMN_TEXT },
	{ "", COLUMN_TEXT }, /* what --by says */
	{ "vantage_points", COLUMN_INTEGER },
	{ "samples", COLUMN_INTEGER },
	{ "answered", COLUMN_INTEGER },
	{ "unsent", COLUMN_INTEGER },
	{ "loss_pct", COLUMN_PERCENT },
	{ "min_ms", COLUMN_MS },
	{ "p50_ms", COLUMN_MS },
	{ "p90_ms", COLUMN_MS },
	{ "p95_ms", COLUMN_MS },
	{ "p99_ms", COLUMN_MS },
	{ "max_ms", COLUMN_MS },
	{ "expected", COLUMN_INTEGER },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "unit", COLUMN_TEXT },
	{ "note", COLUMN_TEXT },
};

/* From cell 12 on. */
static const unsigned percents[] = { 0, 50, 90, 95, 99, 100 };

/* Cells 12 to 17 and the note. */
static void
set_quantiles(struct latency *l, struct cell *cells, struct group *group)
{
	const struct latency_order order =
	    latency_hist_order(&group->hist, &group->rtts, &l->buckets);

	for (size_t i = 0; i < COUNT(percents); i++) {
		const int64_t us = latency_order_us(&order, percents[i]);

		cells[12 + i] = cell_number_if(us >= 0, us);
		if (us < 0)
			cells[21] = cell_text("few");
	}
}

static int
write_group(struct latency *l, const struct lane *lane, struct group *group)
{
	struct run *run = l->run;
	bool expected = group->expected_known && group->expected > 0;
	int64_t sent = group->asked - group->unsent;
	struct cell cells[COLUMNS] = { 0 };

	latency_head(cells, l, lane, group);
	cells[7] = cell_number(group->vantage_points);
	cells[8] = cell_number(group->asked);
	cells[9] = cell_number(group->answered);
	cells[10] = cell_number(group->unsent);
	cells[11] =
	    cell_percent((double)(sent - group->answered), (double)sent);
	cells[18] = cell_number_if(expected, llround(group->expected));
	if (expected)
		cells[19] = cell_percent((double)group->asked, group->expected);
	cells[20] = cell_text(l->options->per_vp ? "vp" : "sample");
	latency_close_vp(l, group);
	set_quantiles(l, cells, group);
	return report_row(&run->report, cells + (l->options->step_us == 0));
}

int
latency_report(struct run *run)
{
	static const struct latency_view view = { columns, COLUMNS, write_group,
		.round_trips = true, .counts = true };

	return latency_run(run, &view);
}
