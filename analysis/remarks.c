#include "analysis/remarks.h"
#include "analysis/judge.h"
#include "lib/log.h"
#include "lib/times.h"

#define LIMIT_HOURS (8000LL * 366 * 24) /* four digits of a year */

/* A database may be foreign, and its hours no hours. */
static bool
is_hour(int64_t hour)
{
	return hour > -LIMIT_HOURS && hour < LIMIT_HOURS;
}

void
remarks_window(const struct run *run)
{
	const struct options *o = run->options;
	struct query_rows *rows = query_prepare(run->query,
	    "SELECT min(hour), (SELECT max(hour) FROM run) FROM run");
	char first[TIMES_TEXT], end[TIMES_TEXT];
	int64_t first_us, end_us;

	if (query_next(rows) && !query_null(rows, 0) &&
	    is_hour(query_int(rows, 0)) && is_hour(query_int(rows, 1))) {
		first_us = query_int(rows, 0) * HOUR_US;
		end_us = (query_int(rows, 1) + 1) * HOUR_US;
		wall_format(first, wall_from_us(first_us), 0);
		wall_format(end, wall_from_us(end_us), 0);
		if (o->until_us <= first_us || o->since_us >= end_us)
			log_warnx("the time asked about is outside what was "
				  "measured: --since %s --until %s",
			    first, end);
	}
	query_finish(rows);
}

void
remarks_unsettled(const struct run *run)
{
	const struct options *o = run->options;
	struct query_rows *rows = query_prepare(run->query,
	    "SELECT count(*) FROM unsettled WHERE vp = ?1 AND hour >= ?2"
	    " AND hour <= ?3");
	int64_t count = 0;

	for (size_t i = 0; i < run->catalog.vp_count; i++) {
		query_bind(rows, 1, run->catalog.vps[i].id);
		query_bind(rows, 2, o->since_us / HOUR_US);
		query_bind(rows, 3, (o->until_us - 1) / HOUR_US);
		if (query_next(rows))
			count += query_int(rows, 0);
		query_reset(rows);
	}
	query_finish(rows);
	if (count > 0)
		log_warnx("%lld vantage-point hours of the window are not "
			  "settled yet: read from raw rows",
		    (long long)count);
}

static int64_t
read_time_setting(const struct run *run, const char *name)
{
	struct query_rows *rows = query_prepare(run->query,
	    "SELECT CAST(value AS INTEGER) FROM setting WHERE name = ?1");
	int64_t t_us = INT64_MIN;

	query_bind_text(rows, 1, name);
	if (query_next(rows))
		t_us = query_int(rows, 0);
	query_finish(rows);
	return t_us;
}

void
remarks_pruned(const struct run *run, bool needs_records)
{
	const int64_t raw_us = read_time_setting(run, "raw_horizon");
	const int64_t runs_us = read_time_setting(run, "run_horizon");
	const int64_t intervals_us = read_time_setting(run, "interval_horizon");
	char text[TIMES_TEXT];

	if (raw_us <= run->options->since_us)
		return;
	wall_format(text, wall_from_us(raw_us), 0);
	if (needs_records)
		log_warnx(
		    "records before %s were pruned and are missing here", text);
	else
		log_warnx("records before %s were pruned: this stands on runs "
			  "there: counts, instances and their first and last "
			  "sight are as they were, round trips within 1 %%, "
			  "times in between are spread, every loss is a "
			  "timeout",
		    text);
	if (needs_records || runs_us <= run->options->since_us)
		return;
	wall_format(text, wall_from_us(runs_us), 0);
	log_warnx("runs before %s were pruned too: only the last of each lane "
		  "is left of that time",
	    text);
	if (intervals_us <= run->options->since_us)
		return;
	wall_format(text, wall_from_us(intervals_us), 0);
	log_warnx("changes before %s were pruned as well, and lanes that ended "
		  "before",
	    text);
}

void
remarks_unplaced(const struct run *run)
{
	const struct catalog *c = &run->catalog;
	const char *path = run->options->site_map;

	if (c->map != NULL && c->unplaced > 0)
		log_warnx("%s: %zu of %zu identities have no site",
		    path == NULL ? "site map" : path, c->unplaced, c->asked);
}

void
remarks_nowhere(const struct report *report)
{
	if (report->nowhere > 0)
		log_warnx("%zu of %zu rows have no position: a vantage point's "
			  "is configured, a site's comes by --site-map",
		    report->nowhere, report->rows);
}

void
remarks_intercepted(const struct run *run)
{
	const struct judge *judge = run->catalog.judge;
	size_t count;

	if (judge == NULL)
		return;
	count = judge_intercepted(judge, run->options->since_us);
	if (count > 0)
		log_warnx("%zu vantage points were answered by somebody else "
			  "and are in no share then: see plausibility",
		    count);
}
