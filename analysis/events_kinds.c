/*
 * What happened to the site of a cut: whether others still saw it after the
 * last had left it, or before the first came.
 */
#include <stdlib.h>
#include "analysis/events_private.h"
#include "analysis/memory.h"

/* --- the stays of a site --- */

struct where {
	int32_t service, site;
};

static struct where
where_is(const struct events *e, size_t stay)
{
	const struct stay *s = &e->stays.items[stay];

	return (
	    struct where){ e->run->catalog.lanes[s->lane].service, s->site };
}

static int
compare_where(struct where a, struct where b)
{
	const int order = events_compare(a.service, b.service);

	return order != 0 ? order : events_compare(a.site, b.site);
}

static int
compare_stays(const void *left, const void *right, void *events)
{
	const size_t *a = left, *b = right;
	const int order =
	    compare_where(where_is(events, *a), where_is(events, *b));

	return order != 0 ? order : events_compare((int64_t)*a, (int64_t)*b);
}

void
events_sort_stays(struct events *e)
{
	e->by_site = memory_zeroed(e->stays.count, sizeof(*e->by_site));
	for (size_t i = 0; i < e->stays.count; i++)
		e->by_site[i] = i;
	if (e->stays.count > 1)
		qsort_r(e->by_site, e->stays.count, sizeof(*e->by_site),
		    compare_stays, e);
}

size_t
events_first_at_site(const struct events *e, const struct event *event)
{
	const struct where where = { event->service, event->site };
	size_t low = 0, high = e->stays.count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare_where(where_is(e, e->by_site[middle]), where) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct stay *
events_next_at_site(
    const struct events *e, const struct event *event, size_t *i)
{
	const struct where where = { event->service, event->site };

	if (*i >= e->stays.count ||
	    compare_where(where_is(e, e->by_site[*i]), where) != 0)
		return NULL;
	return &e->stays.items[e->by_site[(*i)++]];
}

/* --- who else saw it --- */

/* Whether the lane of a stay was elsewhere at a time after it began. */
static bool
moved(const struct events *e, const struct stay *s, int64_t t_us)
{
	return s + 1 < e->stays.items + e->stays.count &&
	       s[1].lane == s->lane && s[1].first_us <= t_us;
}

/* Whether somebody still saw the site: after the last had left it, or who did
 * not go elsewhere. */
static bool
seen_after(const struct events *e, const struct event *event)
{
	const struct stay *s;

	for (size_t i = events_first_at_site(e, event);
	     (s = events_next_at_site(e, event, &i)) != NULL;) {
		if (s->first_us <= event->end_us &&
		    !moved(e, s, event->end_us) &&
		    s->last_us >= event->start_us)
			return true;
	}
	return false;
}

static bool
seen_before(const struct events *e, const struct event *event)
{
	const struct stay *s;

	for (size_t i = events_first_at_site(e, event);
	     (s = events_next_at_site(e, event, &i)) != NULL;) {
		if (s->first_us <= event->start_after_us &&
		    s->last_us >= event->start_after_us)
			return true;
	}
	return false;
}

enum event_kind
events_kind(const struct events *e, const struct event *event, bool left)
{
	if (left)
		return seen_after(e, event) ? EVENT_SHIFT : EVENT_SITE_LOST;
	return seen_before(e, event) ? EVENT_SHIFT : EVENT_SITE_GAINED;
}

/* Whether all changes overlap one another: any of them do. */
static bool
is_one_moment(const struct event *event)
{
	int64_t last_us = INT64_MIN, reach_us = INT64_MAX;

	for (size_t i = 0; i < event->count; i++) {
		const struct member *m = &event->members[i];

		last_us = m->last_us > last_us ? m->last_us : last_us;
		if (events_reach_us(m) < reach_us)
			reach_us = events_reach_us(m);
	}
	return last_us < reach_us;
}

bool
events_is_firm(const struct events *e, const struct event *event, bool left)
{
	int64_t since_us = event->start_us;
	const struct stay *s;

	if (event->kind != EVENT_SHIFT || !is_one_moment(event))
		return false;
	for (size_t i = 0; !left && i < event->count; i++) {
		if (event->members[i].last_us < since_us)
			since_us = event->members[i].last_us;
	}
	for (size_t i = events_first_at_site(e, event);
	     (s = events_next_at_site(e, event, &i)) != NULL;) {
		if (s->first_us <= since_us && s->last_us >= event->end_us &&
		    !(left && moved(e, s, event->end_us)))
			return true;
	}
	return false;
}
