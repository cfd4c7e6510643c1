/*
 * The reading of latency: the samples of each step, and what of them is in
 * runs, into the groups of every table.
 */
#include "analysis/latency.h"

#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/latency_rows.h"
#include "analysis/latency_runs.h"
#include "analysis/memory.h"

/* What tables read together: samples that one has read are there for the
 * next. */
struct reading {
	struct latency *const *tables;
	size_t count;
	struct samples samples;
	int32_t vp; /* -1: none yet */
	int64_t since_us, until_us;
};

/* --- counting --- */

/* What was not sent is no failure, and no answer either. */
static void
count_outage(struct latency *l, struct group *group, const struct sample *s)
{
	bool answered = sample_answered(s) && !latency_is_error(l, s);

	if (s->lane != l->lost_lane || answered)
		l->lost.count = 0;
	l->lost_lane = s->lane;
	if (!answered && s->outcome != OUTCOME_UNSENT)
		outages_add(&group->outages, &l->lost, s->t_us);
}

/* What somebody else answered is nobody's: as if it had not been asked. */
static void
count_sample(struct latency *l, int32_t name, const struct sample *sample)
{
	struct group *group;

	if (sample->verdict == VERDICT_INTERCEPTED)
		return;
	group = latency_group(l, sample->lane, name);
	latency_enter(l, group, l->run->catalog.lanes[sample->lane].vp);
	group->vp_samples++;
	group->asked++;
	group->answered += sample_answered(sample);
	group->errors += latency_is_error(l, sample);
	group->unsent += sample->outcome == OUTCOME_UNSENT;
	count_outage(l, group, sample);
	if (l->view->round_trips && sample->rtt_us != SAMPLE_NO_RTT)
		values_add(&group->rtts, sample->rtt_us);
}

/* The place of a vantage point rarely changes: asked once per stretch. */
static void
count_by_place(struct latency *l, const struct samples *samples, int32_t vp)
{
	const struct sample *items = samples->items;
	int32_t name = -1;

	for (size_t i = 0; i < samples->count; i++) {
		if (i == 0 || l->run->catalog.vps[vp].place_count > 1)
			name = latency_place(l, vp, items[i].t_us);
		count_sample(l, name, &items[i]);
	}
}

/* What was not answered belongs to a site only where the answers before and
 * after it in the lane agree. */
static void
count_by_site(struct latency *l, const struct samples *samples)
{
	const struct sample *items = samples->items;

	for (size_t from = 0, end; from < samples->count; from = end) {
		int32_t before = -1;

		end = samples_lane_end(samples, from);
		for (size_t i = from, next; i < end; i = next) {
			int32_t after = -1, name;

			for (next = i;
			     next < end && !sample_answered(&items[next]);
			     next++)
				continue;
			if (next < end)
				after = latency_site(
				    l, items[next].lane, items[next].instance);
			name = before == after ? before : -1;
			for (size_t j = i; j < next; j++)
				count_sample(
				    l, latency_site_group(l, name), &items[j]);
			if (next < end)
				count_sample(l, latency_site_group(l, after),
				    &items[next++]);
			before = after;
		}
	}
}

/* What would have come had every round of the vantage point come. */
static void
add_expected(struct latency *l, const struct rounds *rounds)
{
	for (size_t i = 0; i < l->touched.count; i++) {
		struct group *group = &l->items[l->touched.items[i]];

		if (!rounds->known)
			group->expected_known = false;
		else
			group->expected +=
			    rounds_expected(rounds, (double)group->vp_samples);
	}
}

/* The same in step after step while the vantage point is silent. */
static const struct last_asked *
ask_last(struct latency *l, int32_t vp, int64_t batch)
{
	struct last_asked *asked = &l->last_asked[vp];

	if (asked->lanes != NULL && asked->batch == batch)
		return asked;
	samples_read_batch(&l->run->sampler, &l->samples, vp, batch);
	free(asked->lanes);
	asked->batch = batch;
	asked->count = l->samples.count;
	asked->lanes = memory_zeroed(asked->count, sizeof(*asked->lanes));
	for (size_t i = 0; i < asked->count; i++)
		asked->lanes[i] = l->samples.items[i].lane;
	return asked;
}

/* A vantage point that went silent before the window: what it asked last is
 * still expected. */
static void
expect_silent(struct latency *l, int32_t vp, const struct rounds *rounds)
{
	const struct last_asked *asked;
	int32_t name;

	if (!rounds->known || rounds->missed == 0 || l->options->by == BY_SITE)
		return;
	asked = ask_last(l, vp, rounds->last_batch);
	if (asked->count == 0)
		return;
	name = latency_place(l, vp, l->until_us - 1);
	for (size_t i = 0; i < asked->count; i++)
		latency_group(l, asked->lanes[i], name)->expected +=
		    (double)rounds->missed;
}

/* --- reading --- */

static const struct samples *
read_samples(struct reading *r, int32_t vp, int64_t since_us, int64_t until_us)
{
	struct run *run = r->tables[0]->run;

	if (r->vp != vp || r->since_us != since_us || r->until_us != until_us)
		samples_read(
		    &run->sampler, &r->samples, vp, since_us, until_us);
	r->vp = vp;
	r->since_us = since_us;
	r->until_us = until_us;
	return &r->samples;
}

/* Records one by one. False: there are none. */
static bool
count_samples(struct reading *r, struct latency *l, int32_t vp,
    const int64_t window_us[2])
{
	const struct samples *samples;
	bool any;

	if (window_us[0] >= window_us[1])
		return false;
	if (l->rows != NULL && latency_rows_count(l->rows, vp, window_us, &any))
		return any;
	samples = read_samples(r, vp, window_us[0], window_us[1]);
	if (l->options->by == BY_SITE)
		count_by_site(l, samples);
	else
		count_by_place(l, samples, vp);
	return samples->count > 0;
}

static bool
count_all(struct reading *r, struct latency *l, int32_t vp)
{
	int64_t around_us[2];
	const bool between = latency_runs_count(l, vp, around_us);
	const bool before = count_samples(
	    r, l, vp, (const int64_t[2]){ l->since_us, around_us[0] });
	const bool after = count_samples(
	    r, l, vp, (const int64_t[2]){ around_us[1], l->until_us });

	return before || between || after;
}

static void
count_vp(struct reading *r, struct latency *l, int32_t vp)
{
	const struct options *o = l->options;
	struct rounds rounds;
	bool any;

	l->touched.count = 0;
	l->lost_lane = -1;
	any = count_all(r, l, vp);
	if (!l->view->counts)
		return;
	rounds_read(&l->rounds, &rounds, l->run->catalog.vps[vp].id,
	    &(struct rounds_window){
		.since_us = l->since_us,
		.until_us = l->until_us,
		.now_us = o->now_us,
		/* One window's length before it, whatever the step. */
		.alive_us = o->since_us - (o->until_us - o->since_us),
	    });
	if (!any) {
		if (rounds.came == 0)
			expect_silent(l, vp, &rounds);
		return;
	}
	/* Of a round that began before the window. */
	if (rounds.came == 0)
		rounds.came = 1;
	add_expected(l, &rounds);
}

static int
read_step(struct reading *r, latency_step_fn *ended, void *context)
{
	const struct catalog *c = &r->tables[0]->run->catalog;
	int status = 0;

	latency_runs_read(r->tables, r->count);
	r->vp = -1;
	for (size_t vp = 0; vp < c->vp_count; vp++) {
		for (size_t i = 0; i < r->count; i++)
			count_vp(r, r->tables[i], (int32_t)vp);
	}
	for (size_t i = 0; i < r->count; i++) {
		latency_runs_free(r->tables[i]);
		if (status == 0)
			status = ended(context, i);
	}
	return status;
}

int
latency_read(struct latency *const *tables, size_t count,
    latency_step_fn *ended, void *context)
{
	struct reading r = { .tables = tables, .count = count };
	int64_t since_us, until_us;
	int status = 0;

	for (size_t k = 0; status == 0 && options_step(tables[0]->options, k,
					      &since_us, &until_us);
	     k++) {
		for (size_t i = 0; i < count; i++) {
			tables[i]->since_us = since_us;
			tables[i]->until_us = until_us;
		}
		status = read_step(&r, ended, context);
	}
	samples_clear(&r.samples);
	return status;
}
