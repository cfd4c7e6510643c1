#include "analysis/methods.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/intervals.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/limits.h"
#include "lib/services.h"
#include "lib/times.h"

#define NO_INSTANCE 0 /* of runs: losses */

/* The identity order, then other names; likewise for the lane: NSID rides on
 * the timed question first. */
static const char *const method_order[] = { "nsid", "hostname.bind",
	"id.server", NULL };
static const char *const question_order[] = { "soa", "hostname.bind",
	"id.server", NULL };
static const char *const proto_order[] = { "udp", "tcp", NULL };

static int
rank(const char *const *order, const char *text)
{
	int i = 0;

	while (order[i] != NULL && strcmp(order[i], text) != 0)
		i++;
	return i;
}

/* Whether a comes before b: listed ones in the order of the list, then by
 * text. */
static int
compare_names(
    const struct catalog *c, const char *const *order, int32_t a, int32_t b)
{
	const char *left = names_text(&c->names, a);
	const char *right = names_text(&c->names, b);
	int by_rank = rank(order, left) - rank(order, right);

	return by_rank != 0 ? by_rank : strcmp(left, right);
}

/* The place of a method in the table of services; behind all of it where it is
 * not there. */
static size_t
rank_in_table(const struct catalog *c, int32_t service, int32_t method)
{
	const char(*order)[LIMIT_QUESTION];
	struct addr addr;
	size_t i, count = 0;

	if (c->naming != NULL &&
	    addr_parse(&addr,
		names_text(&c->names, c->services[service].address)) == 0)
		count = services_order(c->naming, &addr, &order);
	for (i = 0; i < count; i++) {
		if (strcmp(order[i], names_text(&c->names, method)) == 0)
			break;
	}
	return i;
}

/* A method before none, then the order of the service, then the usual one. */
static int
compare_methods(const struct catalog *c, int32_t service, int32_t a, int32_t b)
{
	size_t left, right;

	if (a == b)
		return 0;
	if (a < 0 || b < 0)
		return a < 0 ? 1 : -1;
	left = rank_in_table(c, service, a);
	right = rank_in_table(c, service, b);
	if (left != right)
		return left < right ? -1 : 1;
	return compare_names(c, method_order, a, b);
}

static int
compare_choices(const struct catalog *c, int32_t service,
    const struct choice *a, const struct choice *b)
{
	int order;

	if ((order = compare_methods(c, service, a->method, b->method)) != 0)
		return order;
	if (a->question != b->question)
		return compare_names(
		    c, question_order, a->question, b->question);
	if (a->proto != b->proto)
		return compare_names(c, proto_order, a->proto, b->proto);
	return (a->port > b->port) - (a->port < b->port);
}

/* What is chosen from, and what of the store says it. */
struct chooser {
	struct methods *methods;
	const struct catalog *catalog;
	struct query *query;
	int32_t *first_alike; /* by lane: the first of its question */
	bool *wanted;         /* services; NULL: all */
	bool *heard;          /* lanes that said anything */
	bool doubted;         /* by somebody else's names, too */
	/* The last that was no better than what was chosen, which only gets
	 * better: an instance's method in such a lane, and its port. */
	int32_t worse_alike, worse_method;
	int worse_port;
	struct intervals *intervals;
	struct query_rows *hour, *runs, *rows, *unsettled;
};

static bool
same_kind(const struct lane *a, const struct lane *b)
{
	return a->service == b->service && a->question == b->question &&
	       a->proto == b->proto;
}

static void
chooser_init(struct chooser *ch, struct query *q)
{
	const struct catalog *c = ch->catalog;

	ch->query = q;
	ch->worse_alike = -1;
	ch->first_alike = memory_zeroed(c->lane_count, sizeof(int32_t));
	ch->heard = memory_zeroed(c->lane_count, sizeof(*ch->heard));
	/* Lanes of one question of a service lie together. */
	for (size_t i = 1; i < c->lane_count; i++)
		ch->first_alike[i] = same_kind(&c->lanes[i - 1], &c->lanes[i])
					 ? ch->first_alike[i - 1]
					 : (int32_t)i;
	ch->intervals = intervals_new(q);
	ch->hour = query_prepare(
	    q, "SELECT min(hour) FROM run WHERE hour >= ?1 AND hour <= ?2");
	ch->runs = query_prepare(q,
	    "SELECT 1 FROM run WHERE hour = ?5 AND lane = ?1"
	    " AND instance = ?2 AND last >= ?3 AND first < ?4 LIMIT 1");
	ch->rows = query_prepare(q,
	    "SELECT DISTINCT m.lane, m.instance"
	    " FROM batch b CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " WHERE b.vp = ?1 AND b.t0 >= ?2 - ?4 AND b.t0 < ?3"
	    " AND b.t1 >= ?2 AND b.too_late = 0"
	    " AND b.t0 + m.dt_us >= ?2 AND b.t0 + m.dt_us < ?3");
	ch->unsettled = query_prepare(q,
	    "SELECT hour FROM unsettled"
	    " WHERE vp = ?1 AND hour >= ?2 AND hour <= ?3 ORDER BY hour");
}

static void
chooser_clear(struct chooser *ch)
{
	free(ch->first_alike);
	free(ch->heard);
	free(ch->wanted);
	intervals_free(ch->intervals);
	query_finish(ch->hour);
	query_finish(ch->runs);
	query_finish(ch->rows);
	query_finish(ch->unsettled);
}

static struct choice
choice_of(const struct lane *lane, int32_t method)
{
	return (
	    struct choice){ method, lane->question, lane->proto, lane->port };
}

/* Whether what was seen in a lane comes before what was chosen. */
static bool
is_better(const struct chooser *ch, int32_t lane, const struct choice *choice)
{
	const struct catalog *c = ch->catalog;
	const int32_t service = c->lanes[lane].service;
	const struct choice *best = &ch->methods->of_service[service];
	const int32_t alike = ch->methods->of_lane[ch->first_alike[lane]];

	return best->question < 0 ||
	       compare_choices(c, service, choice, best) < 0 ||
	       compare_methods(c, service, choice->method, alike) < 0;
}

/* Whether an instance seen in a lane is to be chosen. The last that was no
 * better is kept: it comes again and again. */
static bool
ask_better(struct chooser *ch, int32_t lane, int32_t instance)
{
	const struct catalog *c = ch->catalog;
	const struct lane *l = &c->lanes[lane];
	const int32_t alike = ch->first_alike[lane];
	const struct choice choice =
	    choice_of(l, c->instances[instance].method);

	if (choice.method < 0 ||
	    (ch->wanted != NULL && !ch->wanted[l->service]) ||
	    (!ch->doubted && judge_marks_name(c, lane, instance)) ||
	    (alike == ch->worse_alike && choice.method == ch->worse_method &&
		choice.port == ch->worse_port))
		return false;
	if (is_better(ch, lane, &choice))
		return true;
	ch->worse_alike = alike;
	ch->worse_method = choice.method;
	ch->worse_port = choice.port;
	return false;
}

static void
choose(struct chooser *ch, int32_t lane, int32_t instance)
{
	const struct catalog *c = ch->catalog;
	const struct lane *l = &c->lanes[lane];
	struct choice *best = &ch->methods->of_service[l->service];
	int32_t *alike = &ch->methods->of_lane[ch->first_alike[lane]];
	const struct choice choice =
	    choice_of(l, c->instances[instance].method);

	if (best->question < 0 ||
	    compare_choices(c, l->service, &choice, best) < 0)
		*best = choice;
	if (compare_methods(c, l->service, choice.method, *alike) < 0)
		*alike = choice.method;
}

/* A row (lane, instance) of what was seen. */
static void
note(struct chooser *ch, struct query_rows *rows)
{
	const int32_t lane = catalog_lane(ch->catalog, query_int(rows, 0));
	const int32_t instance =
	    catalog_instance(ch->catalog, query_int(rows, 1));

	/* Losses before the window say nothing about it. */
	if (lane >= 0)
		ch->heard[lane] |= instance >= 0 || ch->wanted == NULL;
	if (lane >= 0 && instance >= 0 && ask_better(ch, lane, instance))
		choose(ch, lane, instance);
}

/* --- what was settled --- */

/* The next hour of which there are runs. */
static bool
next_hour(struct chooser *ch, int64_t *hour, int64_t last_hour)
{
	bool found;

	query_bind(ch->hour, 1, *hour);
	query_bind(ch->hour, 2, last_hour);
	found = query_next(ch->hour) && !query_null(ch->hour, 0);
	if (found)
		*hour = query_int(ch->hour, 0);
	query_reset(ch->hour);
	return found;
}

/* Whether one of a lane's runs of an instance is in the window. */
static bool
has_run(
    struct chooser *ch, int64_t lane, int64_t instance, const int64_t window[2])
{
	int64_t hour = window[0] / HOUR_US;
	bool has = false;

	query_bind(ch->runs, 1, lane);
	query_bind(ch->runs, 2, instance);
	query_bind(ch->runs, 3, window[0]);
	query_bind(ch->runs, 4, window[1]);
	for (; !has && next_hour(ch, &hour, (window[1] - 1) / HOUR_US);
	     hour++) {
		query_bind(ch->runs, 5, hour);
		has = query_next(ch->runs);
		query_reset(ch->runs);
	}
	return has;
}

/* An interval begins and ends with a sight; of one that reaches over all of
 * the window, a run says whether there is another within. */
static void
note_lane(struct chooser *ch, int32_t lane, const int64_t window[2])
{
	const int64_t id = ch->catalog->lanes[lane].id;
	const struct interval_row *row;

	intervals_begin(ch->intervals, id, window[1]);
	while ((row = intervals_next(ch->intervals)) != NULL &&
	       row->last_us >= window[0]) {
		const int32_t index =
		    catalog_instance(ch->catalog, row->instance);

		ch->heard[lane] = true;
		if (index >= 0 && ask_better(ch, lane, index) &&
		    (row->first_us >= window[0] || row->last_us < window[1] ||
			has_run(ch, id, row->instance, window)))
			choose(ch, lane, index);
	}
	intervals_end(ch->intervals);
}

/* --- raw rows --- */

static void
note_rows(struct chooser *ch, size_t vp, const int64_t window[2])
{
	query_bind(ch->rows, 1, ch->catalog->vps[vp].id);
	query_bind(ch->rows, 2, window[0]);
	query_bind(ch->rows, 3, window[1]);
	query_bind(ch->rows, 4, LIMIT_BATCH_SPAN_US);
	while (query_next(ch->rows))
		note(ch, ch->rows);
	query_reset(ch->rows);
}

/* Of a vantage point's hours that are in no interval yet; neighbours at once.
 */
static void
note_unsettled(struct chooser *ch, size_t vp, const int64_t window[2])
{
	struct query_rows *hours = ch->unsettled;
	int64_t part[2] = { 0, 0 };

	query_bind(hours, 1, ch->catalog->vps[vp].id);
	query_bind(hours, 2, window[0] / HOUR_US);
	query_bind(hours, 3, (window[1] - 1) / HOUR_US);
	while (query_next(hours)) {
		const int64_t first_us = query_int(hours, 0) * HOUR_US;
		const int64_t end_us = first_us + HOUR_US;

		if (part[1] > part[0] && part[1] != first_us)
			note_rows(ch, vp, part);
		if (part[1] != first_us || part[1] == part[0])
			part[0] = first_us > window[0] ? first_us : window[0];
		part[1] = end_us < window[1] ? end_us : window[1];
	}
	query_reset(hours);
	if (part[1] > part[0])
		note_rows(ch, vp, part);
}

/* From runs, for the time whose raw rows retention took. More than needed is
 * harmless: whole hours. */
static void
note_runs(struct chooser *ch, const int64_t window[2])
{
	struct query_rows *rows = query_prepare(ch->query,
	    "SELECT DISTINCT r.lane, r.instance FROM run AS r"
	    " WHERE r.hour BETWEEN ?1 AND ?2 AND r.last >= ?3"
	    " AND r.first < ?4 AND (r.hour + 1) * 3600000000 <="
	    " (SELECT CAST(value AS INTEGER) FROM setting"
	    "  WHERE name = 'raw_horizon')");

	query_bind(rows, 1, window[0] / HOUR_US);
	query_bind(rows, 2, window[1] / HOUR_US);
	query_bind(rows, 3, window[0]);
	query_bind(rows, 4, window[1]);
	while (query_next(rows))
		note(ch, rows);
	query_finish(rows);
}

/* A run that reaches over all of a window says nothing of what is in it: only
 * where that is shorter than the hour of a run. */
static void
note_window(struct chooser *ch, const int64_t window[2])
{
	const struct catalog *c = ch->catalog;

	if (window[1] - window[0] < HOUR_US) {
		for (size_t i = 0; i < c->vp_count; i++)
			note_rows(ch, i, window);
		note_runs(ch, window);
		return;
	}
	for (size_t i = 0; i < c->lane_count; i++)
		note_lane(ch, (int32_t)i, window);
	for (size_t i = 0; i < c->vp_count; i++)
		note_unsettled(ch, i, window);
}

/* Services that nobody named in the window: what was known before it; then
 * what only somebody else (judge.h) named. */
static void
note_before(struct chooser *ch, const int64_t window[2])
{
	const struct catalog *c = ch->catalog;
	const int64_t before[2] = { 0, ch->doubted ? window[1] : window[0] };
	const int64_t all[2] = { INT64_MIN, window[1] };
	bool any = false;

	free(ch->wanted);
	ch->wanted = memory_zeroed(c->service_count, sizeof(*ch->wanted));
	for (size_t i = 0; i < c->service_count; i++) {
		ch->wanted[i] = ch->methods->of_service[i].method < 0;
		any |= ch->wanted[i];
	}
	for (size_t i = 0; any && i < c->lane_count; i++) {
		if (ch->wanted[c->lanes[i].service])
			note_lane(ch, (int32_t)i, all);
	}
	for (size_t i = 0; any && window[0] > 0 && i < c->vp_count; i++)
		note_unsettled(ch, i, before);
}

/* One method for all of a question. */
static void
share_within_questions(struct chooser *ch)
{
	for (size_t i = 0; i < ch->catalog->lane_count; i++)
		ch->methods->of_lane[i] =
		    ch->methods->of_lane[ch->first_alike[i]];
}

/* Services that nobody has named: their lanes are compared all the same, also
 * those of losses alone within the window. */
static void
choose_unnamed(struct chooser *ch, const int64_t window[2])
{
	const struct catalog *c = ch->catalog;

	for (size_t i = 0; i < c->lane_count; i++) {
		const struct lane *l = &c->lanes[i];
		struct choice *best = &ch->methods->of_service[l->service];
		const struct choice choice = choice_of(l, -1);

		if (best->method < 0 &&
		    (best->question < 0 ||
			compare_choices(c, l->service, &choice, best) < 0) &&
		    (ch->heard[i] || has_run(ch, l->id, NO_INSTANCE, window)))
			*best = choice;
	}
}

void
methods_choose(struct methods *m, const struct catalog *c, struct query *q,
    int64_t since_us, int64_t until_us)
{
	const int64_t window[2] = { since_us, until_us };
	struct chooser ch = { .methods = m, .catalog = c };

	m->of_service = memory_zeroed(c->service_count, sizeof(*m->of_service));
	m->of_lane = memory_zeroed(c->lane_count, sizeof(*m->of_lane));
	for (size_t i = 0; i < c->service_count; i++)
		m->of_service[i] = (struct choice){ -1, -1, -1, -1 };
	for (size_t i = 0; i < c->lane_count; i++)
		m->of_lane[i] = -1;
	chooser_init(&ch, q);
	note_window(&ch, window);
	note_before(&ch, window);
	ch.doubted = true;
	note_before(&ch, window);
	choose_unnamed(&ch, window);
	share_within_questions(&ch);
	chooser_clear(&ch);
}

void
methods_clear(struct methods *m)
{
	free(m->of_service);
	free(m->of_lane);
	*m = (struct methods){ 0 };
}

bool
methods_compares(const struct methods *m, const struct catalog *c, int32_t lane)
{
	const struct lane *l = &c->lanes[lane];
	const struct choice *choice = &m->of_service[l->service];

	return l->question == choice->question && l->proto == choice->proto &&
	       l->port == choice->port;
}

bool *
methods_lanes(const struct methods *m, const struct catalog *c)
{
	bool *lanes = memory_zeroed(c->lane_count, sizeof(*lanes));

	for (size_t i = 0; i < c->lane_count; i++)
		lanes[i] = methods_compares(m, c, (int32_t)i);
	return lanes;
}
