#include "analysis/edges.h"

#include <stdlib.h>
#include "analysis/intervals.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/times.h"

#define HOURS_BACK EDGE_RTTS /* with a question in each there are enough */
#define BACK_MAX 20          /* where others may be among them */

/* An interval, and what blocks say of it. */
struct stretch {
	int64_t first_us, last_us, id;
	int32_t instance, place; /* -1: it is no sight of what is compared */
	int64_t last_hour;
	size_t rtts;
	uint32_t head[EDGE_RTTS];
	uint32_t tail[EDGE_RTTS]; /* of those after: a ring */
};

void
edges_init(struct edges *e, const struct edges_window *of)
{
	struct query *q = of->run->query;

	*e = (struct edges){ .of = *of };
	blocks_init(&e->blocks, q);
	e->intervals = intervals_new(q);
}

void
edges_clear(struct edges *e)
{
	blocks_clear(&e->blocks);
	intervals_free(e->intervals);
	samples_clear(&e->raw);
	samples_clear(&e->back);
	free(e->stretches);
	free(e->runs);
}

/* --- which hours --- */

static bool
find_hours(struct edges *e, int64_t vp_id)
{
	const int64_t from_hour = e->of.run->options->since_us / HOUR_US;

	if (e->of.run->options->since_us < 0 ||
	    !blocks_complete(&e->blocks, from_hour))
		return false;
	e->cut_hour =
	    blocks_end(&e->blocks, vp_id, e->of.run->options->until_us);
	e->back_hour =
	    blocks_hour_back(&e->blocks, vp_id, from_hour, HOURS_BACK);
	return e->cut_hour > from_hour &&
	       blocks_complete(&e->blocks, e->back_hour);
}

/* --- the stretches of a lane --- */

static struct stretch *
add_stretch(struct edges *e, int32_t lane, int32_t method,
    const struct interval_row *row)
{
	struct catalog *c = &e->of.run->catalog;
	struct stretch *s;

	if (e->count == e->room)
		e->stretches =
		    memory_grow(e->stretches, &e->room, sizeof(*e->stretches));
	s = &e->stretches[e->count++];
	s->first_us = row->first_us;
	s->last_us = row->last_us;
	s->id = row->instance;
	s->instance = catalog_instance(c, s->id);
	s->place = -1;
	s->last_hour = -1;
	s->rtts = 0;
	if (s->instance >= 0 && method >= 0 &&
	    c->instances[s->instance].method == method)
		s->place = trail_place(e->of.historian, s->instance,
		    catalog_site(c, c->lanes[lane].service, s->instance));
	return s;
}

static void
reverse(struct edges *e)
{
	for (size_t i = 0; i < e->count / 2; i++) {
		struct stretch *a = &e->stretches[i];
		struct stretch *b = &e->stretches[e->count - 1 - i];
		const struct stretch kept = *a;

		*a = *b;
		*b = kept;
	}
}

/* Those whose hours are held, and before them what is of the same place as
 * what the window begins in. */
static void
read_stretches(struct edges *e, int32_t lane, int32_t method)
{
	const int64_t since_us = e->of.run->options->since_us;
	const int64_t back_us = e->back_hour * HOUR_US;
	int32_t past = -1;
	const struct interval_row *row;
	bool done = false;

	e->count = 0;
	intervals_begin(e->intervals, e->of.run->catalog.lanes[lane].id,
	    e->cut_hour * HOUR_US);
	while ((row = intervals_next(e->intervals)) != NULL) {
		struct stretch *s = add_stretch(e, lane, method, row);
		const bool held = s->last_us >= back_us;

		if (s->place >= 0 && s->first_us < since_us) {
			if (past < 0)
				past = s->place;
			done |= s->place != past;
			if (done)
				s->place = -1;
		}
		if (done && !held)
			break;
	}
	intervals_end(e->intervals);
	reverse(e);
}

/* Put round trips behind those that were passed. */
static void
add_rtts(struct stretch *s, const uint32_t *rtts, size_t count)
{
	for (size_t i = 0; i < count; i++, s->rtts++) {
		if (s->rtts < EDGE_RTTS)
			s->head[s->rtts] = rtts[i];
		else
			s->tail[s->rtts % EDGE_RTTS] = rtts[i];
	}
}

/* The first and the last round trips of a stretch, out of its runs; those
 * between are not wanted. */
static bool
read_rtts(struct edges *e, struct stretch *s)
{
	uint32_t rtts[BLOCK_RTTS];
	size_t count = 0;

	for (size_t i = 0; i < e->run_count; i++)
		count += e->runs[i].kept;
	for (size_t i = 0; i < e->run_count; i++) {
		const struct block_pass *run = &e->runs[i];

		if (s->rtts >= EDGE_RTTS &&
		    s->rtts + run->kept + EDGE_RTTS <= count) {
			s->rtts += run->kept;
			continue;
		}
		if (block_pass_rtts(run, rtts) == -1)
			return false;
		add_rtts(s, rtts, run->kept);
	}
	e->run_count = 0;
	return true;
}

static void
add_run(struct edges *e, const struct block_pass *run)
{
	if (e->run_count == e->run_room)
		e->runs = memory_grow(e->runs, &e->run_room, sizeof(*e->runs));
	e->runs[e->run_count++] = *run;
}

/* The stretch that a run belongs to: the one at hand or the next. NULL: it is
 * not what the intervals say. */
static struct stretch *
stretch_of(struct edges *e, struct stretch *s, size_t *next,
    const struct block_pass *run)
{
	if (s != NULL && s->id == run->instance)
		return s;
	if ((s != NULL && !read_rtts(e, s)) || *next == e->count)
		return NULL;
	s = &e->stretches[(*next)++];
	return s->id == run->instance ? s : NULL;
}

/* The runs of a lane, hour by hour, into its stretches. False where they are
 * not what the intervals say. */
static bool
read_runs(struct edges *e, int64_t lane_id, size_t first)
{
	struct stretch *s = NULL;
	struct block_pass run;
	size_t next = first;

	e->run_count = 0;
	for (size_t i = 0; i < e->blocks.count; i++) {
		struct block_hour *hour = &e->blocks.hours[i];

		if (!hour->going || hour->reader.lane.lane != lane_id)
			continue;
		while (block_pass_run(&hour->reader, &run) == 1) {
			if ((s = stretch_of(e, s, &next, &run)) == NULL)
				return false;
			s->last_hour = hour->hour;
			if (s->place >= 0)
				add_run(e, &run);
		}
	}
	if (s != NULL && !read_rtts(e, s))
		return false;
	return next == e->count ||
	       blocks_allow_unseen(e->count - first, e->count - next,
		   e->stretches[next].last_us, e->cut_hour * HOUR_US);
}

/* --- samples --- */

/* Where a stretch goes on behind the cut: its last sight before that. */
static int64_t
last_sight(struct edges *e, const struct stretch *s, int32_t lane)
{
	int64_t last_us;

	if (s->last_us < e->cut_hour * HOUR_US)
		return s->last_us;
	if (s->last_hour >= 0) {
		last_us = blocks_last_answer(&e->blocks, s->last_hour,
		    e->of.run->catalog.lanes[lane].id);
		return last_us < 0 ? s->first_us : last_us;
	}
	return e->back.count > 0 ? e->back.items[0].t_us
				 : e->back_hour * HOUR_US - 1;
}

static void
add_samples(struct edges *e, struct samples *samples, const struct stretch *s,
    int32_t lane)
{
	struct sample sample = {
		.t_us = s->first_us,
		.lane = lane,
		.instance = s->instance,
		.said = s->instance,
		.rtt_us = SAMPLE_NO_RTT,
		.rcode = -1,
		.outcome = OUTCOME_ANSWERED,
	};
	size_t i = s->rtts > 2 * EDGE_RTTS ? s->rtts - EDGE_RTTS : EDGE_RTTS;

	samples_add(samples, &sample);
	for (size_t k = 0; k < s->rtts && k < EDGE_RTTS; k++) {
		sample.rtt_us = s->head[k];
		samples_add(samples, &sample);
	}
	for (; i < s->rtts; i++) {
		sample.rtt_us = s->tail[i % EDGE_RTTS];
		samples_add(samples, &sample);
	}
	sample.rtt_us = SAMPLE_NO_RTT;
	sample.t_us = last_sight(e, s, lane);
	samples_add(samples, &sample);
}

/* What is before the hours that are held, of the place of the first stretch;
 * out of raw rows. */
static void
add_back(struct edges *e, struct samples *samples, const struct stretch *first,
    int32_t lane)
{
	struct catalog *c = &e->of.run->catalog;
	const int64_t back_us = e->back_hour * HOUR_US;
	int64_t last_us = first->last_us;

	for (const struct stretch *s = first; s < e->stretches + e->count;
	     s++) {
		if (s->place == first->place && s->first_us < back_us)
			last_us = s->last_us;
	}
	samples_read_back(&e->of.run->sampler, &e->back,
	    &(struct samples_span){
		.lane = lane,
		.method = c->instances[first->instance].method,
		.first_us = first->first_us,
		.last_us = last_us < back_us ? last_us : back_us - 1,
		.before_us = back_us,
		.max = BACK_MAX,
	    });
	for (size_t i = e->back.count; i > 0; i--) {
		const struct sample *s = &e->back.items[i - 1];
		const int32_t site =
		    catalog_site(c, c->lanes[lane].service, s->instance);

		if (trail_place(e->of.historian, s->instance, site) ==
		    first->place)
			samples_add(samples, s);
	}
}

/* Whether the round trips of the place that the window begins in are not all
 * held though another place follows. */
static bool
lacks_past(const struct edges *e, const struct stretch *first)
{
	const int64_t since_us = e->of.run->options->since_us;
	bool follows = e->has_raw;
	size_t rtts = 0;

	if (first->first_us >= e->back_hour * HOUR_US)
		return false;
	for (const struct stretch *s = first; s < e->stretches + e->count;
	     s++) {
		if (s->place < 0)
			continue;
		if (s->first_us < since_us || s->place == first->place)
			rtts += s->rtts;
		else
			follows = true;
		if (follows && s->place != first->place)
			break;
	}
	return follows && rtts < EDGE_RTTS;
}

static bool
read_lane(struct edges *e, struct samples *samples, int32_t lane)
{
	const struct lane *l = &e->of.run->catalog.lanes[lane];
	const struct stretch *first = NULL;
	size_t held = 0;

	read_stretches(e, lane, e->of.methods->of_service[l->service].method);
	while (held < e->count &&
	       e->stretches[held].last_us < e->back_hour * HOUR_US)
		held++;
	if (!read_runs(e, l->id, held))
		return false;
	e->back.count = 0;
	for (size_t i = 0; i < e->count; i++) {
		const struct stretch *s = &e->stretches[i];

		if (s->place < 0)
			continue;
		if (first == NULL) {
			first = s;
			if (lacks_past(e, first))
				add_back(e, samples, first, lane);
		}
		add_samples(e, samples, s, lane);
	}
	return true;
}

/* --- a vantage point --- */

struct numbered {
	int64_t id;
	int32_t lane;
};

static int
compare_ids(const void *left, const void *right)
{
	const struct numbered *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

/* Its lanes in the order in which they are in blocks. */
static struct numbered *
lanes_by_id(const struct catalog *c, const struct vantage *v)
{
	struct numbered *lanes = memory_zeroed(v->lane_count, sizeof(*lanes));

	for (size_t i = 0; i < v->lane_count; i++)
		lanes[i] =
		    (struct numbered){ c->lanes[v->lanes[i]].id, v->lanes[i] };
	qsort(lanes, v->lane_count, sizeof(*lanes), compare_ids);
	return lanes;
}

static bool
read_lanes(struct edges *e, struct samples *samples, int32_t vp)
{
	const struct catalog *c = &e->of.run->catalog;
	const struct vantage *v = &c->vps[vp];
	struct numbered *lanes = lanes_by_id(c, v);
	bool good = true;

	for (size_t i = 0; good && i < v->lane_count; i++) {
		if (!e->of.wanted[lanes[i].lane])
			continue;
		(void)blocks_next_lane(&e->blocks, lanes[i].id - 1);
		good = read_lane(e, samples, lanes[i].lane);
	}
	free(lanes);
	return good;
}

/* What is behind the cut, in lanes that are wanted. */
static void
read_raw(struct edges *e, int32_t vp)
{
	struct sampler *sampler = &e->of.run->sampler;
	const int64_t cut_us = e->cut_hour * HOUR_US;
	const int64_t until_us = e->of.run->options->until_us;

	e->raw.count = 0;
	if (cut_us < until_us) {
		sampler->wanted = e->of.wanted;
		samples_read(sampler, &e->raw, vp, cut_us, until_us);
		sampler->wanted = NULL;
	}
	e->has_raw = e->raw.count > 0;
}

bool
edges_read(struct edges *e, struct samples *samples, int32_t vp)
{
	const struct catalog *c = &e->of.run->catalog;

	if (judge_doubts(c, vp) || !find_hours(e, c->vps[vp].id))
		return false;
	read_raw(e, vp);
	(void)blocks_read(
	    &e->blocks, &(struct block_stretch){ c->vps[vp].id, e->back_hour,
			    e->cut_hour, SIZE_MAX });
	samples->count = 0;
	if (!read_lanes(e, samples, vp))
		return false;
	for (size_t i = 0; i < e->raw.count; i++)
		samples_add(samples, &e->raw.items[i]);
	if (e->has_raw)
		samples_by_lane(&e->of.run->sampler, samples, vp);
	return true;
}
