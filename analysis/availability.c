/*
 * Availability: how much of what was asked was answered, how well that is
 * known, and what it is when rounds that did not come count as lost (FIELD.md
 * F9, G24).
 */
#include <math.h>
#include "analysis/latency.h"
#include "analysis/proportion.h"

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
	{ "expected", COLUMN_INTEGER },
	{ "asked", COLUMN_INTEGER },
	{ "unsent", COLUMN_INTEGER },
	{ "answered", COLUMN_INTEGER },
	{ "availability_pct", COLUMN_PERCENT },
	{ "low_pct", COLUMN_PERCENT },
	{ "high_pct", COLUMN_PERCENT },
	{ "of_expected_pct", COLUMN_PERCENT },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "outages", COLUMN_INTEGER },
	{ "outage_s", COLUMN_SECONDS },
	{ "note", COLUMN_TEXT },
	{ "errors", COLUMN_INTEGER },
	{ "outage_longest_s", COLUMN_SECONDS },
};

#define FEW 30 /* questions: the interval is wider than a tenth */

static int
write_group(struct latency *l, const struct lane *lane, struct group *group)
{
	bool expected = group->expected_known && group->expected > 0;
	double sent = (double)(group->asked - group->unsent);
	double answered = (double)(group->answered - group->errors);
	struct cell cells[COLUMNS] = { 0 };

	latency_head(cells, l, lane, group);
	cells[7] = cell_number(group->vantage_points);
	cells[8] = cell_number_if(expected, llround(group->expected));
	cells[9] = cell_number(group->asked);
	cells[10] = cell_number(group->unsent);
	cells[11] = cell_number(group->answered - group->errors);
	cells[12] = cell_percent(answered, sent);
	if (sent > 0) {
		struct proportion is = proportion_interval(answered, sent);

		cells[13] = cell_percent(is.low, 1);
		cells[14] = cell_percent(is.high, 1);
	}
	if (expected) {
		cells[15] = cell_percent(
		    answered, group->expected - (double)group->unsent);
		cells[16] = cell_percent((double)group->asked, group->expected);
	}
	cells[17] = cell_number(group->outages.count);
	cells[18] = cell_number(group->outages.length_us);
	cells[19] = cell_text(sent < FEW ? "few" : "");
	cells[20] = cell_number(group->errors);
	cells[21] = cell_number(group->outages.longest_us);
	return report_row(&l->run->report, cells + (l->options->step_us == 0));
}

int
availability_report(struct run *run)
{
	static const struct latency_view view = { columns, COLUMNS, write_group,
		.counts = true };

	return latency_run(run, &view);
}
