/*
 * Modes: whether the catchment after an event was there before (FIELD.md F7).
 */
#include "analysis/events_beside.h"
#include "analysis/events_seen.h"

#define SAME_MODE 0.9 /* similarity of known vantage points */
#define MODES_BACK 100

/* The share of lanes that are at the same site at two times, one after the
 * other, of those that are anywhere at both (F7, known only); 0 where these
 * are less than half of those of the second. */
static double
similarity(const struct events *e, int32_t service, int64_t a_us, int64_t b_us)
{
	const size_t known = events_seen_lanes(e, service, b_us);
	const size_t both = events_seen_lanes(e, service, a_us);

	if (2 * both < known || both == 0)
		return 0;
	return (double)(both - events_seen_elsewhere(e, service, a_us, b_us)) /
	       (double)both;
}

/* The first sight of any site in the window. */
static int64_t
first_sight_us(const struct events *e, int32_t service)
{
	int64_t first_us = INT64_MAX;

	for (size_t i = 0; i < e->stays.count; i++) {
		const struct stay *s = &e->stays.items[i];

		if (e->run->catalog.lanes[s->lane].service == service &&
		    s->first_us < first_us)
			first_us = s->first_us;
	}
	return first_us > e->run->options->since_us ? first_us
						    : e->run->options->since_us;
}

/* Nobody is elsewhere after an outage, or on another path. */
static bool
moves(const struct event *event)
{
	return event->kind != EVENT_OUTAGE && event->kind != EVENT_PATH_ONLY;
}

/* The event of the same service before this one that moved somebody, and so
 * began a mode; NULL: none. */
static const struct event *
event_before(const struct events *e, const struct event *event)
{
	for (const struct event *old = event; old > e->items;) {
		old--;
		if (old->service == event->service && moves(old))
			return old;
	}
	return NULL;
}

int64_t
events_mode_before(const struct events *e, const struct event *event)
{
	const int64_t before_us = event->start_us - 1; /* all are there still */
	size_t looked = 0;

	if (!moves(event) || event->kind == EVENT_FLAP ||
	    similarity(e, event->service, before_us, event->end_us) >=
		SAME_MODE)
		return -1;
	for (const struct event *next = event, *old; looked < MODES_BACK;
	     looked++, next = old) {
		/* Before the first event, what was there when it began. */
		old = event_before(e, next);
		int64_t mode_us =
		    old != NULL ? old->end_us : next->start_us - 1;

		if (mode_us < before_us &&
		    similarity(e, event->service, mode_us, event->end_us) >=
			SAME_MODE)
			return old != NULL ? mode_us
					   : first_sight_us(e, event->service);
		if (old == NULL)
			return -1;
	}
	return -1;
}
