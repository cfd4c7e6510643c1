#include "analysis/latency_blocks.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/blocks.h"
#include "analysis/judge.h"
#include "analysis/latency_runs.h"
#include "analysis/memory.h"

#define BLOCKS_MAX (64 << 20) /* bytes at a time */

/* A lane at hand: how often each bucket, between two of them. */
struct lane_hist {
	struct histogram_table table;
	size_t low, high;
	uint64_t count[HISTOGRAM_BUCKETS];
};

static void
count_bucket(struct lane_hist *h, size_t bucket, uint64_t count)
{
	if (bucket < h->low)
		h->low = bucket;
	if (bucket >= h->high)
		h->high = bucket + 1;
	h->count[bucket] += count;
}

static void
count_rtts(struct lane_hist *h, const struct block_run *run)
{
	struct histogram_kept kept = { .bytes = run->hist,
		.len = run->hist_len };

	if (run->hist == NULL) {
		for (size_t i = 0; i < run->kept; i++)
			count_bucket(h,
			    histogram_table_bucket(&h->table, run->rtts[i]), 1);
		return;
	}
	while (histogram_kept_next(&kept) == 1)
		count_bucket(h, (size_t)kept.bucket, kept.count);
}

static void
count_hour(const struct catalog *c, struct lane_hist *h,
    struct block_reader *reader, struct latency_counts *counts)
{
	const int32_t lane = catalog_lane(c, reader->lane.lane);
	struct block_run run;

	counts->asked += reader->lane.asked;
	counts->unsent += reader->lane.unsent;
	while (block_next_run(reader, &run) == 1) {
		/* What somebody else answered is nobody's. */
		if (judge_marks_name(
			c, lane, catalog_instance(c, run.instance))) {
			counts->asked -= run.answered;
			continue;
		}
		counts->answered += run.answered;
		count_rtts(h, &run);
	}
}

static void
count_lane(struct latency *l, struct blocks *b, struct lane_hist *h, int64_t id)
{
	const struct catalog *c = &l->run->catalog;
	const int32_t lane = catalog_lane(c, id);
	struct latency_counts counts = { 0 };
	int32_t name;

	if (lane < 0)
		return;
	for (size_t i = 0; i < b->count; i++) {
		struct block_hour *hour = &b->hours[i];

		if (hour->going && hour->reader.lane.lane == id)
			count_hour(c, h, &hour->reader, &counts);
	}
	if (counts.asked == 0)
		return;
	name = latency_place(l, c->lanes[lane].vp, l->since_us);
	latency_runs_add(l, lane, name, &counts);
	if (h->low >= h->high)
		return;
	latency_runs_add_buckets(l, lane, name,
	    &(struct latency_buckets){ h->low, h->high, h->count });
	memset(h->count + h->low, 0, (h->high - h->low) * sizeof(h->count[0]));
	h->low = HISTOGRAM_BUCKETS;
	h->high = 0;
}

static void
read_vp(struct latency *l, struct blocks *b, struct lane_hist *h,
    struct block_stretch part)
{
	while (part.from_hour < part.to_hour) {
		part.from_hour = blocks_read(b, &part);
		for (int64_t id = 0; (id = blocks_next_lane(b, id)) != 0;)
			count_lane(l, b, h, id);
	}
}

bool
latency_blocks_read(struct latency *l, const struct run_hours *hours)
{
	const struct catalog *c = &l->run->catalog;
	struct lane_hist *h = memory_zeroed(1, sizeof(*h));
	struct blocks blocks;
	bool complete;

	blocks_init(&blocks, l->run->query);
	complete = blocks_complete(&blocks, hours->from_hour);
	h->low = HISTOGRAM_BUCKETS;
	histogram_table_init(&h->table);
	for (size_t i = 0; complete && i < c->vp_count; i++)
		read_vp(l, &blocks, h,
		    (struct block_stretch){ c->vps[i].id, hours->from_hour,
			hours->end_hour[i], BLOCKS_MAX });
	blocks_clear(&blocks);
	free(h);
	return complete;
}
