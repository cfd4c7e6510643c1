#include "analysis/latency_rows.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/batch_rows.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/samples_runs.h"

#define SPARSE 64 /* ids for one lane: fewer, and they are a table */

/* What came of a lane's questions up to now. */
struct lane_count {
	int32_t lane;
	int64_t asked, answered, unsent, errors, last_us;
	struct outages outages;
	struct failures failures;
};

struct latency_rows {
	struct latency *latency;
	struct batch_rows rows;
	/* of the vantage point at hand: rows come in the order of lanes' ids */
	int32_t vp;
	int64_t first_id, ids;
	int32_t *slots; /* by id: of counts + 1; 0: no lane of it */
	size_t slot_room;
	struct lane_count *counts;
	size_t count, room;
	int64_t since_us, until_us;
	bool in_order;
};

struct latency_rows *
latency_rows_new(struct latency *l)
{
	struct latency_rows *r = memory_zeroed(1, sizeof(*r));

	r->latency = l;
	batch_rows_init(
	    &r->rows, l->run->query, "m.lane, m.dt_us, m.outcome, m.rcode");
	return r;
}

void
latency_rows_free(struct latency_rows *r)
{
	if (r == NULL)
		return;
	batch_rows_clear(&r->rows);
	free(r->slots);
	free(r->counts);
	free(r);
}

/* Slots for the ids of a vantage point's lanes. False: these are too far from
 * each other. */
static bool
make_slots(struct latency_rows *r, const struct vantage *v)
{
	const struct catalog *c = &r->latency->run->catalog;
	int64_t low = INT64_MAX, high = 0;

	r->ids = 0;
	for (size_t i = 0; i < v->lane_count; i++) {
		const int64_t id = c->lanes[v->lanes[i]].id;

		low = id < low ? id : low;
		high = id > high ? id : high;
	}
	if (v->lane_count == 0)
		return true;
	if (low < 0 || high - low >= (int64_t)c->lane_count * SPARSE)
		return false;
	r->first_id = low;
	r->ids = high - low + 1;
	while (r->slot_room < (size_t)r->ids)
		r->slots =
		    memory_grow(r->slots, &r->slot_room, sizeof(*r->slots));
	memset(r->slots, 0, (size_t)r->ids * sizeof(*r->slots));
	return true;
}

/* The lanes of a vantage point in the order of their ids. As make_slots. */
static bool
number_lanes(struct latency_rows *r, int32_t vp)
{
	const struct catalog *c = &r->latency->run->catalog;
	const struct vantage *v = &c->vps[vp];

	r->vp = vp;
	r->count = 0;
	if (!make_slots(r, v))
		return false;
	while (r->room < v->lane_count)
		r->counts =
		    memory_grow(r->counts, &r->room, sizeof(*r->counts));
	for (size_t i = 0; i < v->lane_count; i++)
		r->slots[c->lanes[v->lanes[i]].id - r->first_id] =
		    v->lanes[i] + 1;
	for (int64_t i = 0; i < r->ids; i++) {
		if (r->slots[i] == 0)
			continue;
		r->counts[r->count] =
		    (struct lane_count){ .lane = r->slots[i] - 1 };
		r->slots[i] = (int32_t)++r->count;
	}
	return true;
}

/* A row: lane, time in its batch, outcome, rcode. In a foreign database the
 * lane can be another vantage point's. */
static void
take_row(void *context, const int64_t *row)
{
	struct latency_rows *r = context;
	struct sample sample = {
		.t_us = r->rows.t0_us + row[1],
		.outcome = (uint8_t)row[2],
		.rcode = row[3] == QUERY_NULL ? -1 : (int16_t)(row[3] & 0xfff),
	};
	struct lane_count *to;
	bool error;

	if (row[0] < r->first_id || row[0] - r->first_id >= r->ids ||
	    r->slots[row[0] - r->first_id] == 0 || sample.t_us < r->since_us ||
	    sample.t_us >= r->until_us)
		return;
	to = &r->counts[r->slots[row[0] - r->first_id] - 1];
	if (to->asked++ > 0 && sample.t_us <= to->last_us)
		r->in_order = false;
	to->last_us = sample.t_us;
	if (sample.outcome == OUTCOME_UNSENT) {
		to->unsent++;
		return;
	}
	sample.lane = to->lane;
	error = latency_is_error(r->latency, &sample);
	to->errors += error;
	to->answered += sample_answered(&sample);
	if (sample_answered(&sample) && !error)
		to->failures.count = 0;
	else
		outages_add(&to->outages, &to->failures, sample.t_us);
}

static void
add_lane(struct latency_rows *r, const struct lane_count *from, int32_t name)
{
	struct group *to = latency_group(r->latency, from->lane, name);

	latency_enter(r->latency, to, r->vp);
	to->vp_samples += from->asked;
	to->asked += from->asked;
	to->answered += from->answered;
	to->unsent += from->unsent;
	to->errors += from->errors;
	to->outages.count += from->outages.count;
	to->outages.length_us += from->outages.length_us;
	if (from->outages.longest_us > to->outages.longest_us)
		to->outages.longest_us = from->outages.longest_us;
}

/* Where it is at one place, nothing is doubted and no row was taken. */
static bool
is_plain(const struct latency_rows *r, int32_t vp, int64_t since_us)
{
	const struct run *run = r->latency->run;

	return run->catalog.vps[vp].place_count <= 1 &&
	       !judge_doubts(&run->catalog, vp) &&
	       run_source_horizon(run->sampler.runs, vp) <= since_us;
}

bool
latency_rows_count(
    struct latency_rows *r, int32_t vp, const int64_t window_us[2], bool *any)
{
	struct latency *l = r->latency;
	int32_t name = -1;

	if (!is_plain(r, vp, window_us[0]) || !number_lanes(r, vp))
		return false;
	r->since_us = window_us[0];
	r->until_us = window_us[1];
	r->in_order = true;
	batch_rows_read(&r->rows,
	    &(struct batch_window){
		l->run->catalog.vps[vp].id, r->since_us, r->until_us },
	    &(struct query_function){ take_row, NULL, r });
	if (!r->in_order)
		return false;
	*any = false;
	for (size_t i = 0; i < r->count; i++) {
		if (r->counts[i].asked == 0)
			continue;
		if (!*any)
			name = latency_place(l, vp, r->since_us);
		*any = true;
		add_lane(r, &r->counts[i], name);
	}
	return true;
}
