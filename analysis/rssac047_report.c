/*
 * The report of RSSAC047v2: each metric beside its threshold.
 */
#include <math.h>
#include "analysis/rssac047.h"
#include "lib/text.h"

static const struct column columns[] = {
	{ "metric", COLUMN_TEXT },
	{ "scope", COLUMN_TEXT },
	{ "target", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "proto", COLUMN_TEXT },
	{ "value", COLUMN_RATIO },
	{ "unit", COLUMN_TEXT },
	{ "threshold", COLUMN_RATIO },
	{ "passed", COLUMN_FLAG },
	{ "measurements", COLUMN_INTEGER },
	{ "note", COLUMN_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Thresholds of one server identifier, and of the system. */
enum metric {
	METRIC_AVAILABILITY,
	METRIC_LATENCY_UDP,
	METRIC_LATENCY_TCP,
	METRIC_PUBLICATION,
};
static const struct {
	const char *name, *unit;
	double of_one, of_system;
	bool at_least;
} metrics[] = {
	[METRIC_AVAILABILITY] = { "availability", "%", 96, 99.999, true },
	[METRIC_LATENCY_UDP] = { "latency", "ms", 250, 150, false },
	[METRIC_LATENCY_TCP] = { "latency", "ms", 500, 300, false },
	[METRIC_PUBLICATION] = { "publication", "min", 65, 35, false },
};

struct line {
	enum metric metric;
	const char *target; /* NULL: the system */
	int kind;           /* -1: all */
	double value;
	int64_t measurements;
	int64_t incomplete;
};

static int
write_line(struct run *run, const struct line *line)
{
	double threshold = line->target == NULL
			       ? metrics[line->metric].of_system
			       : metrics[line->metric].of_one;
	bool known = line->measurements > 0;
	bool passed = metrics[line->metric].at_least ? line->value >= threshold
						     : line->value <= threshold;
	char note[64] = "";
	struct cell cells[COLUMNS] = {
		cell_text(metrics[line->metric].name),
		cell_text(line->target == NULL ? "system" : "server"),
		cell_text(line->target),
		cell_number_if(
		    line->kind >= 0, line->kind < RSSAC047_V6_UDP ? 4 : 6),
		cell_text(line->kind < 0        ? ""
			  : line->kind % 2 == 0 ? "udp"
						: "tcp"),
		cell_number_if(known, llround(10000 * line->value)),
		cell_text(metrics[line->metric].unit),
		cell_number(llround(10000 * threshold)),
		cell_number_if(known, passed),
		cell_number(line->measurements),
	};

	if (line->incomplete > 0)
		(void)text_print(note, sizeof(note),
		    "%lld intervals with too few servers asked",
		    (long long)line->incomplete);
	cells[10] = cell_text(note);
	return report_row(&run->report, cells);
}

static double
median(struct values *values, double unit)
{
	if (values->count == 0)
		return 0;
	quantile_sort(values->items, values->count);
	return (double)quantile_median(values->items, values->count) / unit;
}

static enum metric
latency_of(int kind)
{
	return kind % 2 == 0 ? METRIC_LATENCY_UDP : METRIC_LATENCY_TCP;
}

static int
write_server(struct rssac047 *r, size_t target)
{
	struct line line = { .target =
				 names_text(&r->targets, (int32_t)target) };
	int status = 0;

	for (int kind = 0; status == 0 && kind < RSSAC047_KINDS; kind++) {
		struct rssac047_figures *is =
		    &r->figures[target * RSSAC047_KINDS + (size_t)kind];

		if (is->sent == 0)
			continue;
		line.kind = kind;
		line.metric = METRIC_AVAILABILITY;
		line.measurements = is->sent;
		line.value = 100.0 * (double)is->served / (double)is->sent;
		status = write_line(r->run, &line);
		line.metric = latency_of(kind);
		line.measurements = (int64_t)is->latency.count;
		line.value = median(&is->latency, 1000);
		if (status == 0)
			status = write_line(r->run, &line);
	}
	line.kind = -1;
	line.metric = METRIC_PUBLICATION;
	line.measurements = (int64_t)r->publication[target].count;
	line.value = median(&r->publication[target], 60e6);
	return status == 0 ? write_line(r->run, &line) : status;
}

/* One server is no system. */
static int
write_system(struct rssac047 *r)
{
	struct line line = { 0 };
	int status = 0;

	for (int kind = 0; status == 0 && kind < RSSAC047_KINDS; kind++) {
		const struct rssac047_system *is = &r->system[kind];

		if (rssac047_quorum(r->asked[kind]) == 0)
			continue;
		line.kind = kind;
		line.incomplete = r->incomplete[kind];
		line.metric = METRIC_AVAILABILITY;
		line.measurements = is->needed;
		line.value = is->needed == 0 ? 0
					     : 100.0 * (double)is->enough /
						   (double)is->needed;
		status = write_line(r->run, &line);
		line.metric = latency_of(kind);
		line.measurements = (int64_t)r->system_latency[kind].count;
		line.value = median(&r->system_latency[kind], 1000);
		if (status == 0)
			status = write_line(r->run, &line);
	}
	if (status == -1 || r->targets.count < 2)
		return status;
	line = (struct line){ .metric = METRIC_PUBLICATION,
		.kind = -1,
		.measurements = (int64_t)r->system_publication.count,
		.value = median(&r->system_publication, 60e6) };
	return write_line(r->run, &line);
}

int
rssac047_report(struct run *run)
{
	struct rssac047 r;
	int status = report_begin(&run->report, columns, COLUMNS);

	rssac047_read(&r, run);
	for (size_t i = 0; status == 0 && i < r.targets.count; i++)
		status = write_server(&r, i);
	if (status == 0)
		status = write_system(&r);
	if (report_end(&run->report) == -1)
		status = -1;
	rssac047_clear(&r);
	return status;
}
