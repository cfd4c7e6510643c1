/*
 * Catchment: which site serves each vantage point at a time, as it was known
 * then.
 */
#include "analysis/catchment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/compare.h"
#include "analysis/intervals.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/order.h"
#include "analysis/samples_blocks.h"

static const char *const state_names[] = {
	[STATE_KNOWN] = "known",
	[STATE_STALE] = "stale",
	[STATE_NO_IDENTITY] = "no_identity",
	[STATE_NO_ANSWER] = "no_answer",
	[STATE_NO_DATA] = "no_data",
	[STATE_INTERCEPTED] = "intercepted",
	[STATE_IMPOSSIBLE] = "impossible",
	[STATE_MISPLACED] = "misplaced",
};

static const enum state verdict_states[] = {
	[VERDICT_INTERCEPTED] = STATE_INTERCEPTED,
	[VERDICT_IMPOSSIBLE] = STATE_IMPOSSIBLE,
	[VERDICT_MISPLACED] = STATE_MISPLACED,
};

static struct catchment_row *
add_row(struct catchment *c, int32_t vp, int32_t service)
{
	struct catchment_row *row;

	if (c->count == c->room)
		c->rows = memory_grow(c->rows, &c->room, sizeof(*c->rows));
	row = &c->rows[c->count++];
	*row = (struct catchment_row){
		.vp = vp,
		.service = service,
		.flow = -1,
		.label = -1,
		.site = -1,
		.state = STATE_NO_DATA,
		.since_us = -1,
		.last_seen_us = -1,
		.median_us = -1,
	};
	return row;
}

/* What the last sample says, and whether that is still true. */
static enum state
state_of(const struct catchment *c, const struct sample *last, int32_t method)
{
	const struct instance *instances = c->run->catalog.instances;

	if (c->until_us - 1 - last->t_us > c->age_us)
		return STATE_STALE;
	if (last->verdict != VERDICT_NONE)
		return verdict_states[last->verdict];
	if (!sample_answered(last))
		return STATE_NO_ANSWER;
	if (last->instance < 0 || method < 0 ||
	    instances[last->instance].method != method)
		return STATE_NO_IDENTITY;
	return STATE_KNOWN;
}

/* The round trips of the window that agree with a row: those of its site, or
 * those that were answered without a name. */
static void
collect_rtts(struct catchment *c, const struct trail_part *part,
    struct catchment_row *row)
{
	struct catalog *catalog = &c->run->catalog;
	size_t first = c->rtts.count;

	for (size_t i = part->from; i < part->end; i++) {
		const struct sample *s = &part->samples->items[i];
		bool named =
		    s->instance >= 0 && part->method >= 0 &&
		    catalog->instances[s->instance].method == part->method;

		if (s->t_us < c->since_us || s->rtt_us == SAMPLE_NO_RTT ||
		    named != (row->state == STATE_KNOWN))
			continue;
		if (!named || catalog_site(catalog, row->service,
				  s->instance) == row->site)
			values_add(&c->rtts, s->rtt_us);
	}
	row->rtts_first = first;
	row->samples = c->rtts.count - first;
	if (row->samples == 0)
		return;
	quantile_sort(c->rtts.items + first, row->samples);
	row->median_us = quantile_median(c->rtts.items + first, row->samples);
}

/* The last sighting. One from before the window whose interval goes on after
 * it is looked for. */
static int64_t
last_seen(struct catchment *c)
{
	const struct trail *trail = &c->trail;
	const struct sighting *last = &trail->items[trail->count - 1];
	int64_t seen_us;

	if (trail->count > 1 || !trail->past || !trail->past_goes_on)
		return last->t_us;
	seen_us = samples_last_seen(&c->run->sampler, &c->back,
	    &(struct samples_span){
		.lane = trail->lane,
		.method = trail->method,
		.first_us = trail->past_first_us,
		.last_us = last->t_us,
		.before_us = last->t_us + 1,
		.max = 1,
	    });
	return seen_us == INT64_MIN ? last->t_us : seen_us;
}

/* The end of the lane's trail is where it is now. */
static void
place_row(struct catchment *c, struct catchment_row *row)
{
	const struct trail *trail = &c->trail;
	const struct unit *unit;

	if (trail->count == 0)
		return;
	if (c->run->options->by == BY_DEFAULT) /* shares show none */
		row->last_seen_us = last_seen(c);
	if (row->state != STATE_KNOWN)
		return;
	units_build(&c->units, &c->historian, trail);
	unit = &c->units.items[c->units.count - 1];
	row->site = trail->items[unit->first].site;
	row->label = unit->to_label;
	row->since_us = unit->first == 0 && trail->past
			    ? trail->past_first_us
			    : trail->items[unit->first].t_us;
}

/* Whether a lane without a sample in the window had an answer before. */
static bool
has_past(struct catchment *c, int32_t lane)
{
	bool found;

	intervals_begin(
	    c->intervals, c->run->catalog.lanes[lane].id, c->until_us);
	found = intervals_next(c->intervals) != NULL;
	intervals_end(c->intervals);
	return found;
}

/* Whether a lane says anything. Losses alone are forgotten before the window
 * and what may not be stale, since intervals do not tell of them. */
static bool
has_data(struct catchment *c, const struct trail_part *part)
{
	for (size_t i = part->end; i > part->from; i--) {
		const struct sample *s = &part->samples->items[i - 1];

		if (s->t_us >= c->recent_us || sample_answered(s))
			return true;
	}
	return has_past(c, part->lane);
}

/* One lane that is compared: a row, where it says anything. */
static void
add_lane(struct catchment *c, const struct trail_part *part)
{
	const struct catalog *catalog = &c->run->catalog;
	const struct lane *lane = &catalog->lanes[part->lane];
	struct catchment_row *row;

	trail_build(&c->trail, &c->historian, part);
	if (c->trail.count == 0 && !has_data(c, part))
		return;
	row = add_row(c, lane->vp, lane->service);
	row->flow = lane->flow;
	row->state = STATE_STALE;
	if (part->end > part->from) {
		const struct sample *last =
		    &part->samples->items[part->end - 1];

		row->state = state_of(c, last, part->method);
		if (row->state >= STATE_INTERCEPTED && last->said >= 0)
			row->label = catalog->instances[last->said].text;
	}
	place_row(c, row);
	if (row->state == STATE_KNOWN || row->state == STATE_NO_IDENTITY)
		collect_rtts(c, part, row);
}

/* The samples of a vantage point's next lane. */
static void
next_part(struct trail_part *part, int32_t lane)
{
	const struct samples *samples = part->samples;

	part->lane = lane;
	part->from = part->end;
	while (part->from < samples->count &&
	       samples->items[part->from].lane < lane)
		part->from = samples_lane_end(samples, part->from);
	part->end = part->from;
	if (part->from < samples->count &&
	    samples->items[part->from].lane == lane)
		part->end = samples_lane_end(samples, part->from);
}

/* Whether a lane that is not compared has data, which is rarely asked: its
 * samples are read only then. */
static bool
other_has_data(struct catchment *c, struct trail_part *others, int32_t lane)
{
	if (has_past(c, lane))
		return true;
	if (others->samples == NULL) {
		others->samples = &c->others;
		samples_read(&c->run->sampler, &c->others,
		    c->run->catalog.lanes[lane].vp, others->floor_us,
		    c->until_us);
	}
	next_part(others, lane);
	return has_data(c, others);
}

/* The lanes [from, end) of a vantage point, all of one service. */
static void
add_service(struct catchment *c, struct trail_part parts[2],
    const int32_t *lanes, size_t count)
{
	const struct catalog *catalog = &c->run->catalog;
	const struct lane *first = &catalog->lanes[lanes[0]];
	const size_t rows = c->count;

	parts[0].method = c->methods->of_service[first->service].method;
	for (size_t i = 0; i < count; i++) {
		if (!c->wanted[lanes[i]])
			continue;
		next_part(&parts[0], lanes[i]);
		add_lane(c, &parts[0]);
	}
	for (size_t i = 0; i < count && c->count == rows; i++) {
		if (!c->wanted[lanes[i]] &&
		    other_has_data(c, &parts[1], lanes[i]))
			(void)add_row(c, first->vp, first->service);
	}
}

/* Those of the lanes that are compared. Where the window alone is asked for,
 * what blocks say of it is enough. */
static void
read_samples(struct catchment *c, int32_t vp, int64_t floor_us)
{
	struct sampler *sampler = &c->run->sampler;
	const int64_t window_us[] = { floor_us, c->until_us };

	sampler->wanted = c->wanted;
	if (floor_us < c->since_us ||
	    !block_source_read(c->blocks, &c->samples, vp, window_us))
		samples_read(sampler, &c->samples, vp, floor_us, c->until_us);
	sampler->wanted = NULL;
}

/* All lanes of a vantage point; those of a service lie together. */
static void
add_lanes(struct catchment *c, int32_t vp_index, int64_t floor_us)
{
	const struct catalog *catalog = &c->run->catalog;
	const struct vantage *vp = &catalog->vps[vp_index];
	struct trail_part parts[2] = { 0 }; /* lanes compared, and others */

	parts[0].samples = &c->samples;
	parts[0].window_us = c->since_us;
	parts[0].floor_us = floor_us;
	parts[1].floor_us = floor_us;
	read_samples(c, vp_index, floor_us);
	for (size_t from = 0, end; from < vp->lane_count; from = end) {
		const int32_t service = catalog->lanes[vp->lanes[from]].service;

		for (end = from + 1;
		     end < vp->lane_count &&
		     catalog->lanes[vp->lanes[end]].service == service;
		     end++)
			continue;
		add_service(c, parts, vp->lanes + from, end - from);
	}
}

/* Sets what is asked of a vantage point at the time; from where on it is. */
static int64_t
set_recent(struct catchment *c, int32_t vp)
{
	c->age_us = run_patience_us(c->run, vp, c->until_us);
	c->recent_us = c->until_us - 1 - c->age_us;
	if (c->since_us < c->recent_us)
		c->recent_us = c->since_us;
	return samples_settled_before(&c->run->sampler, vp, c->recent_us);
}

static void
keep_silence(struct silence *silence, const struct catchment_row *rows,
    size_t count, int64_t floor_us, int64_t until_us)
{
	while (silence->room < count)
		silence->rows =
		    memory_grow(silence->rows, &silence->room, sizeof(*rows));
	if (count > 0)
		memcpy(silence->rows, rows, count * sizeof(*rows));
	silence->count = count;
	silence->floor_us = floor_us;
	silence->until_us = until_us;
}

/* While a vantage point is silent its rows stay what they are. */
static void
add_vp(struct catchment *c, int32_t vp)
{
	const int64_t floor_us = set_recent(c, vp);
	struct silence *silence = &c->silences[vp];
	const size_t first = c->count;

	if (samples_any(&c->run->sampler, vp, floor_us, c->until_us)) {
		add_lanes(c, vp, floor_us);
		return;
	}
	if (floor_us < silence->floor_us || floor_us > silence->until_us) {
		add_lanes(c, vp, floor_us);
		keep_silence(silence, c->rows + first, c->count - first,
		    floor_us, c->until_us);
		return;
	}
	for (size_t i = 0; i < silence->count; i++)
		*add_row(c, vp, -1) = silence->rows[i];
	silence->until_us = c->until_us;
}

static int
compare(const void *left, const void *right)
{
	const struct catchment_row *a = left, *b = right;
	int order;

	if ((order = compare_int(a->service, b->service)) != 0 ||
	    (order = compare_int(a->vp, b->vp)) != 0)
		return order;
	return compare_int(a->flow, b->flow);
}

void
catchment_init(
    struct catchment *c, struct run *run, const struct methods *methods)
{
	*c = (struct catchment){ .run = run, .methods = methods };
	historian_init(
	    &c->historian, run->query, &run->catalog, run->options->level);
	c->wanted = methods_lanes(methods, &run->catalog);
	c->silences =
	    memory_zeroed(run->catalog.vp_count, sizeof(*c->silences));
	for (size_t i = 0; i < run->catalog.vp_count; i++)
		c->silences[i].until_us = INT64_MIN;
	c->intervals = intervals_new(run->query);
	c->blocks = block_source_new(&run->sampler);
}

void
catchment_clear(struct catchment *c)
{
	intervals_free(c->intervals);
	block_source_free(c->blocks);
	historian_clear(&c->historian);
	values_clear(&c->rtts);
	samples_clear(&c->samples);
	samples_clear(&c->others);
	free(c->wanted);
	samples_clear(&c->back);
	trail_clear(&c->trail);
	units_clear(&c->units);
	for (size_t i = 0; i < c->run->catalog.vp_count; i++)
		free(c->silences[i].rows);
	free(c->silences);
	free(c->rows);
}

/* They come by vantage point, and of each by service and flow: brought
 * together by service they are in order. */
static void
sort_rows(struct catchment *c)
{
	const struct order_items all = { c->rows, c->count, sizeof(*c->rows) };
	bool in_order = true;

	order_by_number(&all, offsetof(struct catchment_row, service));
	for (size_t i = 1; in_order && i < c->count; i++)
		in_order = compare(&c->rows[i - 1], &c->rows[i]) <= 0;
	if (!in_order)
		qsort(c->rows, c->count, sizeof(*c->rows), compare);
}

void
catchment_read(struct catchment *c, int64_t since_us, int64_t until_us)
{
	c->since_us = since_us;
	c->until_us = until_us;
	c->count = 0;
	c->rtts.count = 0;
	for (size_t i = 0; i < c->run->catalog.vp_count; i++)
		add_vp(c, (int32_t)i);
	sort_rows(c);
}

/* The earliest floor of a step's vantage points. */
static int64_t
first_floor(struct catchment *c, int64_t since_us, int64_t until_us)
{
	int64_t first_us = since_us;

	c->since_us = since_us;
	c->until_us = until_us;
	for (size_t i = 0; i < c->run->catalog.vp_count; i++) {
		const int64_t floor_us = set_recent(c, (int32_t)i);

		if (floor_us < first_us)
			first_us = floor_us;
	}
	return first_us;
}

void
catchment_hold(struct catchment *c)
{
	const struct options *o = c->run->options;
	int64_t since_us, until_us;

	if (!options_step(o, 1, &since_us, &until_us))
		return;
	(void)options_step(o, 0, &since_us, &until_us);
	since_us = first_floor(c, since_us, until_us);
	if (sampler_keep(&c->run->sampler,
		(const int64_t[2]){ since_us, o->until_us }, c->wanted))
		historian_hold(&c->historian, o->until_us);
}

const char *
catchment_state_name(enum state state)
{
	return state_names[state];
}
