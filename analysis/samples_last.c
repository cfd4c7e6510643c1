/*
 * When a lane was last seen. A settled hour's runs say it in one row, where
 * its raw rows lie among those of all other lanes.
 */
#include "analysis/judge.h"
#include "analysis/samples.h"
#include "analysis/samples_kept.h"
#include "analysis/samples_runs.h"
#include "lib/times.h"

enum found { FOUND, NOT_FOUND, NOT_SAID };

static bool
is_named(
    const struct sampler *sampler, const struct samples_span *span, int64_t id)
{
	const struct catalog *c = sampler->catalog;
	const int32_t instance = catalog_instance(c, id);

	return instance >= 0 && c->instances[instance].method >= 0 &&
	       c->instances[instance].method == span->method &&
	       !judge_marks_name(c, span->lane, instance);
}

/* The runs of a lane's hour, the last of them first. One that goes on behind
 * the span does not say when it was last seen in it. */
static enum found
ask_hour(struct sampler *sampler, const struct samples_span *span, int64_t hour,
    int64_t *last_us)
{
	struct query_rows *rows = sampler->runs_back;
	enum found found = NOT_FOUND;

	query_bind(rows, 1, hour);
	query_bind(rows, 2, sampler->catalog->lanes[span->lane].id);
	query_bind(rows, 3, span->before_us);
	while (found == NOT_FOUND && query_next(rows)) {
		if (!is_named(sampler, span, query_int(rows, 1)))
			continue;
		*last_us = query_int(rows, 0);
		found = *last_us < span->before_us ? FOUND : NOT_SAID;
	}
	query_reset(rows);
	return found;
}

/* The newest hour up to this one in which there can be records of a vantage
 * point; -1: none. A batch goes on for an hour at most. */
static int64_t
hour_with_records(struct sampler *sampler, int32_t vp, int64_t hour)
{
	struct query_rows *rows = sampler->before;
	int64_t newest = -1;

	query_bind(rows, 1, sampler->catalog->vps[vp].id);
	query_bind(rows, 2, (hour + 1) * HOUR_US);
	if (query_next(rows) && !query_null(rows, 0) && query_int(rows, 0) >= 0)
		newest = query_int(rows, 0) / HOUR_US + 1;
	query_reset(rows);
	return newest < hour ? newest : hour;
}

static enum found
ask_runs(
    struct sampler *sampler, const struct samples_span *span, int64_t *last_us)
{
	const struct catalog *c = sampler->catalog;
	const int32_t vp = c->lanes[span->lane].vp;
	int64_t hour = (span->before_us - 1) / HOUR_US;
	enum found found = NOT_FOUND;

	if (!judge_asks_names_only(c, span->lane) ||
	    run_source_horizon(sampler->runs, vp) > span->first_us)
		return NOT_SAID;
	for (; found == NOT_FOUND; hour--) {
		hour = hour_with_records(sampler, vp, hour);
		if (hour < span->first_us / HOUR_US)
			return NOT_FOUND;
		found = ask_hour(sampler, span, hour, last_us);
	}
	return found;
}

int64_t
samples_last_seen(struct sampler *sampler, struct samples *room,
    const struct samples_span *of)
{
	struct samples_span span = *of;
	int64_t last_us;

	if (samples_kept_last(sampler, &span, &last_us) ||
	    ask_runs(sampler, &span, &last_us) == FOUND)
		return last_us;
	samples_read_back(sampler, room, &span);
	return room->count > 0 ? room->items[0].t_us : INT64_MIN;
}
