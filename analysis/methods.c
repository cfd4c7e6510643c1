#include "analysis/methods.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/limits.h"

#define HOUR_US (3600LL * 1000000)

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

/* A method before none, then the identity order. */
static int
compare_methods(const struct catalog *c, int32_t a, int32_t b)
{
	if (a == b)
		return 0;
	if (a < 0 || b < 0)
		return a < 0 ? 1 : -1;
	return compare_names(c, method_order, a, b);
}

static int
compare_choices(
    const struct catalog *c, const struct choice *a, const struct choice *b)
{
	int order;

	if ((order = compare_methods(c, a->method, b->method)) != 0)
		return order;
	if (a->question != b->question)
		return compare_names(
		    c, question_order, a->question, b->question);
	if (a->proto != b->proto)
		return compare_names(c, proto_order, a->proto, b->proto);
	return (a->port > b->port) - (a->port < b->port);
}

static void
offer(struct choice *best, const struct catalog *c, const struct lane *lane,
    int32_t method)
{
	const struct choice choice = {
		.method = method,
		.question = lane->question,
		.proto = lane->proto,
		.port = lane->port,
	};

	if (best->question < 0 || compare_choices(c, &choice, best) < 0)
		*best = choice;
}

/* A row (lane, instance) of what was seen; of the services that are wanted,
 * NULL: of all. */
static void
note(struct methods *m, const struct catalog *c, struct query_rows *rows,
    const bool *wanted)
{
	int32_t lane = catalog_lane(c, query_int(rows, 0));
	int32_t instance = catalog_instance(c, query_int(rows, 1));
	int32_t method;

	if (lane < 0 || instance < 0 ||
	    (wanted != NULL && !wanted[c->lanes[lane].service]) ||
	    judge_marks_name(c, lane, instance))
		return;
	method = c->instances[instance].method;
	if (method < 0)
		return;
	offer(
	    &m->of_service[c->lanes[lane].service], c, &c->lanes[lane], method);
	if (compare_methods(c, method, m->of_lane[lane]) < 0)
		m->of_lane[lane] = method;
}

/* The same from runs, for the time whose raw rows retention took. More than
 * needed is harmless: whole hours. */
static void
note_runs(struct methods *m, const struct catalog *c, struct query *q,
    const int64_t window[2], const bool *wanted)
{
	struct query_rows *rows = query_prepare(q,
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
		note(m, c, rows, wanted);
	query_finish(rows);
}

static void
note_window(struct methods *m, const struct catalog *c, struct query *q,
    const int64_t window[2], const bool *wanted)
{
	struct query_rows *rows = query_prepare(q,
	    "SELECT DISTINCT m.lane, m.instance"
	    " FROM batch b CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " WHERE b.vp = ?1 AND b.t0 >= ?2 - ?4 AND b.t0 < ?3"
	    " AND b.t1 >= ?2 AND b.too_late = 0"
	    " AND b.t0 + m.dt_us >= ?2 AND b.t0 + m.dt_us < ?3");

	for (size_t i = 0; i < c->vp_count; i++) {
		query_bind(rows, 1, c->vps[i].id);
		query_bind(rows, 2, window[0]);
		query_bind(rows, 3, window[1]);
		query_bind(rows, 4, LIMIT_BATCH_SPAN_S * 1000000LL);
		while (query_next(rows))
			note(m, c, rows, wanted);
		query_reset(rows);
	}
	query_finish(rows);
	note_runs(m, c, q, window, wanted);
}

/* The earliest hour that is not in the intervals. */
static int64_t
unsettled_us(struct query *q, int64_t before_us)
{
	struct query_rows *rows = query_prepare(
	    q, "SELECT min(hour) FROM unsettled WHERE hour BETWEEN 0 AND ?1");
	int64_t first_us = before_us;

	query_bind(rows, 1, before_us / HOUR_US);
	if (query_next(rows) && !query_null(rows, 0))
		first_us = query_int(rows, 0) * HOUR_US;
	query_finish(rows);
	return first_us;
}

/* Services that nobody named in the window: what was known before it. */
static void
note_before(struct methods *m, const struct catalog *c, struct query *q,
    const int64_t window[2])
{
	struct query_rows *rows =
	    query_prepare(q, "SELECT DISTINCT lane, instance FROM interval"
			     " WHERE lane = ?1 AND first < ?2");
	bool *silent = memory_zeroed(c->service_count, sizeof(*silent));
	bool any = false;

	for (size_t i = 0; i < c->service_count; i++) {
		silent[i] = m->of_service[i].method < 0;
		any |= silent[i];
	}
	for (size_t i = 0; i < c->lane_count; i++) {
		if (!silent[c->lanes[i].service])
			continue;
		query_bind(rows, 1, c->lanes[i].id);
		query_bind(rows, 2, window[1]);
		while (query_next(rows))
			note(m, c, rows, NULL);
		query_reset(rows);
	}
	if (any)
		note_window(m, c, q,
		    (const int64_t[2]){ unsettled_us(q, window[0]), window[0] },
		    silent);
	free(silent);
	query_finish(rows);
}

static bool
same_kind(const struct lane *a, const struct lane *b)
{
	return a->service == b->service && a->question == b->question &&
	       a->proto == b->proto;
}

/* Lanes of one question of a service lie together: one method for all. */
static void
share_within_questions(struct methods *m, const struct catalog *c)
{
	for (size_t first = 0, end; first < c->lane_count; first = end) {
		int32_t best = -1;

		for (end = first; end < c->lane_count &&
				  same_kind(&c->lanes[first], &c->lanes[end]);
		     end++) {
			if (compare_methods(c, m->of_lane[end], best) < 0)
				best = m->of_lane[end];
		}
		for (size_t i = first; i < end; i++)
			m->of_lane[i] = best;
	}
}

void
methods_choose(struct methods *m, const struct catalog *c, struct query *q,
    int64_t since_us, int64_t until_us)
{
	const int64_t window[2] = { since_us, until_us };

	m->of_service = memory_zeroed(c->service_count, sizeof(*m->of_service));
	m->of_lane = memory_zeroed(c->lane_count, sizeof(*m->of_lane));
	for (size_t i = 0; i < c->service_count; i++)
		m->of_service[i] = (struct choice){ -1, -1, -1, -1 };
	for (size_t i = 0; i < c->lane_count; i++)
		m->of_lane[i] = -1;
	note_window(m, c, q, window, NULL);
	note_before(m, c, q, window);
	share_within_questions(m, c);
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
