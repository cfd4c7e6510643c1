/*
 * A block says how long each answer of an hour took, or of very many to 1 %
 * (lib/block.h). Where the quickest answer of every name of a target was slow
 * enough for light, nothing of it is impossible, and its samples need not be
 * read at all. Of others the quickest answer of each name in each lane is all
 * that counts, unless each that is impossible is to be shown.
 */
#include <math.h>
#include <stdlib.h>
#include "analysis/blocks.h"
#include "analysis/memory.h"
#include "analysis/plausibility.h"
#include "analysis/samples_runs.h"
#include "lib/histogram.h"
#include "lib/times.h"

struct screening {
	struct screen *screen;
	struct plausibility *p;
	const struct plausibility_window *window;
	bool *targets;                       /* by service; all of a target's */
	int64_t quickest[HISTOGRAM_BUCKETS]; /* no time of the bucket is less */
};

/* Whether a claim can prove anything that is wanted. */
static bool
counts(const struct screening *s, const struct claim *claim)
{
	return claim->placed && (s->window->guesses || !claim->guess);
}

static void
see(struct screening *s, const struct proof *proof)
{
	const struct claim **seen = &s->screen->seen[proof->lane];

	/* Of a vantage point it is counted where it saw what is no guess. */
	if (*seen == NULL || (*seen)->guess)
		*seen = proof->claim;
	if (proof->rtt_us < proof->least_us)
		s->targets[s->p->catalog->lanes[proof->lane].service] = true;
}

/* --- whole hours --- */

/* The least round trip of a run; *exact: to the microsecond. SAMPLE_NO_RTT:
 * there is none. */
static uint32_t
least_of(const struct screening *s, const struct block_run *run, bool *exact)
{
	struct histogram_kept kept = { .bytes = run->hist,
		.len = run->hist_len };
	uint32_t least = SAMPLE_NO_RTT;

	*exact = run->hist == NULL;
	if (!*exact) {
		if (histogram_kept_next(&kept) != 1 ||
		    kept.bucket >= HISTOGRAM_BUCKETS)
			return 0;
		return (uint32_t)s->quickest[kept.bucket];
	}
	for (size_t i = 0; i < run->kept; i++) {
		if (run->rtts[i] < least)
			least = run->rtts[i];
	}
	return least;
}

/* That of an instance in a lane: those of the lane at hand are the last. */
static void
put_least(struct screen *screen, size_t first, const struct sample *sample)
{
	struct samples *least = &screen->least;

	for (size_t i = least->count; i-- > first;) {
		if (least->items[i].instance != sample->instance)
			continue;
		if (sample->rtt_us < least->items[i].rtt_us)
			least->items[i] = *sample;
		return;
	}
	samples_add(least, sample);
}

static void
read_hour(struct screening *s, struct block_hour *hour, int32_t lane)
{
	const struct catalog *c = s->p->catalog;
	struct screen *screen = s->screen;
	struct sample sample = {
		.t_us = hour->hour * HOUR_US,
		.lane = lane,
		.outcome = OUTCOME_ANSWERED,
	};
	struct block_run run;
	bool exact;

	while (block_next_run(&hour->reader, &run) == 1) {
		sample.instance = catalog_instance(c, run.instance);
		if (sample.instance < 0 ||
		    c->instances[sample.instance].method < 0)
			continue;
		sample.rtt_us = least_of(s, &run, &exact);
		if (sample.rtt_us == SAMPLE_NO_RTT)
			continue;
		screen->told[lane] &= exact;
		put_least(screen, screen->of_lane[lane].from, &sample);
	}
}

/* Every one that is impossible is shown, but those of guesses. */
static void
judge_lane(struct screening *s, int32_t lane)
{
	struct screen *screen = s->screen;
	const struct screen_part *part = &screen->of_lane[lane];
	struct proof proof;

	for (size_t i = part->from; i < part->end; i++) {
		if (!plausibility_measure(
			&s->p->claims, &screen->least.items[i], &proof) ||
		    !counts(s, proof.claim))
			continue;
		see(s, &proof);
		if (proof.rtt_us < proof.least_us && !proof.claim->guess)
			screen->told[lane] = false;
	}
}

static void
read_blocks(struct screening *s, struct blocks *b, int32_t vp)
{
	const struct catalog *c = s->p->catalog;
	struct screen *screen = s->screen;
	const struct block_stretch all = { c->vps[vp].id,
		screen->hours.from_hour, screen->hours.end_hour[vp], SIZE_MAX };

	(void)blocks_read(b, &all);
	for (int64_t id = 0; (id = blocks_next_lane(b, id)) != 0;) {
		const int32_t lane = catalog_lane(c, id);

		if (lane < 0 || c->lanes[lane].vp != vp)
			continue;
		screen->of_lane[lane].from = screen->least.count;
		screen->told[lane] = true;
		for (size_t i = 0; i < b->count; i++) {
			struct block_hour *hour = &b->hours[i];

			if (hour->going && hour->reader.lane.lane == id)
				read_hour(s, hour, lane);
		}
		screen->of_lane[lane].end = screen->least.count;
		judge_lane(s, lane);
	}
}

/* --- other times --- */

static void
read_samples(struct screening *s, int32_t vp, const int64_t window_us[2])
{
	struct samples samples = { 0 };
	struct proof proof;

	if (window_us[0] < window_us[1])
		samples_read(s->window->sampler, &samples, vp, window_us[0],
		    window_us[1]);
	for (size_t i = 0; i < samples.count; i++) {
		if (plausibility_measure(
			&s->p->claims, &samples.items[i], &proof) &&
		    counts(s, proof.claim))
			see(s, &proof);
	}
	samples_clear(&samples);
}

/* Blocks have no times: of a vantage point that moved they say nothing; nor do
 * they where the rows to look it up in were taken. */
static bool
tells(const struct screening *s, int32_t vp)
{
	const struct run_hours *hours = &s->screen->hours;

	return s->p->catalog->vps[vp].place_count == 1 &&
	       run_source_horizon(s->window->sampler->runs, vp) <=
		   hours->from_hour * HOUR_US;
}

static void
read_vps(struct screening *s, struct blocks *b)
{
	const struct catalog *c = s->p->catalog;
	struct run_hours *hours = &s->screen->hours;

	for (size_t i = 0; i < c->vp_count; i++) {
		const int32_t vp = (int32_t)i;
		int64_t around_us[2];

		if (!plausibility_has_position(&c->vps[i]))
			continue;
		if (!tells(s, vp))
			hours->end_hour[i] = hours->from_hour;
		screen_around(s->screen, s->window, vp, around_us);
		if (around_us[0] < around_us[1])
			read_blocks(s, b, vp);
		read_samples(s, vp,
		    (const int64_t[2]){ s->window->since_us, around_us[0] });
		read_samples(s, vp,
		    (const int64_t[2]){ around_us[1], s->window->until_us });
	}
}

/* Services of a target lie together. */
static void
choose_lanes(struct screening *s)
{
	const struct catalog *c = s->p->catalog;
	struct screen *screen = s->screen;

	for (size_t i = 1; i < c->service_count; i++)
		s->targets[i] |=
		    c->services[i].target == c->services[i - 1].target &&
		    s->targets[i - 1];
	for (size_t i = c->service_count; i-- > 1;)
		s->targets[i - 1] |=
		    c->services[i].target == c->services[i - 1].target &&
		    s->targets[i];
	for (size_t i = 0; i < c->lane_count; i++) {
		screen->wanted[i] =
		    screen->seen[i] != NULL && s->targets[c->lanes[i].service];
		screen->any |= screen->wanted[i];
	}
}

static void
fill(struct screen *screen, struct screening *s, struct blocks *b)
{
	const struct catalog *c = s->p->catalog;

	screen->any = false;
	screen->wanted = memory_zeroed(c->lane_count, sizeof(bool));
	screen->told = memory_zeroed(c->lane_count, sizeof(bool));
	screen->seen = memory_zeroed(c->lane_count, sizeof(*screen->seen));
	screen->of_lane =
	    memory_zeroed(c->lane_count, sizeof(*screen->of_lane));
	s->targets = memory_zeroed(c->service_count, sizeof(bool));
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		s->quickest[i] = (int64_t)floor(pow(1.02, i)) - 1;
	read_vps(s, b);
	choose_lanes(s);
	free(s->targets);
}

void
screen_read(struct screen *screen, struct plausibility *p,
    const struct plausibility_window *w)
{
	struct query *q = w->sampler->query;
	struct screening *s;
	struct blocks blocks;

	*screen = (struct screen){ .any = true };
	if (!run_hours_many(q, w->since_us, w->until_us))
		return;
	blocks_init(&blocks, q);
	run_hours_init(&screen->hours, q, p->catalog,
	    (const int64_t[2]){ w->since_us, w->until_us });
	if (blocks_complete(&blocks, screen->hours.from_hour)) {
		s = memory_zeroed(1, sizeof(*s));
		s->screen = screen;
		s->p = p;
		s->window = w;
		fill(screen, s, &blocks);
		free(s);
	}
	blocks_clear(&blocks);
}

void
screen_around(const struct screen *screen, const struct plausibility_window *w,
    int32_t vp, int64_t around_us[2])
{
	if (!run_hours_cover(&screen->hours, vp, &around_us[0], &around_us[1]))
		around_us[0] = around_us[1] = w->until_us;
}

void
screen_clear(struct screen *screen)
{
	run_hours_clear(&screen->hours);
	free(screen->wanted);
	free(screen->told);
	free(screen->seen);
	free(screen->of_lane);
	samples_clear(&screen->least);
	*screen = (struct screen){ 0 };
}
