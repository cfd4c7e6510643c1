#include "analysis/events_beside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/events_private.h"
#include "analysis/memory.h"
#include "lib/text.h"
#include "lib/times.h"

#define BESIDE_US (30LL * 60 * 1000000) /* a note is about this far off */
#define PARTING_TEXT 128

/* --- partings --- */

/* A trace in [from, to), the newest or the oldest, that says it ended at a
 * site, or says nothing within [sure_from, sure_to]. */
struct wanted {
	int64_t from_us, to_us, sure_from_us, sure_to_us;
	int32_t site;
	bool newest;
};

static int64_t
find_trace(
    struct events *e, const struct kept_lane *lane, const struct wanted *wanted)
{
	int64_t found = -1;

	for (size_t i = 0; i < lane->trace_count; i++) {
		const int64_t t_us = lane->traces[i].t_us;
		int32_t site;

		if (t_us < wanted->from_us || t_us >= wanted->to_us)
			continue;
		site = kept_paths_site(&e->paths, lane, i);
		if (site >= 0 ? site != wanted->site
			      : t_us < wanted->sure_from_us ||
				    t_us > wanted->sure_to_us)
			continue;
		found = (int64_t)i;
		if (!wanted->newest)
			break;
	}
	return found;
}

/* A trace (-1: there is none) that says it ended at a site; or -1. */
static int64_t
trace_beside(
    struct events *e, const struct kept_lane *lane, int64_t trace, int32_t site)
{
	if (trace < 0 ||
	    kept_paths_site(&e->paths, lane, (size_t)trace) != site)
		return -1;
	return trace;
}

/* The parting of a change; false where a path around it is not known. */
static bool
part_change(struct events *e, const struct member *m, struct parting *parting)
{
	const struct stay *new = &e->stays.items[m->stay];
	const bool less = m->stay > 1 && new[-2].lane == new->lane;
	const bool more =
	    m->stay + 1 < e->stays.count && new[1].lane == new->lane;
	const int flow = e->run->catalog.lanes[m->lane].flow;
	const struct kept_lane *lane =
	    kept_paths_find(&e->paths, m->vp, m->service, flow);
	int64_t before, after;

	if (lane == NULL)
		return false;
	if (lane->flow != flow) {
		/* It was there, too: its last one before and its first one
		 * after end where this flow did. */
		before = trace_beside(e, lane,
		    kept_lane_before(lane, m->last_us + 1), new[-1].site);
		after = trace_beside(
		    e, lane, kept_lane_from(lane, m->first_us), new->site);
	} else {
		/* A round may trace before it asks. */
		before = find_trace(e, lane,
		    &(struct wanted){ less ? new[-2].last_us : INT64_MIN,
			m->first_us, new[-1].first_us, m->last_us, new[-1].site,
			true });
		after = find_trace(e, lane,
		    &(struct wanted){ m->last_us,
			more ? new[1].first_us : INT64_MAX, m->first_us,
			INT64_MAX, new->site, false });
	}
	if (before < 0 || after < 0)
		return false;
	*parting = path_part(&lane->paths[lane->traces[before].number],
	    &lane->paths[lane->traces[after].number]);
	return true;
}

static void
print_asn(char *text, size_t size, int64_t asn)
{
	(void)text_copy(text, size, "*");
	if (asn >= 0)
		(void)text_print(text, size, "%" PRId64, asn);
}

/* What is not of the public network stays there. */
static void
print_hop(char *text, size_t size, const struct hop *hop)
{
	char addr[ADDR_TEXT];

	(void)text_copy(text, size,
	    hop == NULL                        ? "end"
	    : addr_special(&hop->addr) != NULL ? "*"
					       : addr_format(addr, &hop->addr));
}

static void
print_parting(char text[PARTING_TEXT], const struct parting *p)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];

	(void)text_copy(text, PARTING_TEXT, "same");
	if (p->distance == 0)
		return;
	if (p->from_asn >= 0 || p->to_asn >= 0) {
		print_asn(from, sizeof(from), p->from_asn);
		print_asn(to, sizeof(to), p->to_asn);
	} else {
		print_hop(from, sizeof(from), p->from);
		print_hop(to, sizeof(to), p->to);
	}
	(void)text_print(text, PARTING_TEXT, "%s > %s", from, to);
}

struct partings {
	struct events *events;
	bool *known; /* by member: it is counted */
	struct tallies tallies;
	struct names texts;
	size_t count;
};

/* Whether another member of the same vantage point is counted: a path is
 * traced on one flow of several. */
static bool
known_already(const struct partings *p, const struct event *event, size_t i)
{
	for (size_t j = 0; j < event->count; j++) {
		if (p->known[j] && event->members[j].vp == event->members[i].vp)
			return true;
	}
	return false;
}

static bool
part(struct events *e, const struct member *m, struct parting *parting)
{
	if (m->silence != NULL)
		return false;
	if (m->move == NULL)
		return part_change(e, m, parting);
	*parting = m->move->parting;
	return true;
}

/* Whether the paths of the flow itself are traced, and not only another's. */
static bool
is_traced(const struct events *e, const struct member *m)
{
	const int flow = m->lane < 0 ? -1 : e->run->catalog.lanes[m->lane].flow;
	const struct kept_lane *lane;

	if (m->move != NULL)
		return true;
	lane = kept_paths_find(&e->paths, m->vp, m->service, flow);
	return lane != NULL && lane->flow == flow;
}

/* Partings of vantage points of which none is known yet. */
static void
add_partings(struct partings *p, const struct event *event, bool traced)
{
	for (size_t i = 0; i < event->count; i++) {
		char text[PARTING_TEXT];
		struct parting parting;

		if (is_traced(p->events, &event->members[i]) != traced ||
		    known_already(p, event, i) ||
		    !part(p->events, &event->members[i], &parting))
			continue;
		p->known[i] = true;
		print_parting(text, &parting);
		tallies_add(&p->tallies, names_put(&p->texts, text));
		p->count++;
	}
}

size_t
events_partings(struct list *list, struct events *e, const struct event *event)
{
	struct partings partings = { .events = e,
		.known = memory_zeroed(event->count, sizeof(bool)) };

	add_partings(&partings, event, true);
	add_partings(&partings, event, false);
	tallies_list(list, &partings.tallies, &partings.texts);
	free(partings.tallies.items);
	names_clear(&partings.texts);
	free(partings.known);
	return partings.count;
}

/* --- names --- */

static bool
is_not_ours(const struct events *e, const struct member *m)
{
	const struct catalog *c = &e->run->catalog;
	const struct service *service = &c->services[m->service];
	const struct site_name name = {
		.service = names_text(&c->names, service->target),
		.instance =
		    names_text(&c->names, e->stays.items[m->stay].from_label),
		.time_us = c->map_us,
	};
	struct site site;

	return !site_map_find_at(c->map, &name, &site);
}

int64_t
events_not_ours(const struct events *e, const struct event *event)
{
	const struct catalog *c = &e->run->catalog;
	const struct service *service = &c->services[event->service];
	int64_t count = 0;

	if (c->map == NULL || event->members->silence != NULL ||
	    event->members->move != NULL ||
	    !site_map_declares(c->map, names_text(&c->names, service->target)))
		return -1;
	for (size_t i = 0; i < event->count; i++) {
		if (is_not_ours(e, &event->members[i])) {
			bool again = false;

			for (size_t j = 0; j < i; j++)
				again |= event->members[j].vp ==
					     event->members[i].vp &&
					 is_not_ours(e, &event->members[j]);
			count += !again;
		}
	}
	return count;
}

/* --- notes --- */

/* A store of version 1 does not say what a note is about. */
static struct query_rows *
prepare_notes(struct query *q)
{
	struct query_rows *rows = query_prepare(
	    q, "SELECT 1 FROM pragma_table_info('note') WHERE name = 'target'");
	const bool there = query_next(rows);

	query_finish(rows);
	return query_prepare(
	    q, there ? "SELECT t, target, site, text FROM note ORDER BY t, text"
		     : "SELECT t, '', '', text FROM note ORDER BY t, text");
}

void
notes_read(struct notes *n, struct query *q)
{
	struct query_rows *rows = prepare_notes(q);

	*n = (struct notes){ 0 };
	while (query_next(rows)) {
		if (n->count == n->room)
			n->items =
			    memory_grow(n->items, &n->room, sizeof(*n->items));
		n->items[n->count++] = (struct note_line){
			.t_us = query_int(rows, 0),
			.target = memory_copy(query_text(rows, 1)),
			.site = memory_copy(query_text(rows, 2)),
			.text = memory_copy(query_text(rows, 3)),
		};
	}
	query_finish(rows);
}

void
notes_clear(struct notes *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->items[i].target);
		free(n->items[i].site);
		free(n->items[i].text);
	}
	free(n->items);
	*n = (struct notes){ 0 };
}

static bool
belongs(const struct note_line *note, const struct events *e,
    const struct event *event)
{
	const struct catalog *c = &e->run->catalog;
	const struct service *service = &c->services[event->service];

	if (note->t_us < event->start_after_us - BESIDE_US ||
	    note->t_us > event->end_us + BESIDE_US)
		return false;
	if (note->target[0] != '\0' &&
	    strcmp(note->target, names_text(&c->names, service->target)) != 0)
		return false;
	return note->site[0] == '\0' || event->site < 0 ||
	       strcmp(note->site, names_text(&c->sites, event->site)) == 0;
}

void
notes_list(struct list *list, const struct notes *n, const struct events *e,
    const struct event *event)
{
	char time[TIMES_TEXT];

	for (size_t i = 0; i < n->count; i++) {
		if (!belongs(&n->items[i], e, event))
			continue;
		wall_format(time, wall_from_us(n->items[i].t_us), 0);
		list_add(list, "; ", time);
		list_add(list, " ", n->items[i].text);
	}
}
