/*
 * What the files that find events share: events_find.c (which changes belong
 * together), events_cut.c (of which site they are), events_kinds.c (what
 * happened to it), events_paths.c (paths).
 */
#ifndef ANALYSIS_EVENTS_PRIVATE_H
#define ANALYSIS_EVENTS_PRIVATE_H

#include "analysis/events.h"

int events_compare(int64_t, int64_t);

/* Where a change came from and went to. */
int32_t events_from_site(const struct events *, const struct member *);
int32_t events_to_site(const struct events *, const struct member *);

/* How far the chain reaches to which a member belongs. */
int64_t events_reach_us(const struct member *);

struct event *events_add(struct events *, struct member *, size_t count);
void events_set_times(struct event *);

/* Put the stays in order by site, once they are read. */
void events_sort_stays(struct events *);

/* Those of the site of an event, in the order of the stays: where they begin
 * in by_site, and the one at *i, which is then that of the next; NULL: none. */
size_t events_first_at_site(const struct events *, const struct event *);
const struct stay *events_next_at_site(
    const struct events *, const struct event *, size_t *i);

/* What changes are that left the site of an event, or came to it. */
enum event_kind events_kind(
    const struct events *, const struct event *, bool left);

/* Whether any of the changes of an event would be a shift by themselves, and
 * in one chain: all happened at one moment, and somebody else saw the site
 * from before the first until behind the last. */
bool events_is_firm(const struct events *, const struct event *, bool left);

/* Changes of one cluster become events. */
void events_split(struct events *, struct member *, size_t count);

/* Read the paths, and find where they changed while sites did not; then make
 * events of that. */
void events_find_moves(struct events *);
void events_add_moves(struct events *);

#endif
