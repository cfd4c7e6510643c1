#include "analysis/stays.h"

#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/quantile.h"

#define AROUND 10    /* samples on each side, */
#define MOST_BACK 20 /* of so many where others may be among them */
#define SILENT 3     /* losses in a row */

/* The median of up to AROUND round trips; -1 where there are none. */
static int64_t
median(int64_t *rtts, size_t count)
{
	if (count == 0)
		return -1;
	quantile_sort(rtts, count);
	return quantile_median(rtts, count);
}

static int64_t
median_of_begin(const struct trail *trail, const struct unit *unit)
{
	int64_t rtts[AROUND];
	size_t count = 0;

	for (size_t i = unit->first; i < unit->end && count < AROUND; i++) {
		if (trail->items[i].rtt_us != SAMPLE_NO_RTT)
			rtts[count++] = trail->items[i].rtt_us;
	}
	return median(rtts, count);
}

/* The old unit began before the window: what is missing of its end is read
 * from the raw rows before, where they still are. */
static void
read_past(struct stays *s, struct walk *w)
{
	samples_read_back(&w->run->sampler, &s->back,
	    &(struct samples_span){
		.lane = w->trail.lane,
		.method = w->trail.method,
		.first_us = w->trail.past_first_us,
		.last_us = w->trail.items[0].t_us,
		.before_us = w->trail.items[0].t_us + 1,
		.max = MOST_BACK,
	    });
}

/* Whether a sample is of the place in front, and not of another one in the
 * same microsecond. */
static bool
is_past(const struct walk *w, const struct sample *sample)
{
	const struct sighting *past = &w->trail.items[0];
	struct catalog *c = &w->run->catalog;
	int32_t site =
	    catalog_site(c, c->lanes[sample->lane].service, sample->instance);

	return trail_place(&w->historian, sample->instance, site) ==
	       trail_place(&w->historian, past->instance, past->site);
}

static size_t
add_past(struct stays *s, struct walk *w, int64_t *rtts, size_t count)
{
	for (size_t i = 0; i < s->back.count && count < AROUND; i++) {
		const struct sample *sample = &s->back.items[i];

		if (sample->rtt_us != SAMPLE_NO_RTT && is_past(w, sample))
			rtts[count++] = sample->rtt_us;
	}
	return count;
}

static void
set_end(
    struct stays *s, struct walk *w, const struct unit *unit, struct stay *stay)
{
	const struct trail *trail = &w->trail;
	bool past = trail->past && unit->first == 0;
	int64_t rtts[AROUND];
	size_t count = 0;

	for (size_t i = unit->end; i > unit->first && count < AROUND; i--) {
		if (trail->items[i - 1].rtt_us != SAMPLE_NO_RTT)
			rtts[count++] = trail->items[i - 1].rtt_us;
	}
	if (past && count < AROUND) {
		read_past(s, w);
		if (unit->end == 1 && s->back.count > 0)
			stay->last_us = s->back.items[0].t_us;
		count = add_past(s, w, rtts, count);
	}
	stay->end_rtt_us = median(rtts, count);
}

static void
add_stay(struct stays *s, struct walk *w, size_t number)
{
	const struct trail *trail = &w->trail;
	const struct unit *unit = &w->units.items[number];
	const struct sighting *first = &trail->items[unit->first];
	struct stay *stay;

	if (s->count == s->room)
		s->items = memory_grow(s->items, &s->room, sizeof(*s->items));
	stay = &s->items[s->count++];
	*stay = (struct stay){
		.lane = trail->lane,
		.method = trail->method,
		.site = first->site,
		.from_label = unit->from_label,
		.to_label = unit->to_label,
		.first_us = unit->first == 0 && trail->past
				? trail->past_first_us
				: first->t_us,
		.last_us = trail->items[unit->end - 1].t_us,
		.begin_rtt_us = median_of_begin(trail, unit),
		.end_rtt_us = -1,
	};
	if (number + 1 < w->units.count || trail->count == 1)
		set_end(s, w, unit, stay);
}

/* --- silence --- */

static int32_t
site_of(struct walk *w, const struct sample *sample)
{
	struct catalog *c = &w->run->catalog;

	if (sample->instance < 0 || w->part.method < 0 ||
	    c->instances[sample->instance].method != w->part.method)
		return -1;
	return catalog_site(
	    c, c->lanes[sample->lane].service, sample->instance);
}

static void
end_silence(struct stays *s, const struct silence *silence)
{
	if (silence->lost < SILENT)
		return;
	if (s->silence_count == s->silence_room)
		s->silences = memory_grow(
		    s->silences, &s->silence_room, sizeof(*s->silences));
	s->silences[s->silence_count++] = *silence;
}

static void
find_silences(struct stays *s, struct walk *w)
{
	struct silence held = { .lane = w->part.lane,
		.site_before = -1,
		.site_after = -1,
		.before_us = -1,
		.after_us = -1 };

	for (size_t i = w->part.from; i < w->part.end; i++) {
		const struct sample *sample = &w->samples.items[i];

		if (sample->t_us < w->run->options->since_us ||
		    sample->outcome == OUTCOME_UNSENT)
			continue;
		if (sample_answered(sample)) {
			held.site_after = site_of(w, sample);
			held.after_us = sample->t_us;
			end_silence(s, &held);
			held.site_before = held.site_after;
			held.before_us = sample->t_us;
			held.lost = 0;
			continue;
		}
		if (held.lost++ == 0)
			held.first_us = sample->t_us;
		held.last_us = sample->t_us;
	}
	held.site_after = -1;
	held.after_us = -1;
	end_silence(s, &held);
}

static void
read_lane(struct walk *w, void *stays)
{
	for (size_t i = 0; i < w->units.count; i++)
		add_stay(stays, w, i);
	find_silences(stays, w);
}

void
stays_read(struct stays *s, struct walk *w)
{
	*s = (struct stays){ 0 };
	walk_lanes(w, read_lane, s);
}

void
stays_clear(struct stays *s)
{
	free(s->items);
	free(s->silences);
	samples_clear(&s->back);
}

bool
stays_is_change(const struct stays *s, size_t i, int64_t since_us)
{
	return i > 0 && s->items[i - 1].lane == s->items[i].lane &&
	       s->items[i].first_us >= since_us;
}
