/*
 * How changes become events. Those of one service whose [last old, first new]
 * overlap, or nearly so, make a cluster: a route reaches one network a minute
 * or two after another. One that is known only across a long gap overlaps
 * nearly everything, and joins a cluster only if others there left the same
 * site or came to it.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/events_private.h"
#include "analysis/events_seen.h"
#include "analysis/memory.h"

#define FLAP_CHANGES 4  /* of one lane, */
#define FLAP_PATIENCE 4 /* none so much patience after the one before */
#define NO_CLUSTER SIZE_MAX
#define LEFT 1u
#define CAME 2u

int64_t
events_patience_us(struct events *e, int32_t vp)
{
	if (e->patience_us[vp] < 0)
		e->patience_us[vp] =
		    run_patience_us(e->run, vp, e->run->options->until_us);
	return e->patience_us[vp];
}

static struct member *
add_member(struct events *e, int32_t lane)
{
	const struct lane *l = &e->run->catalog.lanes[lane];
	struct member *m;

	if (e->member_count == e->member_room)
		e->members = memory_grow(
		    e->members, &e->member_room, sizeof(*e->members));
	m = &e->members[e->member_count++];
	*m = (struct member){ .service = l->service,
		.lane = lane,
		.vp = l->vp,
		.cluster = NO_CLUSTER };
	return m;
}

static void
add_change(struct events *e, size_t stay)
{
	const struct stay *new = &e->stays.items[stay];
	struct member *m = add_member(e, new->lane);

	m->stay = stay;
	m->last_us = new[-1].last_us;
	m->first_us = new->first_us;
	m->brief = m->first_us - m->last_us <= events_patience_us(e, m->vp);
}

static void
add_silence(struct events *e, const struct silence *s)
{
	struct member *m;

	/* Never anything else in the window: nothing happened in it. */
	if (s->before_us < 0 && s->after_us < 0)
		return;
	/* Another site answers: that is a change. */
	if (s->site_after >= 0 && s->site_before >= 0 &&
	    s->site_after != s->site_before)
		return;
	m = add_member(e, s->lane);
	m->silence = s;
	m->last_us = s->first_us;
	m->first_us = s->after_us >= 0 ? s->after_us : s->last_us;
	m->brief = true;
}

/* Silences behind changes, brief ones first, by beginning. */
static int
compare_members(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order;

	if ((order = events_compare(a->service, b->service)) != 0 ||
	    (order = events_compare(a->silence != NULL, b->silence != NULL)) !=
		0 ||
	    (order = events_compare(b->brief, a->brief)) != 0 ||
	    (order = events_compare(a->last_us, b->last_us)) != 0 ||
	    (order = events_compare(a->first_us, b->first_us)) != 0)
		return order;
	return events_compare(a->lane, b->lane);
}

static bool
same_kind(const struct member *a, const struct member *b)
{
	return a->service == b->service && a->brief == b->brief &&
	       (a->silence == NULL) == (b->silence == NULL);
}

/* Overlapping ones of a kind, in a chain. */
static void
number_clusters(struct events *e)
{
	int64_t reach_us = 0;
	size_t cluster = 0;

	for (size_t i = 0; i < e->member_count; i++) {
		struct member *m = &e->members[i];

		if (i == 0 || !same_kind(m - 1, m) || m->last_us >= reach_us) {
			cluster++;
			reach_us = events_reach_us(m);
		}
		if (events_reach_us(m) > reach_us)
			reach_us = events_reach_us(m);
		m->cluster = cluster;
	}
}

/* Whether two changes could have happened at one moment, and are of the same
 * sites. */
static bool
alike(const struct events *e, const struct member *a, const struct member *b,
    unsigned sides)
{
	return a->silence == NULL && b->silence == NULL &&
	       a->service == b->service && a->first_us > b->last_us &&
	       a->last_us < b->first_us &&
	       ((sides & LEFT) == 0 ||
		   events_from_site(e, a) == events_from_site(e, b)) &&
	       ((sides & CAME) == 0 ||
		   events_to_site(e, a) == events_to_site(e, b));
}

/* The cluster that has most brief changes like one; NO_CLUSTER: none. Count
 * all that are like it. */
static size_t
cluster_like(
    const struct events *e, const struct member *m, unsigned sides, size_t *all)
{
	size_t cluster = NO_CLUSTER, found = NO_CLUSTER, count = 0, most = 0;

	*all = 0;
	for (size_t i = 0; i < e->member_count; i++) {
		const struct member *n = &e->members[i];

		if (!alike(e, m, n, sides))
			continue;
		++*all;
		if (!n->brief)
			continue;
		count = n->cluster == cluster ? count + 1 : 1;
		cluster = n->cluster;
		if (count > most) {
			most = count;
			found = cluster;
		}
	}
	return found;
}

/* Put a change to brief ones of both of its sites, or else of that one which
 * explains more changes. */
static void
join(const struct events *e, struct member *m)
{
	size_t all, left_all, came_all;
	size_t cluster = cluster_like(e, m, LEFT | CAME, &all);

	if (cluster == NO_CLUSTER) {
		const size_t left = cluster_like(e, m, LEFT, &left_all);
		const size_t came = cluster_like(e, m, CAME, &came_all);

		cluster = left_all >= came_all ? left : came;
	}
	if (cluster != NO_CLUSTER)
		m->cluster = cluster;
}

/* A change across a gap belongs to brief ones like it within the gap. */
static void
join_long(struct events *e)
{
	for (size_t i = 0; i < e->member_count; i++) {
		if (!e->members[i].brief)
			join(e, &e->members[i]);
	}
}

static int
compare_clusters(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order = events_compare((int64_t)a->cluster, (int64_t)b->cluster);

	return order != 0 ? order : compare_members(left, right);
}

/* Silences of a cluster are one outage, of a site if all were there. */
static void
add_outage(struct events *e, struct member *m, size_t count)
{
	struct event *event = events_add(e, m, count);

	event->kind = EVENT_OUTAGE;
	event->site = m[0].silence->site_before;
	event->start_us = m[0].silence->first_us;
	event->start_after_us = INT64_MIN;
	event->end_us = event->end_after_us = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		const struct silence *s = m[i].silence;

		if (s->site_before != event->site)
			event->site = -1;
		if (s->before_us > event->start_after_us &&
		    s->before_us < event->start_us)
			event->start_after_us = s->before_us;
		if (m[i].first_us > event->end_us)
			event->end_us = m[i].first_us;
		if (s->last_us > event->end_after_us)
			event->end_after_us = s->last_us;
	}
	if (event->start_after_us < 0)
		event->start_after_us = event->start_us;
}

/* How many of the first members are changes of one lane, none longer after
 * the one before than a flapping one would be. */
static size_t
restless(const struct member *m, size_t count, struct events *e)
{
	int64_t pause_us = FLAP_PATIENCE * events_patience_us(e, m->vp);
	size_t n = 1;

	while (n < count && m[n].silence == NULL && m[n].lane == m->lane &&
	       m[n].first_us - m[n - 1].first_us <= pause_us)
		n++;
	return n;
}

static int
compare_flaps(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order;

	if ((order = events_compare(a->service, b->service)) != 0 ||
	    (order = events_compare(
		 (int64_t)a->cluster, (int64_t)b->cluster)) != 0 ||
	    (order = events_compare(a->last_us, b->last_us)) != 0)
		return order;
	return events_compare(a->lane, b->lane);
}

/* The site with which a lane flaps that changed n times in a row: that it
 * left first. With one change less, of which the answers were lost, that of
 * others that flap meanwhile; NO_CLUSTER: it does not. */
static size_t
flaps_with(const struct events *e, const struct member *m, size_t n,
    const struct member *flaps, size_t count)
{
	if (n >= FLAP_CHANGES)
		return (size_t)events_from_site(e, m);
	for (size_t i = 0; n + 1 == FLAP_CHANGES && i < count; i++) {
		const struct member *f = &flaps[i];

		if (f->service == m->service &&
		    f->last_us < m[n - 1].first_us &&
		    f->first_us > m->last_us &&
		    (f->cluster == (size_t)events_from_site(e, m) ||
			f->cluster == (size_t)events_to_site(e, m)))
			return f->cluster;
	}
	return NO_CLUSTER;
}

/* Move those that flap to others that do, and what does not to the front. */
static size_t
take_out(struct events *e, struct member *m, size_t count, struct member *flaps,
    size_t *flap_count)
{
	const size_t before = *flap_count;
	size_t rest = 0;

	for (size_t i = 0, n; i < count; i += n) {
		size_t home = NO_CLUSTER;

		n = m[i].silence == NULL ? restless(m + i, count - i, e) : 1;
		if (m[i].silence == NULL)
			home = flaps_with(e, m + i, n, flaps, before);
		if (home == NO_CLUSTER) {
			memmove(m + rest, m + i, n * sizeof(*m));
			rest += n;
			continue;
		}
		memcpy(flaps + *flap_count, m + i, n * sizeof(*m));
		for (size_t j = 0; j < n; j++)
			flaps[(*flap_count)++].cluster = home;
	}
	return rest;
}

/* Lanes that go to and fro are taken out while they do: they would chain
 * everything. Their cluster is the site that they first left. Members still
 * lie lane by lane. */
static size_t
take_flaps(struct events *e)
{
	struct member *found = memory_zeroed(e->member_count, sizeof(*found));
	size_t flaps = 0, rest;

	rest = take_out(e, e->members, e->member_count, found, &flaps);
	if (flaps > 0)
		rest = take_out(e, e->members, rest, found, &flaps);
	memmove(e->members + flaps, e->members, rest * sizeof(*found));
	memcpy(e->members, found, flaps * sizeof(*found));
	free(found);
	if (flaps > 1)
		qsort(e->members, flaps, sizeof(*e->members), compare_flaps);
	return flaps;
}

/* Those of one site that follow one another. */
static void
add_flaps(struct events *e, size_t count)
{
	for (size_t first = 0, end; first < count; first = end) {
		struct member *m = &e->members[first];
		int64_t reach_us = m->first_us;
		struct event *event;

		for (end = first + 1; end < count; end++) {
			const struct member *n = &e->members[end];

			if (n->cluster != m->cluster ||
			    n->service != m->service ||
			    n->last_us - reach_us >
				FLAP_PATIENCE * events_patience_us(e, n->vp))
				break;
			if (n->first_us > reach_us)
				reach_us = n->first_us;
		}
		event = events_add(e, m, end - first);
		event->kind = EVENT_FLAP;
		event->site = (int32_t)m->cluster;
		events_set_times(event);
	}
}

static int
compare_events(const void *left, const void *right)
{
	const struct event *a = left, *b = right;
	int order;

	if ((order = events_compare(a->start_us, b->start_us)) != 0 ||
	    (order = events_compare(a->service, b->service)) != 0 ||
	    (order = events_compare(a->kind, b->kind)) != 0)
		return order;
	if ((order = events_compare(a->members[0].lane, b->members[0].lane)) !=
	    0)
		return order;
	return events_compare(a->members[0].vp, b->members[0].vp);
}

static void
add_events(struct events *e, size_t from)
{
	for (size_t first = from, end; first < e->member_count; first = end) {
		struct member *m = &e->members[first];

		for (end = first + 1; end < e->member_count &&
				      e->members[end].cluster == m->cluster;
		     end++)
			continue;
		if (m->silence != NULL)
			add_outage(e, m, end - first);
		else
			events_split(e, m, end - first);
	}
}

/* Changes and silences become events. */
static void
cluster_members(struct events *e)
{
	const size_t flaps = take_flaps(e);
	struct events rest = *e;

	rest.members += flaps;
	rest.member_count -= flaps;
	if (rest.member_count > 1)
		qsort(rest.members, rest.member_count, sizeof(*rest.members),
		    compare_members);
	number_clusters(&rest);
	join_long(&rest);
	if (rest.member_count > 1)
		qsort(rest.members, rest.member_count, sizeof(*rest.members),
		    compare_clusters);
	add_flaps(e, flaps);
	add_events(e, flaps);
}

void
events_find(struct events *e, struct run *run)
{
	*e = (struct events){ .run = run };
	walk_init(&e->walk, run);
	stays_read(&e->stays, &e->walk);
	events_sort_stays(e);
	e->seen = events_seen_sort(e);
	e->patience_us =
	    memory_zeroed(run->catalog.vp_count, sizeof(*e->patience_us));
	for (size_t i = 0; i < run->catalog.vp_count; i++)
		e->patience_us[i] = -1;
	for (size_t i = 0; i < e->stays.count; i++) {
		if (stays_is_change(&e->stays, i, run->options->since_us))
			add_change(e, i);
	}
	for (size_t i = 0; i < e->stays.silence_count; i++)
		add_silence(e, &e->stays.silences[i]);
	events_find_moves(e);
	if (e->member_count > 0)
		cluster_members(e);
	events_add_moves(e);
	if (e->count > 1)
		qsort(e->items, e->count, sizeof(*e->items), compare_events);
}

void
events_clear(struct events *e)
{
	stays_clear(&e->stays);
	walk_clear(&e->walk);
	free(e->by_site);
	events_seen_free(e->seen);
	free(e->patience_us);
	free(e->members);
	free(e->items);
	kept_paths_clear(&e->paths);
	free(e->moves);
	free(e->move_members);
}
