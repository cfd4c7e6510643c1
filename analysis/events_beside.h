/*
 * What stands beside an event: whether those who moved went to a name that is
 * none of the service's, where the paths around it part, and the operator's
 * notes of that time.
 */
#ifndef ANALYSIS_EVENTS_BESIDE_H
#define ANALYSIS_EVENTS_BESIDE_H

#include "analysis/events.h"
#include "analysis/tallies.h"

/* "64502 > 64503 46, same 2": the networks, or hops where none is known, at
 * which the vantage points' paths before and after it part, and how many;
 * same: the path did not change. The number of vantage points whose paths are
 * known on both sides. */
size_t events_partings(struct list *, struct events *, const struct event *);

/* How many vantage points went to a name that no line of the site map means;
 * -1 where the map declares no names of the target, or nobody went. */
int64_t events_not_ours(const struct events *, const struct event *);

struct notes {
	struct note_line {
		int64_t t_us;
		char *target, *site, *text; /* target, site: "" of all */
	} * items;
	size_t count, room;
};

void notes_read(struct notes *, struct query *);
void notes_clear(struct notes *);

/* "2026-11-21T12:00:00Z drained; ...": those that belong to an event, from
 * half an hour before it until half an hour after its end. */
void notes_list(struct list *, const struct notes *, const struct events *,
    const struct event *);

/* When the catchment after an event was there before, though not right before
 * it: the time since then; -1: it was not. */
int64_t events_mode_before(const struct events *, const struct event *);

#endif
