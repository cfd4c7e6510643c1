/*
 * Events: what happened to a service, one row each (FIELD.md F13, F7).
 */
#include "analysis/events.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/events_beside.h"
#include "analysis/events_private.h"
#include "analysis/events_seen.h"
#include "analysis/quantile.h"
#include "lib/times.h"

static const struct column columns[] = {
	{ "kind", COLUMN_TEXT },
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "site", COLUMN_TEXT },
	{ "start", COLUMN_TIME },
	{ "end", COLUMN_TIME },
	{ "vantage_points", COLUMN_INTEGER },
	{ "to_sites", COLUMN_TEXT },
	{ "from_sites", COLUMN_TEXT },
	{ "share_pct", COLUMN_PERCENT },
	{ "start_uncertain_s", COLUMN_SECONDS },
	{ "end_uncertain_s", COLUMN_SECONDS },
	{ "rtt_before_ms", COLUMN_MS },
	{ "rtt_after_ms", COLUMN_MS },
	{ "rtt_change_ms", COLUMN_MS },
	{ "convergence_p50_s", COLUMN_SECONDS },
	{ "convergence_p95_s", COLUMN_SECONDS },
	{ "returned", COLUMN_INTEGER },
	{ "not_seen_again", COLUMN_INTEGER },
	{ "not_seen_vps", COLUMN_TEXT },
	{ "seen_before", COLUMN_TIME },
	{ "not_ours", COLUMN_INTEGER },
	{ "paths_compared", COLUMN_INTEGER },
	{ "diverges", COLUMN_TEXT },
	{ "notes", COLUMN_TEXT },
	{ "weight_pct", COLUMN_PERCENT }, /* of --weights alone */
	{ "weight_coverage_pct", COLUMN_PERCENT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *const kind_names[] = {
	[EVENT_SITE_LOST] = "site lost",
	[EVENT_SITE_GAINED] = "site gained",
	[EVENT_SHIFT] = "shift",
	[EVENT_FLAP] = "flap",
	[EVENT_OUTAGE] = "outage",
	[EVENT_PATH_ONLY] = "path only",
};

/* Of one event, from its members. */
struct summary {
	struct values before, after, change, convergence;
	size_t vps, returned;
	struct list to, from;
	struct tallies to_sites, from_sites; /* of which they are made */
	size_t not_seen;
	struct list not_seen_vps;
	size_t paths_compared;
	struct list diverges, notes;
	double load;
};

static int32_t
site_of(const struct events *e, const struct member *m, bool to)
{
	if (m->move != NULL)
		return m->move->site;
	if (m->silence != NULL)
		return to ? m->silence->site_after : m->silence->site_before;
	return e->stays.items[to ? m->stay : m->stay - 1].site;
}

/* Whether an earlier member is of the same vantage point, and with a site
 * (not -1) of the same one. */
static bool
counted(const struct events *e, const struct event *event, size_t i,
    int32_t site, bool to)
{
	for (size_t j = 0; j < i; j++) {
		if (event->members[j].vp == event->members[i].vp &&
		    (site == -1 || site_of(e, &event->members[j], to) == site))
			return true;
	}
	return false;
}

/* The sites and how many vantage points of each. */
static void
list_sites(struct summary *s, const struct events *e, const struct event *event,
    bool to)
{
	struct tallies *tallies = to ? &s->to_sites : &s->from_sites;

	for (size_t i = 0; i < event->count; i++) {
		int32_t site = site_of(e, &event->members[i], to);

		if (site >= 0 && !counted(e, event, i, site, to))
			tallies_add(tallies, site);
	}
	tallies_list(to ? &s->to : &s->from, tallies, &e->run->catalog.sites);
}

/* Whether the path before is taken again. */
static bool
path_came_back(const struct move *move)
{
	const struct trace *traces = move->traced->traces;

	for (size_t i = move->trace + 1; i < move->traced->trace_count; i++) {
		if (traces[i].number == traces[move->trace - 1].number)
			return true;
	}
	return false;
}

static void
add_rtts(struct summary *s, int64_t before_us, int64_t after_us)
{
	if (before_us >= 0)
		values_add(&s->before, before_us);
	if (after_us >= 0)
		values_add(&s->after, after_us);
	if (before_us >= 0 && after_us >= 0)
		values_add(&s->change, after_us - before_us);
}

/* Whether a member came back to where it was. */
static bool
came_back(const struct events *e, const struct member *m)
{
	const struct stay *s;

	if (m->silence != NULL)
		return m->silence->after_us >= 0;
	if (m->move != NULL)
		return path_came_back(m->move);
	s = &e->stays.items[m->stay];
	for (size_t i = m->stay + 1;
	     i < e->stays.count && e->stays.items[i].lane == m->lane; i++) {
		if (e->stays.items[i].site == s[-1].site)
			return true;
	}
	return false;
}

/* Whether a lane changed earlier in the event: it came back to where it was
 * before that. */
static bool
changed_before(const struct event *event, size_t i)
{
	const struct member *m = &event->members[i];

	for (size_t j = 0; j < i && m->silence == NULL; j++) {
		const struct member *old = &event->members[j];

		if (m->move == NULL ? old->lane == m->lane
				    : old->move->traced == m->move->traced)
			return true;
	}
	return false;
}

/* Whether all flows of a vantage point came back. */
static bool
vp_came_back(const struct events *e, const struct event *event, int32_t vp)
{
	for (size_t i = 0; i < event->count; i++) {
		if (event->members[i].vp == vp && !changed_before(event, i) &&
		    !came_back(e, &event->members[i]))
			return false;
	}
	return true;
}

static void
add_member(struct summary *s, const struct events *e, const struct event *event,
    size_t i)
{
	const struct member *m = &event->members[i];

	if (!counted(e, event, i, -1, true)) {
		s->vps++;
		s->load += weights_of(&e->run->weights, m->vp);
		s->returned += vp_came_back(e, event, m->vp);
	}
	if (m->silence != NULL)
		return;
	values_add(&s->convergence, m->first_us - event->start_us);
	if (m->move != NULL) {
		const struct trace *t =
		    &m->move->traced->traces[m->move->trace];

		add_rtts(s, t[-1].rtt_us, t->rtt_us);
		return;
	}
	add_rtts(s, e->stays.items[m->stay - 1].end_rtt_us,
	    e->stays.items[m->stay].begin_rtt_us);
}

/* When the first who left a site was last seen there. */
static int64_t
first_last_us(const struct event *event)
{
	int64_t first_us = event->start_after_us;

	for (size_t i = 0; i < event->count; i++) {
		if (event->members[i].last_us < first_us)
			first_us = event->members[i].last_us;
	}
	return first_us;
}

static bool
is_member(const struct event *event, int32_t vp)
{
	for (size_t i = 0; i < event->count; i++) {
		if (event->members[i].vp == vp)
			return true;
	}
	return false;
}

/* Whether a vantage point, to which a stay belongs, was last seen at the lost
 * site, with one flow at least, since a time. Its stays lie together. */
static bool
ends_at(const struct events *e, const struct event *event,
    const struct stay *stay, int64_t since_us)
{
	const struct lane *lanes = e->run->catalog.lanes;
	const struct stay *first = e->stays.items,
			  *end = first + e->stays.count, *s = stay;
	const int32_t vp = lanes[stay->lane].vp;
	bool found = false;

	while (s > first && lanes[s[-1].lane].vp == vp)
		s--;
	for (; s < end && lanes[s->lane].vp == vp; s++) {
		const bool last = s + 1 == end || s[1].lane != s->lane;

		if (!last || lanes[s->lane].service != event->service)
			continue;
		if (s->last_us >= event->end_us)
			return false;
		found |= s->site == event->site && s->last_us >= since_us;
	}
	return found;
}

/* Vantage points of a lost site that were seen there less than a day before
 * the first left it, and then nowhere. */
static void
find_not_seen(
    struct summary *s, const struct events *e, const struct event *event)
{
	const struct catalog *c = &e->run->catalog;
	const int64_t since_us = first_last_us(event) - DAY_US;
	const struct stay *stay;
	int32_t vp_before = -1;

	for (size_t i = events_first_at_site(e, event);
	     (stay = events_next_at_site(e, event, &i)) != NULL;) {
		const int32_t vp = c->lanes[stay->lane].vp;

		if (vp == vp_before)
			continue;
		vp_before = vp;
		if (!ends_at(e, event, stay, since_us) || is_member(event, vp))
			continue;
		s->not_seen++;
		list_add(&s->not_seen_vps, ", ",
		    names_text(&c->names, c->vps[vp].name));
	}
}

static struct cell
p95_cell(const struct values *sorted)
{
	if (!quantile_enough(sorted->count, 95))
		return cell_unknown();
	return cell_number(quantile_nearest(sorted->items, sorted->count, 95));
}

static int
write_cells(struct events *e, const struct event *event, struct summary *s)
{
	struct run *run = e->run;
	const struct service *service = &run->catalog.services[event->service];
	int64_t mode_us = events_mode_before(e, event);
	struct cell middle = run_median(&s->convergence);
	const int64_t not_ours = events_not_ours(e, event);
	double known_load = 0;
	const size_t known =
	    events_seen_vps(e, event->service, event->start_us, &known_load);
	const struct cell cells[COLUMNS] = {
		cell_text(kind_names[event->kind]),
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_site(run, event->site),
		cell_number(event->start_us),
		cell_number(event->end_us),
		cell_number((int64_t)s->vps),
		cell_list(s->to.text, &s->to_sites),
		cell_list(s->from.text, &s->from_sites),
		cell_percent((double)s->vps, (double)known),
		cell_number(event->start_us - event->start_after_us),
		cell_number(event->end_us - event->end_after_us),
		run_median(&s->before),
		run_median(&s->after),
		run_median(&s->change),
		middle,
		p95_cell(&s->convergence),
		cell_number((int64_t)s->returned),
		cell_number((int64_t)s->not_seen),
		cell_text(s->not_seen_vps.text),
		cell_number_if(mode_us >= 0, mode_us),
		cell_number_if(not_ours >= 0, not_ours),
		cell_number_if(e->paths.count > 0, (int64_t)s->paths_compared),
		cell_text(s->diverges.text),
		cell_text(s->notes.text),
		cell_percent(s->load, known_load),
		cell_percent(known_load, events_seen_load(e)),
	};

	return report_row(&run->report, cells);
}

static void
clear(struct summary *s)
{
	values_clear(&s->before);
	values_clear(&s->after);
	values_clear(&s->change);
	values_clear(&s->convergence);
	free(s->to.text);
	free(s->from.text);
	free(s->to_sites.items);
	free(s->from_sites.items);
	free(s->not_seen_vps.text);
	free(s->diverges.text);
	free(s->notes.text);
}

static int
write_event(
    struct events *e, const struct notes *notes, const struct event *event)
{
	struct summary s = { 0 };
	int status;

	for (size_t i = 0; i < event->count; i++)
		add_member(&s, e, event, i);
	list_sites(&s, e, event, true);
	list_sites(&s, e, event, false);
	if (event->kind == EVENT_SITE_LOST)
		find_not_seen(&s, e, event);
	s.paths_compared = events_partings(&s.diverges, e, event);
	notes_list(&s.notes, notes, e, event);
	status = write_cells(e, event, &s);
	clear(&s);
	return status;
}

int
events_report(struct run *run)
{
	struct judge *judge = run->catalog.judge;
	struct notes notes;
	struct events e;
	int status;

	/* A name that is none of the service's is how a hijack looks: here
	 * nobody's answers are left out. */
	run->catalog.judge = NULL;
	events_find(&e, run);
	run->catalog.judge = judge;
	notes_read(&notes, run->query);
	status = report_begin(
	    &run->report, columns, weights_columns(&run->weights, COLUMNS));
	for (size_t i = 0; status == 0 && i < e.count; i++)
		status = write_event(&e, &notes, &e.items[i]);
	if (report_end(&run->report) == -1)
		status = -1;
	notes_clear(&notes);
	events_clear(&e);
	return status;
}
