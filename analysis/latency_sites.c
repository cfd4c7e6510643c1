#include "analysis/latency_sites.h"

#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/latency_runs.h"
#include "analysis/memory.h"
#include "lib/times.h"

/* Names are those of latency.groups; NONE: no site. */
#define NONE (-1)

struct lane_state {
	int32_t before;       /* name of the last answer */
	int64_t lost, unsent; /* since then */
};

/* A stretch of answers of one lane and hour. */
struct stretch {
	int64_t first_us, last_us;
	int32_t name;
};

/* A lane's hour: where in it something was lost is a place of losses. Place
 * 2k is before stretch k, 2k + 1 within it. */
struct lane_hour {
	int64_t hour;
	int32_t lane;
	struct stretch *stretches;
	size_t count, room;
	struct run_row lost;     /* asked is 0 where nothing was */
	struct lane_state after; /* lost after the last answer */
};

/* Where raw rows have to say it. */
struct open_hours {
	struct lane_hour *items; /* all of one hour */
	size_t count, room;
	bool *wanted;  /* by lane */
	size_t *which; /* by lane: item */
};

struct latency_sites {
	struct latency *l;
	const struct run_hours *hours;
	struct lane_state *states; /* by lane */
	struct lane_hour at;       /* at hand */
	struct open_hours open;
};

/* --- what is lost --- */

static void
lose(struct latency_sites *s, int32_t lane, int32_t name,
    const struct lane_state *lost)
{
	if (lost->lost > 0)
		latency_runs_add(s->l, lane, latency_site_group(s->l, name),
		    &(const struct latency_counts){
			.asked = lost->lost, .unsent = lost->unsent });
}

/* An answer comes: what was lost since the last one has a place. */
static void
answer(struct latency_sites *s, int32_t lane, int32_t name)
{
	struct lane_state *state = &s->states[lane];

	lose(s, lane, state->before == name ? name : NONE, state);
	*state = (struct lane_state){ .before = name };
}

static size_t
place_of(const struct lane_hour *h, int64_t t_us)
{
	size_t k = 0;

	while (k < h->count && h->stretches[k].first_us < t_us)
		k++;
	return k > 0 && h->stretches[k - 1].last_us >= t_us ? 2 * k - 1 : 2 * k;
}

/* The name of what is lost at a place; what is after the last answer waits
 * for the next one. */
static int32_t
name_at(const struct latency_sites *s, const struct lane_hour *h, size_t place)
{
	const size_t k = place / 2;
	int32_t before;

	if (place % 2 == 1)
		return h->stretches[k].name;
	before = k > 0 ? h->stretches[k - 1].name : s->states[h->lane].before;
	return before == h->stretches[k].name ? before : NONE;
}

/* Places below the last are told before the answers of the hour are. */
static void
lose_at(struct latency_sites *s, struct lane_hour *h, size_t place,
    const struct lane_state *lost)
{
	if (place < 2 * h->count) {
		lose(s, h->lane, name_at(s, h, place), lost);
		return;
	}
	h->after.lost += lost->lost;
	h->after.unsent += lost->unsent;
}

/* --- a lane's hour --- */

/* Whether all that was lost has one name, wherever it was between the first
 * and the last place. */
static bool
is_same_between(const struct latency_sites *s, const struct lane_hour *h,
    size_t first, size_t last)
{
	if (first == last)
		return true;
	if (last == 2 * h->count)
		return false;
	for (size_t place = first + 1; place <= last; place++) {
		if (name_at(s, h, place) != name_at(s, h, first))
			return false;
	}
	return true;
}

/* False: the run does not say where it was. */
static bool
place_lost(struct latency_sites *s, struct lane_hour *h)
{
	const struct run_row *run = &h->lost;
	const size_t first = place_of(h, run->first_us);
	const size_t last = place_of(h, run->last_us);
	const struct lane_state all = { NONE, run->asked, run->unsent };
	const struct lane_state half = { NONE, 1, run->unsent / 2 };

	if (run->asked == 0)
		return true;
	if (is_same_between(s, h, first, last)) {
		lose_at(s, h, first, &all);
		return true;
	}
	if (run->asked != 2 || run->unsent == 1)
		return false;
	lose_at(s, h, first, &half);
	lose_at(s, h, last, &half);
	return true;
}

static void
advance(struct latency_sites *s, const struct lane_hour *h)
{
	struct lane_state *state = &s->states[h->lane];

	if (h->count > 0) {
		answer(s, h->lane, h->stretches[0].name);
		state->before = h->stretches[h->count - 1].name;
	}
	state->lost += h->after.lost;
	state->unsent += h->after.unsent;
}

/* --- hours that runs leave open --- */

static void
put_open(struct latency_sites *s, struct lane_hour *h)
{
	struct open_hours *open = &s->open;

	if (open->count == open->room)
		open->items =
		    memory_grow(open->items, &open->room, sizeof(*open->items));
	open->which[h->lane] = open->count;
	open->wanted[h->lane] = true;
	open->items[open->count++] = *h;
	/* The stretches went along. */
	*h = (struct lane_hour){ .lane = NONE };
}

static void
read_open(struct latency_sites *s, int32_t vp)
{
	struct latency *l = s->l;
	struct sampler *sampler = &l->run->sampler;
	const int64_t since_us = s->open.items[0].hour * HOUR_US;

	sampler->wanted = s->open.wanted;
	samples_read(sampler, &l->samples, vp, since_us, since_us + HOUR_US);
	sampler->wanted = NULL;
	for (size_t i = 0; i < l->samples.count; i++) {
		const struct sample *is = &l->samples.items[i];
		const struct lane_state one = { NONE, 1,
			is->outcome == OUTCOME_UNSENT };
		struct lane_hour *h;

		if (!s->open.wanted[is->lane] || sample_answered(is))
			continue;
		h = &s->open.items[s->open.which[is->lane]];
		lose_at(s, h, place_of(h, is->t_us), &one);
	}
}

static void
close_open(struct latency_sites *s)
{
	const struct catalog *c = &s->l->run->catalog;
	bool *read = memory_zeroed(c->vp_count, sizeof(*read));

	for (size_t i = 0; i < s->open.count; i++) {
		const int32_t vp = c->lanes[s->open.items[i].lane].vp;

		if (!read[vp])
			read_open(s, vp);
		read[vp] = true;
	}
	for (size_t i = 0; i < s->open.count; i++) {
		struct lane_hour *h = &s->open.items[i];

		advance(s, h);
		s->open.wanted[h->lane] = false;
		free(h->stretches);
	}
	s->open.count = 0;
	free(read);
}

/* --- runs --- */

static void
end_lane(struct latency_sites *s)
{
	struct lane_hour *h = &s->at;

	if (h->lane == NONE)
		return;
	if (place_lost(s, h))
		advance(s, h);
	else
		put_open(s, h);
}

static void
begin_lane(struct latency_sites *s, const struct run_row *run)
{
	struct lane_hour *h = &s->at;

	if (run->lane == h->lane && run->hour == h->hour)
		return;
	end_lane(s);
	if (s->open.count > 0 && run->hour != s->open.items[0].hour)
		close_open(s);
	h->hour = run->hour;
	h->lane = run->lane;
	h->count = 0;
	h->lost = (struct run_row){ 0 };
	h->after = (struct lane_state){ 0 };
}

static void
add_run(void *context, const struct run_row *run)
{
	struct latency_sites *s = context;
	struct lane_hour *h = &s->at;
	int32_t name = NONE;

	begin_lane(s, run);
	if (run->lost) {
		h->lost = *run;
		return;
	}
	if (!judge_marks_name(&s->l->run->catalog, run->lane, run->instance)) {
		name = latency_site(s->l, run->lane, run->instance);
		latency_runs_add_run(s->l, latency_site_group(s->l, name), run);
	}
	if (h->count == h->room)
		h->stretches =
		    memory_grow(h->stretches, &h->room, sizeof(*h->stretches));
	h->stretches[h->count++] =
	    (struct stretch){ run->first_us, run->last_us, name };
}

/* --- what is around them --- */

static void
add_sample(struct latency_sites *s, const struct sample *sample)
{
	struct latency *l = s->l;
	struct lane_state *state = &s->states[sample->lane];
	int32_t name;

	if (!sample_answered(sample)) {
		state->lost++;
		state->unsent += sample->outcome == OUTCOME_UNSENT;
		return;
	}
	name = latency_site(l, sample->lane, sample->instance);
	answer(s, sample->lane, name);
	if (sample->verdict == VERDICT_INTERCEPTED)
		return;
	name = latency_site_group(l, name);
	latency_runs_add(l, sample->lane, name,
	    &(const struct latency_counts){ .asked = 1, .answered = 1 });
	if (sample->rtt_us != SAMPLE_NO_RTT)
		values_add(&latency_group(l, sample->lane, name)->rtts,
		    sample->rtt_us);
}

static void
add_samples(
    struct latency_sites *s, int32_t vp, int64_t since_us, int64_t until_us)
{
	struct latency *l = s->l;

	if (since_us >= until_us)
		return;
	samples_read(&l->run->sampler, &l->samples, vp, since_us, until_us);
	for (size_t i = 0; i < l->samples.count; i++)
		add_sample(s, &l->samples.items[i]);
}

struct latency_sites *
latency_sites_read(struct latency *l, const struct run_hours *hours)
{
	const struct catalog *c = &l->run->catalog;
	struct latency_sites *s = memory_zeroed(1, sizeof(*s));
	int64_t from_us, to_us;

	s->l = l;
	s->states = memory_zeroed(c->lane_count, sizeof(*s->states));
	s->open.wanted = memory_zeroed(c->lane_count, sizeof(bool));
	s->open.which = memory_zeroed(c->lane_count, sizeof(size_t));
	s->at.lane = NONE;
	for (size_t i = 0; i < c->lane_count; i++)
		s->states[i].before = NONE;
	for (size_t i = 0; i < c->vp_count; i++) {
		if (run_hours_cover(hours, (int32_t)i, &from_us, &to_us))
			add_samples(s, (int32_t)i, l->since_us, from_us);
	}
	run_hours_read(hours, add_run, s);
	end_lane(s);
	if (s->open.count > 0)
		close_open(s);
	return s;
}

void
latency_sites_free(struct latency_sites *s)
{
	if (s == NULL)
		return;
	free(s->states);
	free(s->at.stretches);
	free(s->open.items);
	free(s->open.wanted);
	free(s->open.which);
	free(s);
}

void
latency_sites_end(struct latency_sites *s, int32_t vp, int64_t from_us)
{
	const struct vantage *v = &s->l->run->catalog.vps[vp];

	add_samples(s, vp, from_us, s->l->until_us);
	for (size_t i = 0; i < v->lane_count; i++) {
		struct lane_state *state = &s->states[v->lanes[i]];

		lose(s, v->lanes[i], NONE, state);
		state->lost = 0;
	}
}
