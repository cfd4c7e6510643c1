#include "analysis/samples_blocks.h"

#include <stdlib.h>
#include "analysis/blocks.h"
#include "analysis/intervals.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/samples_runs.h"
#include "lib/times.h"

struct block_source {
	struct sampler *sampler;
	struct blocks blocks;
	struct intervals *intervals;
	struct samples raw;
	/* hours [from, to) are in blocks; samples are not before first */
	int64_t from_us, to_us, first_us;
	/* of the lane at hand, the newest first: intervals in those hours */
	struct interval_row *rows;
	size_t count, room;
};

/* What the hours of a lane came to so far. */
struct lane_sum {
	int64_t lane; /* id */
	struct sample sample;
	size_t left;      /* of the rows: those whose runs have not come */
	int64_t sight;    /* hour of the last answer; -1: none */
	int64_t hour;     /* the last */
	int64_t lost;     /* in it */
	int64_t instance; /* id of the stretch at hand */
};

struct block_source *
block_source_new(struct sampler *sampler)
{
	struct block_source *b = memory_zeroed(1, sizeof(*b));
	struct query *q = sampler->query;

	b->sampler = sampler;
	blocks_init(&b->blocks, q);
	b->intervals = intervals_new(q);
	return b;
}

void
block_source_free(struct block_source *b)
{
	if (b == NULL)
		return;
	blocks_clear(&b->blocks);
	intervals_free(b->intervals);
	samples_clear(&b->raw);
	free(b->rows);
	free(b);
}

/* --- a lane --- */

static void
read_intervals(struct block_source *b, int64_t lane)
{
	const struct interval_row *row;

	b->count = 0;
	intervals_begin(b->intervals, lane, b->to_us);
	while ((row = intervals_next(b->intervals)) != NULL &&
	       row->last_us >= b->from_us) {
		if (b->count == b->room)
			b->rows =
			    memory_grow(b->rows, &b->room, sizeof(*b->rows));
		b->rows[b->count++] = *row;
	}
	intervals_end(b->intervals);
}

/* The next stretch, of that instance. */
static bool
begin_stretch(struct block_source *b, struct lane_sum *sum, int64_t instance)
{
	const struct catalog *c = b->sampler->catalog;
	const struct interval_row *row;
	int32_t index;

	if (sum->left == 0)
		return false;
	row = &b->rows[--sum->left];
	if (row->instance != instance)
		return false;
	index = catalog_instance(c, instance);
	sum->instance = instance;
	sum->sample.t_us =
	    row->first_us < b->first_us ? b->first_us : row->first_us;
	sum->sample.instance =
	    index >= 0 && c->instances[index].method >= 0 ? index : -1;
	sum->sample.said = sum->sample.instance;
	return true;
}

/* When the stretch at hand was last seen: one that another follows. */
static void
end_stretch(
    struct block_source *b, struct samples *samples, struct lane_sum *sum)
{
	if (sum->sight < 0)
		return;
	sum->sample.t_us = b->rows[sum->left].last_us;
	sum->sample.rtt_us = SAMPLE_NO_RTT;
	samples_add(samples, &sum->sample);
}

/* One run: a sample for each round trip, and one where there is none. */
static bool
add_run(struct block_source *b, struct samples *samples, struct lane_sum *sum,
    const struct block_run *run)
{
	if (run->hist != NULL)
		return false;
	if (sum->sight < 0 || sum->instance != run->instance) {
		end_stretch(b, samples, sum);
		if (!begin_stretch(b, sum, run->instance))
			return false;
	}
	for (size_t i = 0; i < run->kept; i++) {
		sum->sample.rtt_us = run->rtts[i];
		samples_add(samples, &sum->sample);
	}
	if (run->kept == 0) {
		sum->sample.rtt_us = SAMPLE_NO_RTT;
		samples_add(samples, &sum->sample);
	}
	return true;
}

static bool
add_hour(struct block_source *b, struct samples *samples, struct lane_sum *sum,
    struct block_hour *hour)
{
	struct block_run run;

	sum->hour = hour->hour;
	sum->lost = hour->reader.lane.asked;
	while (block_next_run(&hour->reader, &run) == 1) {
		if (!add_run(b, samples, sum, &run))
			return false;
		sum->sight = hour->hour;
		sum->lost -= run.answered;
	}
	return true;
}

/* The last sight, and a loss after it. Of an answer and a loss in the same
 * microsecond the named answer comes last. */
static bool
add_last(struct block_source *b, struct samples *samples, struct lane_sum *sum)
{
	int64_t seen_us = -1, lost_us = -1;

	if (sum->sight >= 0) {
		seen_us = b->rows[sum->left].last_us;
		if (seen_us >= b->to_us)
			seen_us = blocks_last_answer(
			    &b->blocks, sum->sight, sum->lane);
		if (seen_us < sum->sample.t_us)
			return false;
		sum->sample.t_us = seen_us;
		sum->sample.rtt_us = SAMPLE_NO_RTT;
		samples_add(samples, &sum->sample);
	}
	if (sum->lost > 0) {
		lost_us = blocks_last_loss(&b->blocks, sum->hour, sum->lane);
		if (lost_us < sum->hour * HOUR_US)
			return false;
	}
	if (lost_us > seen_us ||
	    (lost_us == seen_us && sum->sample.instance < 0 && lost_us >= 0)) {
		sum->sample.t_us = lost_us;
		sum->sample.instance = sum->sample.said = -1;
		sum->sample.rtt_us = SAMPLE_NO_RTT;
		sum->sample.outcome = OUTCOME_TIMEOUT;
		samples_add(samples, &sum->sample);
	}
	return true;
}

static bool
read_lane(struct block_source *b, struct samples *samples, int32_t lane)
{
	struct lane_sum sum = {
		.lane = b->sampler->catalog->lanes[lane].id,
		.sample = {
			.lane = lane,
			.rcode = -1,
			.outcome = OUTCOME_ANSWERED,
		},
		.sight = -1,
	};

	read_intervals(b, sum.lane);
	sum.left = b->count;
	for (size_t i = 0; i < b->blocks.count; i++) {
		struct block_hour *hour = &b->blocks.hours[i];

		if (hour->going && hour->reader.lane.lane == sum.lane &&
		    !add_hour(b, samples, &sum, hour))
			return false;
	}
	if (sum.left > 0 && !blocks_allow_unseen(b->count, sum.left,
				b->rows[0].last_us, b->to_us))
		return false;
	return add_last(b, samples, &sum);
}

/* --- a vantage point --- */

static bool
find_hours(struct block_source *b, int32_t vp, const int64_t window_us[2])
{
	const struct catalog *c = b->sampler->catalog;
	const int64_t id = c->vps[vp].id;

	if (window_us[0] < 0 || judge_doubts(c, vp) ||
	    b->sampler->kept != NULL ||
	    run_source_horizon(b->sampler->runs, vp) > window_us[0])
		return false;
	b->from_us = blocks_begin(&b->blocks, id, window_us[0]) * HOUR_US;
	b->to_us = blocks_end(&b->blocks, id, window_us[1]) * HOUR_US;
	b->first_us = b->from_us < window_us[0] ? window_us[0] : b->from_us;
	return b->from_us < b->to_us &&
	       blocks_complete(&b->blocks, b->from_us / HOUR_US);
}

/* Those of a part of the window that blocks do not tell. */
static void
add_raw(struct block_source *b, struct samples *samples, int32_t vp,
    int64_t since_us, int64_t until_us)
{
	if (since_us >= until_us)
		return;
	samples_read(b->sampler, &b->raw, vp, since_us, until_us);
	for (size_t i = 0; i < b->raw.count; i++)
		samples_add(samples, &b->raw.items[i]);
}

static bool
read_lanes(struct block_source *b, struct samples *samples, int32_t vp)
{
	const struct catalog *c = b->sampler->catalog;
	int64_t id = 0;

	(void)blocks_read(&b->blocks,
	    &(struct block_stretch){ c->vps[vp].id, b->from_us / HOUR_US,
		b->to_us / HOUR_US, SIZE_MAX });
	while ((id = blocks_next_lane(&b->blocks, id)) > 0) {
		const int32_t lane = catalog_lane(c, id);

		if (lane >= 0 && c->lanes[lane].vp == vp &&
		    b->sampler->wanted[lane] && !read_lane(b, samples, lane))
			return false;
	}
	return true;
}

bool
block_source_read(struct block_source *b, struct samples *samples, int32_t vp,
    const int64_t window_us[2])
{
	if (!find_hours(b, vp, window_us))
		return false;
	samples->count = 0;
	add_raw(b, samples, vp, window_us[0], b->from_us);
	if (!read_lanes(b, samples, vp))
		return false;
	add_raw(b, samples, vp, b->to_us, window_us[1]);
	samples_by_lane(b->sampler, samples, vp);
	return true;
}
