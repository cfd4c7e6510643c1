/*
 * Of which site a cluster of changes is, and what happened to it: the site
 * that most came from or went to is taken out until nothing is left.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/events_private.h"
#include "analysis/memory.h"

#define CONVERGENCE_US (120LL * 1000000) /* between two of one event */

int
events_compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* How far the chain reaches to which a member belongs. Silence ends when it
 * ends. */
int64_t
events_reach_us(const struct member *m)
{
	return m->first_us + (m->silence == NULL ? CONVERGENCE_US : 0);
}

int32_t
events_from_site(const struct events *e, const struct member *m)
{
	return e->stays.items[m->stay - 1].site;
}

int32_t
events_to_site(const struct events *e, const struct member *m)
{
	return e->stays.items[m->stay].site;
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

void
events_set_times(struct event *event)
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

struct event *
events_add(struct events *e, struct member *members, size_t count)
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
		found += (left ? events_from_site(e, &m[i])
			       : events_to_site(e, &m[i])) == site;
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
			int32_t is = left ? events_from_site(e, &m[i])
					  : events_to_site(e, &m[i]);

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
	int order = events_compare(a->last_us, b->last_us);

	return order != 0 ? order : events_compare(a->lane, b->lane);
}

/* How many overlap in a chain, once those of other sites are out; they come
 * first. */
static size_t
chain(struct member *m, size_t count)
{
	int64_t reach_us;
	size_t n = 1;

	qsort(m, count, sizeof(*m), compare_times);
	reach_us = events_reach_us(&m[0]);
	while (n < count && m[n].last_us < reach_us) {
		if (events_reach_us(&m[n]) > reach_us)
			reach_us = events_reach_us(&m[n]);
		n++;
	}
	return n;
}

/* A way to take changes out of a cluster. */
struct cut {
	int32_t site;
	bool left;           /* those that left it, or came to it */
	size_t count, first; /* of the changes */
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
	events_set_times(&event);
	event.kind = kind_of(e, &event, cut->left);
	return event;
}

static int
compare_cuts(const void *left, const void *right)
{
	const struct cut *a = left, *b = right;
	int order;

	if ((order = events_compare(b->left, a->left)) != 0 ||
	    (order = events_compare(a->site, b->site)) != 0)
		return order;
	return events_compare((int64_t)a->first, (int64_t)b->first);
}

/* Every way to take changes out, once; room for twice as many as changes. How
 * many there are. */
static size_t
list_cuts(const struct events *e, const struct member *m, size_t count,
    struct cut *cuts)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		cuts[2 * i] = (struct cut){ .site = events_from_site(e, &m[i]),
			.left = true,
			.count = 1,
			.first = i };
		cuts[2 * i + 1] = (struct cut){
			.site = events_to_site(e, &m[i]), .count = 1, .first = i
		};
	}
	qsort(cuts, 2 * count, sizeof(*cuts), compare_cuts);
	for (size_t i = 0; i < 2 * count; i++) {
		if (n > 0 && cuts[n - 1].site == cuts[i].site &&
		    cuts[n - 1].left == cuts[i].left)
			cuts[n - 1].count++;
		else
			cuts[n++] = cuts[i];
	}
	return n;
}

/* Of two of as many changes: one that was lost, then one that was gained,
 * then one that was left, then the first. */
static bool
is_better(const struct cut *a, enum event_kind kind, const struct cut *b,
    enum event_kind best)
{
	if (kind != best)
		return kind < best;
	return a->left != b->left ? a->left : a->first < b->first;
}

/* The site that most came from or went to. */
static struct cut
largest_cut(struct events *e, struct member *m, size_t count)
{
	struct cut *cuts = memory_zeroed(2 * count, sizeof(*cuts));
	const size_t n = list_cuts(e, m, count, cuts);
	struct cut best = { .count = 0 };
	enum event_kind best_kind = EVENT_SHIFT;
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = cuts[i].count > most ? cuts[i].count : most;
	for (size_t i = 0; i < n; i++) {
		enum event_kind kind;

		if (cuts[i].count < most)
			continue;
		kind = try_cut(e, m, count, &cuts[i]).kind;
		if (best.count == 0 ||
		    is_better(&cuts[i], kind, &best, best_kind)) {
			best = cuts[i];
			best_kind = kind;
		}
	}
	free(cuts);
	return best;
}

static int
compare_sites(const void *left, const void *right)
{
	const int32_t *a = left, *b = right;

	return events_compare(*a, *b);
}

/* The sites at the other ends of a shift's changes, sorted: from where they
 * came, or whereto they left. The caller frees them. */
static int32_t *
other_ends(const struct events *e, const struct event *shift, bool left)
{
	int32_t *sites = memory_zeroed(shift->count, sizeof(*sites));

	for (size_t i = 0; i < shift->count; i++)
		sites[i] = left ? events_to_site(e, &shift->members[i])
				: events_from_site(e, &shift->members[i]);
	qsort(sites, shift->count, sizeof(*sites), compare_sites);
	return sites;
}

/* Whether a cut is a loss or a gain that no single vantage point vouches for:
 * one that is alone at a site empties it wherever it goes. */
static bool
is_whole(
    struct events *e, struct member *m, size_t count, const struct cut *cut)
{
	const struct event event = try_cut(e, m, count, cut);

	for (size_t i = 1; i < event.count; i++) {
		if (m[i].vp != m[0].vp)
			return event.kind != EVENT_SHIFT;
	}
	return false;
}

/* Several sites that are lost at one moment to one that others see look like
 * a shift to it, and several that are gained at one's expense like a shift
 * from it. Where such sites are behind most of a shift, the cut of the largest
 * of them; else that of the shift. */
static struct cut
behind_shift(struct events *e, struct member *m, size_t count, struct cut cut)
{
	const struct event shift = try_cut(e, m, count, &cut);
	struct cut best = cut;
	size_t most = 0, all = 0;
	int32_t *sites;

	if (shift.kind != EVENT_SHIFT)
		return cut;
	sites = other_ends(e, &shift, cut.left);
	for (size_t i = 0, end; i < shift.count; i = end) {
		struct cut one = { .site = sites[i], .left = !cut.left };

		for (end = i + 1; end < shift.count && sites[end] == sites[i];)
			end++;
		one.count = count_site(e, m, count, one.site, one.left);
		if (!is_whole(e, m, count, &one))
			continue;
		all += end - i;
		if (one.count > most) {
			most = one.count;
			best = one;
		}
	}
	free(sites);
	return 2 * all > shift.count ? best : cut;
}

void
events_split(struct events *e, struct member *m, size_t count)
{
	while (count > 0) {
		const struct cut largest = largest_cut(e, m, count);
		const struct cut cut = behind_shift(e, m, count, largest);
		const struct event event = try_cut(e, m, count, &cut);

		*events_add(e, m, event.count) = event;
		m += event.count;
		count -= event.count;
	}
}
