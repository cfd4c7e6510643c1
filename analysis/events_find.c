/*
 * How changes become events. Those of one service whose [last old, first new]
 * overlap, or nearly so, make a cluster: a route reaches one network a minute
 * or two after another. One that is known only across a long gap overlaps
 * nearly everything, and joins a cluster only if that has the same change.
 * From a cluster the site that most came from or went to is taken out until
 * nothing is left.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/events.h"
#include "analysis/memory.h"

#define FLAP_CHANGES 4  /* of one lane, */
#define FLAP_PATIENCE 4 /* none so much patience after the one before */
#define NO_CLUSTER SIZE_MAX
#define CONVERGENCE_US (120LL * 1000000) /* between two of one event */

int64_t
events_patience_us(struct events *e, int32_t vp)
{
	if (e->patience_us[vp] < 0)
		e->patience_us[vp] = walk_patience_us(&e->walk, vp);
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

static int
compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Silences behind changes, brief ones first, by beginning. */
static int
compare_members(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order;

	if ((order = compare_int(a->service, b->service)) != 0 ||
	    (order = compare_int(a->silence != NULL, b->silence != NULL)) !=
		0 ||
	    (order = compare_int(b->brief, a->brief)) != 0 ||
	    (order = compare_int(a->last_us, b->last_us)) != 0 ||
	    (order = compare_int(a->first_us, b->first_us)) != 0)
		return order;
	return compare_int(a->lane, b->lane);
}

static bool
same_kind(const struct member *a, const struct member *b)
{
	return a->service == b->service && a->brief == b->brief &&
	       (a->silence == NULL) == (b->silence == NULL);
}

/* How far the chain reaches to which a member belongs. Silence ends when it
 * ends. */
static int64_t
reach_of(const struct member *m)
{
	return m->first_us + (m->silence == NULL ? CONVERGENCE_US : 0);
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
			reach_us = reach_of(m);
		}
		if (reach_of(m) > reach_us)
			reach_us = reach_of(m);
		m->cluster = cluster;
	}
}

static int32_t
from_site(const struct events *e, const struct member *m)
{
	return e->stays.items[m->stay - 1].site;
}

static int32_t
to_site(const struct events *e, const struct member *m)
{
	return e->stays.items[m->stay].site;
}

/* A change across a gap belongs to a brief one of the same kind within it. */
static void
join_long(struct events *e)
{
	for (size_t i = 0; i < e->member_count; i++) {
		struct member *m = &e->members[i];

		if (m->brief)
			continue;
		for (size_t j = 0; j < e->member_count; j++) {
			const struct member *n = &e->members[j];

			if (n->brief && n->silence == NULL &&
			    n->service == m->service &&
			    n->first_us > m->last_us &&
			    n->last_us < m->first_us &&
			    from_site(e, n) == from_site(e, m) &&
			    to_site(e, n) == to_site(e, m)) {
				m->cluster = n->cluster;
				break;
			}
		}
	}
}

static int
compare_clusters(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order = compare_int((int64_t)a->cluster, (int64_t)b->cluster);

	return order != 0 ? order : compare_members(left, right);
}

int64_t
events_stay_at(const struct events *e, size_t stay, int64_t t_us)
{
	const struct stay *items = e->stays.items;
	int32_t lane = items[stay].lane;

	while (stay + 1 < e->stays.count && items[stay + 1].lane == lane &&
	       items[stay + 1].first_us <= t_us)
		stay++;
	while (items[stay].first_us > t_us) {
		if (stay == 0 || items[stay - 1].lane != lane)
			return -1;
		stay--;
	}
	return (int64_t)stay;
}

/* Whether a stay is at the site of an event. */
static bool
at_site(const struct events *e, const struct event *event, size_t i)
{
	const struct stay *s = &e->stays.items[i];

	return s->site == event->site &&
	       e->run->catalog.lanes[s->lane].service == event->service;
}

/* Whether somebody still saw the site: after the last had left it, or who did
 * not go elsewhere. */
static bool
seen_after(const struct events *e, const struct event *event)
{
	for (size_t i = 0; i < e->stays.count; i++) {
		const struct stay *s = &e->stays.items[i];
		bool moved = i + 1 < e->stays.count && s[1].lane == s->lane &&
			     s[1].first_us <= event->end_us;

		if (at_site(e, event, i) && s->first_us <= event->end_us &&
		    !moved && s->last_us >= event->start_us)
			return true;
	}
	return false;
}

static bool
seen_before(const struct events *e, const struct event *event)
{
	for (size_t i = 0; i < e->stays.count; i++) {
		const struct stay *s = &e->stays.items[i];

		if (at_site(e, event, i) &&
		    s->first_us <= event->start_after_us &&
		    s->last_us >= event->start_after_us)
			return true;
	}
	return false;
}

static enum event_kind
kind_of(const struct events *e, const struct event *event, bool left)
{
	if (left)
		return seen_after(e, event) ? EVENT_SHIFT : EVENT_SITE_LOST;
	return seen_before(e, event) ? EVENT_SHIFT : EVENT_SITE_GAINED;
}

static void
set_times(struct event *event)
{
	const struct member *m = event->members;

	event->start_us = m->first_us;
	event->end_us = m->first_us;
	for (size_t i = 0; i < event->count; i++) {
		if (m[i].first_us < event->start_us)
			event->start_us = m[i].first_us;
		if (m[i].first_us > event->end_us)
			event->end_us = m[i].first_us;
	}
	event->start_after_us = event->end_after_us = INT64_MIN;
	for (size_t i = 0; i < event->count; i++) {
		/* The last who still saw the old one when the first saw the
		 * new one. */
		if (m[i].last_us < event->start_us &&
		    m[i].last_us > event->start_after_us)
			event->start_after_us = m[i].last_us;
		if (m[i].last_us > event->end_after_us)
			event->end_after_us = m[i].last_us;
	}
	if (event->start_after_us == INT64_MIN) /* of a foreign database */
		event->start_after_us = event->start_us;
}

static struct event *
add_event(struct events *e, struct member *members, size_t count)
{
	struct event *event;

	if (e->count == e->room)
		e->items = memory_grow(e->items, &e->room, sizeof(*e->items));
	event = &e->items[e->count++];
	*event = (struct event){ .service = members[0].service,
		.site = -1,
		.members = members,
		.count = count };
	return event;
}

/* How many of the members left a site, or came to it. */
static size_t
count_site(const struct events *e, const struct member *m, size_t count,
    int32_t site, bool left)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found +=
		    (left ? from_site(e, &m[i]) : to_site(e, &m[i])) == site;
	return found;
}

/* Move those of a site to the front, in their order. */
static void
gather(const struct events *e, struct member *m, size_t count, int32_t site,
    bool left)
{
	struct member *copy = memory_zeroed(count, sizeof(*copy));
	size_t n = 0;

	for (int rest = 0; rest < 2; rest++) {
		for (size_t i = 0; i < count; i++) {
			int32_t is =
			    left ? from_site(e, &m[i]) : to_site(e, &m[i]);

			if ((is == site) != rest)
				copy[n++] = m[i];
		}
	}
	memcpy(m, copy, count * sizeof(*copy));
	free(copy);
}

static int
compare_times(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order = compare_int(a->last_us, b->last_us);

	return order != 0 ? order : compare_int(a->lane, b->lane);
}

/* How many overlap in a chain, once those of other sites are out; they come
 * first. */
static size_t
chain(struct member *m, size_t count)
{
	int64_t reach_us;
	size_t n = 1;

	qsort(m, count, sizeof(*m), compare_times);
	reach_us = reach_of(&m[0]);
	while (n < count && m[n].last_us < reach_us) {
		if (reach_of(&m[n]) > reach_us)
			reach_us = reach_of(&m[n]);
		n++;
	}
	return n;
}

/* A way to take changes out of a cluster. */
struct cut {
	int32_t site;
	bool left; /* those that left it, or came to it */
	size_t count;
};

/* Put the changes of a cut first and describe them. */
static struct event
try_cut(struct events *e, struct member *m, size_t count, const struct cut *cut)
{
	struct event event = {
		.service = m[0].service, .site = cut->site, .members = m
	};

	gather(e, m, count, cut->site, cut->left);
	event.count = chain(m, cut->count);
	set_times(&event);
	event.kind = kind_of(e, &event, cut->left);
	return event;
}

/* The site that most came from or went to; of as many, one that was lost,
 * then one that was gained. */
static struct event
largest_cut(struct events *e, struct member *m, size_t count)
{
	struct member *order = memory_zeroed(count, sizeof(*order));
	struct cut best = { .count = 0 };
	enum event_kind best_kind = EVENT_SHIFT;

	memcpy(order, m, count * sizeof(*order));
	for (size_t i = 0; i < 2 * count; i++) {
		struct cut cut = { .left = i < count };
		enum event_kind kind;

		cut.site = cut.left ? from_site(e, &order[i])
				    : to_site(e, &order[i - count]);
		cut.count = count_site(e, m, count, cut.site, cut.left);
		if (cut.count < best.count ||
		    (best.count > 0 && cut.site == best.site &&
			cut.left == best.left))
			continue;
		kind = try_cut(e, m, count, &cut).kind;
		if (cut.count > best.count || kind < best_kind) {
			best = cut;
			best_kind = kind;
		}
	}
	free(order);
	return try_cut(e, m, count, &best);
}

static void
split_cluster(struct events *e, struct member *m, size_t count)
{
	while (count > 0) {
		const struct event event = largest_cut(e, m, count);

		*add_event(e, m, event.count) = event;
		m += event.count;
		count -= event.count;
	}
}

/* Silences of a cluster are one outage, of a site if all were there. */
static void
add_outage(struct events *e, struct member *m, size_t count)
{
	struct event *event = add_event(e, m, count);

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

/* How many of the members from i on are changes of one lane, none longer
 * after the one before than a flapping one would be. */
static size_t
restless(struct events *e, size_t i)
{
	const struct member *m = &e->members[i];
	int64_t pause_us = FLAP_PATIENCE * events_patience_us(e, m->vp);
	size_t n = 1;

	while (i + n < e->member_count && m[n].silence == NULL &&
	       m[n].lane == m->lane &&
	       m[n].first_us - m[n - 1].first_us <= pause_us)
		n++;
	return n;
}

static int
compare_flaps(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order;

	if ((order = compare_int(a->service, b->service)) != 0 ||
	    (order = compare_int((int64_t)a->cluster, (int64_t)b->cluster)) !=
		0 ||
	    (order = compare_int(a->last_us, b->last_us)) != 0)
		return order;
	return compare_int(a->lane, b->lane);
}

/* Lanes that go to and fro are taken out while they do: they would chain
 * everything. Their cluster is the site that they first left. Members still
 * lie lane by lane. */
static size_t
take_flaps(struct events *e)
{
	struct member *kept = memory_zeroed(e->member_count, sizeof(*kept));
	size_t flaps = 0, rest = 0;

	for (size_t i = 0, n; i < e->member_count; i += n) {
		const struct member *m = &e->members[i];
		size_t home;

		n = m->silence == NULL ? restless(e, i) : 1;
		if (n < FLAP_CHANGES) {
			memcpy(kept + rest, m, n * sizeof(*kept));
			rest += n;
			continue;
		}
		home = (size_t)from_site(e, m);
		memmove(e->members + flaps, m, n * sizeof(*kept));
		for (size_t j = 0; j < n; j++)
			e->members[flaps++].cluster = home;
	}
	memcpy(e->members + flaps, kept, rest * sizeof(*kept));
	free(kept);
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
		event = add_event(e, m, end - first);
		event->kind = EVENT_FLAP;
		event->site = (int32_t)m->cluster;
		set_times(event);
	}
}

static int
compare_events(const void *left, const void *right)
{
	const struct event *a = left, *b = right;
	int order;

	if ((order = compare_int(a->start_us, b->start_us)) != 0 ||
	    (order = compare_int(a->service, b->service)) != 0 ||
	    (order = compare_int(a->kind, b->kind)) != 0)
		return order;
	return compare_int(a->members[0].lane, b->members[0].lane);
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
			split_cluster(e, m, end - first);
	}
}

void
events_find(struct events *e, struct run *run)
{
	struct events rest;
	size_t flaps;

	*e = (struct events){ .run = run };
	walk_init(&e->walk, run);
	stays_read(&e->stays, &e->walk);
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
	if (e->member_count == 0)
		return;
	flaps = take_flaps(e);
	rest = *e;
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
	if (e->count > 1)
		qsort(e->items, e->count, sizeof(*e->items), compare_events);
}

void
events_clear(struct events *e)
{
	stays_clear(&e->stays);
	walk_clear(&e->walk);
	free(e->patience_us);
	free(e->members);
	free(e->items);
}
