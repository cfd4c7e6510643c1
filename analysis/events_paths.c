/*
 * Events of paths: another path to the same site. A trace may come once an
 * hour, so that such a change is known between two far times; those of one
 * service that part at the same networks are as few events as explain them
 * all, each of changes that have a moment in common.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/events_private.h"
#include "analysis/memory.h"

#define LOOK_BACK_US (24LL * 3600 * 1000000) /* for the path before */
#define RESTLESS 4 /* of these, and one in so many traces: a balancer */

/* Whether the site changed between two times, or it was silent: that is
 * another event. */
static bool
site_changed(const struct events *e, const struct kept_lane *lane,
    int64_t from_us, int64_t to_us)
{
	for (size_t i = 0; i < e->member_count; i++) {
		const struct member *m = &e->members[i];

		if (m->vp == lane->vp && m->service == lane->service &&
		    m->last_us <= to_us && m->first_us >= from_us)
			return true;
	}
	return false;
}

/* The site of a vantage point at a time, where it was said to a question of
 * the same flow, or to another one. */
static int32_t
site_at(const struct events *e, const struct kept_lane *lane, int64_t t_us)
{
	const struct lane *lanes = e->run->catalog.lanes;
	int32_t site = -1;

	for (size_t i = 0; i < e->stays.count; i++) {
		const struct stay *s = &e->stays.items[i];

		if (lanes[s->lane].vp != lane->vp ||
		    lanes[s->lane].service != lane->service ||
		    s->first_us > t_us)
			continue;
		if (site >= 0 && lanes[s->lane].flow != lane->flow && i > 0 &&
		    s[-1].lane != s->lane)
			break;
		site = s->site;
	}
	return site;
}

/* What trace i of a lane tells: another path than the one before it, to the
 * same site. */
static bool
is_move(struct events *e, const struct kept_lane *lane, size_t i)
{
	const struct trace *old = &lane->traces[i - 1];
	const struct trace *new = &lane->traces[i];
	int32_t old_site, new_site;

	if (old->number == new->number ||
	    site_changed(e, lane, old->t_us, new->t_us))
		return false;
	old_site = kept_paths_site(&e->paths, lane, i - 1);
	new_site = kept_paths_site(&e->paths, lane, i);
	return old_site < 0 || new_site < 0 || old_site == new_site;
}

static void
add_move(struct events *e, const struct kept_lane *lane, size_t i)
{
	const struct trace *old = &lane->traces[i - 1];
	const struct trace *new = &lane->traces[i];
	int32_t site = kept_paths_site(&e->paths, lane, i);

	if (e->move_count == e->move_room)
		e->moves =
		    memory_grow(e->moves, &e->move_room, sizeof(*e->moves));
	e->moves[e->move_count++] = (struct move){
		.traced = lane,
		.trace = i,
		.site = site >= 0 ? site : site_at(e, lane, new->t_us),
		.parting = path_part(
		    &lane->paths[old->number], &lane->paths[new->number]),
	};
}

static void
find_in_lane(struct events *e, const struct kept_lane *lane)
{
	const size_t before = e->move_count;
	size_t moves = 0;

	for (size_t i = 1; i < lane->trace_count; i++) {
		if (!is_move(e, lane, i))
			continue;
		moves++;
		if (lane->traces[i].t_us >= e->run->options->since_us)
			add_move(e, lane, i);
	}
	if (moves >= RESTLESS && moves * RESTLESS >= lane->trace_count)
		e->move_count = before;
}

void
events_find_moves(struct events *e)
{
	kept_paths_read(
	    &e->paths, e->run, e->run->options->since_us - LOOK_BACK_US);
	for (size_t i = 0; i < e->paths.count; i++)
		find_in_lane(e, &e->paths.lanes[i]);
}

static int
compare_moves(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	const struct parting *x = &a->move->parting, *y = &b->move->parting;
	int order;

	if ((order = events_compare(a->service, b->service)) != 0 ||
	    (order = events_compare(x->from_asn, y->from_asn)) != 0 ||
	    (order = events_compare(x->to_asn, y->to_asn)) != 0 ||
	    (order = events_compare(a->first_us, b->first_us)) != 0 ||
	    (order = events_compare(a->last_us, b->last_us)) != 0 ||
	    (order = events_compare(a->vp, b->vp)) != 0)
		return order;
	return events_compare(a->move->traced->flow, b->move->traced->flow);
}

static bool
same_parting(const struct member *a, const struct member *b)
{
	const struct parting *x = &a->move->parting, *y = &b->move->parting;

	return a->service == b->service && x->from_asn == y->from_asn &&
	       x->to_asn == y->to_asn;
}

/* Members from m on that have a moment in common with it, which ends first:
 * they are put behind it. */
static size_t
stab(struct member *m, size_t count)
{
	size_t n = 1;

	for (size_t i = 1; i < count; i++) {
		struct member held = m[i];

		if (held.last_us >= m->first_us)
			continue;
		memmove(&m[n + 1], &m[n], (i - n) * sizeof(*m));
		m[n++] = held;
	}
	return n;
}

static void
add_move_event(struct events *e, struct member *m, size_t count)
{
	struct event *event = events_add(e, m, count);

	event->kind = EVENT_PATH_ONLY;
	event->site = m->move->site;
	for (size_t i = 1; i < count; i++) {
		if (m[i].move->site != event->site)
			event->site = -1;
	}
	events_set_times(event);
}

void
events_add_moves(struct events *e)
{
	struct member *members = memory_zeroed(e->move_count, sizeof(*members));
	size_t n;

	e->move_members = members;
	for (size_t i = 0; i < e->move_count; i++) {
		const struct kept_lane *lane = e->moves[i].traced;

		members[i] = (struct member){ .service = lane->service,
			.vp = lane->vp,
			.lane = -1,
			.move = &e->moves[i],
			.last_us = lane->traces[e->moves[i].trace - 1].t_us,
			.first_us = lane->traces[e->moves[i].trace].t_us };
	}
	if (e->move_count > 1)
		qsort(members, e->move_count, sizeof(*members), compare_moves);
	for (size_t first = 0, end; first < e->move_count; first += n) {
		for (end = first + 1;
		     end < e->move_count &&
		     same_parting(&members[first], &members[end]);
		     end++)
			continue;
		n = stab(members + first, end - first);
		add_move_event(e, members + first, n);
	}
}
