#include "analysis/traces.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/compare.h"
#include "analysis/memory.h"
#include "lib/limits.h"
#include "lib/record.h"

void
traces_init(struct traces_reader *r, struct query *q, const struct catalog *c,
    struct geo *geo)
{
	*r = (struct traces_reader){ .catalog = c, .geo = geo };
	r->window = query_prepare(q,
	    "SELECT m.lane, b.t0 + m.dt_us, tr.path, m.instance, m.rtt_us,"
	    " m.outcome FROM batch b CROSS JOIN trace tr"
	    " ON tr.measurement BETWEEN b.first_row AND b.first_row + b.rows - "
	    "1"
	    " CROSS JOIN measurement m ON m.id = tr.measurement"
	    " WHERE b.vp = ?1 AND b.t0 >= ?2 - ?4 AND b.t0 < ?3"
	    " AND b.t1 >= ?2 AND b.too_late = 0");
	r->hops = query_prepare(q,
	    "SELECT h.value ->> '$.ttl', h.value ->> '$.addr',"
	    " h.value ->> '$.icmp' FROM path p, json_each(p.hops) h"
	    " WHERE p.id = ?1 ORDER BY h.key");
}

void
traces_clear(struct traces_reader *r)
{
	query_finish(r->window);
	query_finish(r->hops);
	free(r->items);
	*r = (struct traces_reader){ 0 };
}

static int64_t
answered_us(struct query_rows *rows)
{
	return query_int(rows, 5) == OUTCOME_ANSWERED && !query_null(rows, 4)
		   ? query_int(rows, 4)
		   : -1;
}

static void
read_window(struct traces_reader *r, const struct traces_window *window)
{
	struct query_rows *rows = r->window;
	const struct catalog *c = r->catalog;

	r->count = 0;
	query_bind(rows, 1, c->vps[window->vp].id);
	query_bind(rows, 2, window->since_us);
	query_bind(rows, 3, window->until_us);
	query_bind(rows, 4, LIMIT_BATCH_SPAN_US);
	while (query_next(rows)) {
		struct trace t = {
			.lane = catalog_lane(c, query_int(rows, 0)),
			.t_us = query_int(rows, 1),
			.path_id = query_int(rows, 2),
			.instance = catalog_instance(c, query_int(rows, 3)),
			.rtt_us = answered_us(rows),
		};

		if (t.lane < 0 || c->lanes[t.lane].vp != window->vp ||
		    t.t_us < window->since_us || t.t_us >= window->until_us)
			continue;
		if (t.instance >= 0 && c->instances[t.instance].method < 0)
			t.instance = -1;
		if (r->count == r->room)
			r->items =
			    memory_grow(r->items, &r->room, sizeof(*r->items));
		r->items[r->count++] = t;
	}
	query_reset(rows);
}

static int
compare(const void *left, const void *right)
{
	const struct trace *a = left, *b = right;
	int order;

	if ((order = compare_int(a->lane, b->lane)) != 0 ||
	    (order = compare_int(a->t_us, b->t_us)) != 0)
		return order;
	return compare_int(a->path_id, b->path_id);
}

/* Whether the target itself answered, and not a translator before it that
 * ended the packet in its name. */
static bool
is_target(const struct addr *hop, const struct addr *target, const char *icmp)
{
	const char *exceeded = target->af == 6 ? "3/" : "11/";

	return addr_equal(hop, target) &&
	       strncmp(icmp, exceeded, strlen(exceeded)) != 0;
}

static void
read_hops(struct traces_reader *r, struct path *path, int64_t id,
    const struct addr *target)
{
	struct query_rows *rows = r->hops;
	size_t end = 0;

	query_bind(rows, 1, id);
	while (query_next(rows)) {
		const int64_t ttl = query_int(rows, 0);
		struct hop hop = { .asn = -1 };
		struct geo_place place;

		if (ttl <= 0 || ttl > PATH_HOPS ||
		    addr_parse(&hop.addr, query_text(rows, 1)) == -1)
			continue;
		if (geo_find(r->geo, &hop.addr, &place))
			hop.asn = place.asn;
		path_add(path, (size_t)ttl, &hop);
		if ((end == 0 || (size_t)ttl < end) &&
		    is_target(&hop.addr, target, query_text(rows, 2)))
			end = (size_t)ttl;
	}
	query_reset(rows);
	path_end(path, end);
}

/* Of a path that fits several: the last one first, then the newest. */
static size_t
find_path(const struct lane_paths *lane, const struct path *path, size_t last)
{
	size_t found = lane->count;

	if (lane->count > 0 && path_fits(path, &lane->items[last].path))
		return last;
	for (size_t i = 0; i < lane->count; i++) {
		if ((found == lane->count ||
			lane->items[i].last_us > lane->items[found].last_us) &&
		    path_fits(path, &lane->items[i].path))
			found = i;
	}
	return found;
}

/* The number of a path in its lane, which takes it. */
static size_t
put_path(struct lane_paths *lane, struct path *path, size_t last)
{
	size_t number = find_path(lane, path, last);

	if (number < lane->count) {
		path_join(&lane->items[number].path, path);
		path_clear(path);
		return number;
	}
	if (lane->count == lane->room)
		lane->items =
		    memory_grow(lane->items, &lane->room, sizeof(*lane->items));
	lane->items[lane->count++] = (struct traced_path){ .path = *path,
		.before = number == 0 ? -1 : (int64_t)last };
	return number;
}

static void
count_trace(struct traced_path *p, const struct trace *t, int64_t next_us)
{
	if (p->traces++ == 0)
		p->first_us = t->t_us;
	p->last_us = t->t_us;
	p->held_us += next_us - t->t_us;
	if (t->rtt_us < 0)
		return;
	p->answered++;
	values_add(&p->rtts, t->rtt_us);
}

/* Whether another one answered at the end of trace i than at that of the one
 * before of which that is known. */
static bool
ends_elsewhere(const struct trace *traces, size_t i)
{
	for (size_t k = i; traces[i].instance >= 0 && k > 0; k--) {
		if (traces[k - 1].instance >= 0)
			return traces[k - 1].instance != traces[i].instance;
	}
	return false;
}

struct lane_reader {
	struct traces_reader *traces;
	struct lane_paths *lane;
	struct addr target;
};

/* The path of trace i, behind one of path last. Where another one answers at
 * its end, and it is silent where the next trace that this one answers
 * contradicts the path before, it took that one's. */
static void
read_path(struct lane_reader *r, size_t i, size_t last, struct path *path)
{
	const struct lane_paths *lane = r->lane;
	const struct trace *traces = lane->traces;
	struct path next = { 0 };
	size_t k = i + 1;

	read_hops(r->traces, path, traces[i].path_id, &r->target);
	if (!ends_elsewhere(traces, i))
		return;
	while (k < lane->trace_count && traces[k].instance < 0)
		k++;
	if (k == lane->trace_count || traces[k].instance != traces[i].instance)
		return;
	read_hops(r->traces, &next, traces[k].path_id, &r->target);
	if (path_fits(path, &next) &&
	    path_fits(path, &lane->items[last].path) &&
	    !path_fits(&next, &lane->items[last].path))
		path_join(path, &next);
	path_clear(&next);
}

/* The traces of one lane. */
static void
find_paths(struct traces_reader *r, struct lane_paths *lane,
    struct trace *traces, size_t count)
{
	const struct catalog *c = r->catalog;
	const struct service *service =
	    &c->services[c->lanes[traces->lane].service];
	struct lane_reader reader = { .traces = r, .lane = lane };
	size_t number = 0;

	(void)addr_parse(
	    &reader.target, names_text(&c->names, service->address));
	*lane = (struct lane_paths){
		.lane = traces->lane, .traces = traces, .trace_count = count
	};
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || traces[i].path_id != traces[i - 1].path_id ||
		    ends_elsewhere(traces, i)) {
			struct path path = { 0 };

			read_path(&reader, i, number, &path);
			number = put_path(lane, &path, number);
		}
		traces[i].number = number;
		count_trace(&lane->items[number], &traces[i],
		    traces[i + 1 < count ? i + 1 : i].t_us);
	}
}

static void
lane_paths_clear(struct lane_paths *lane)
{
	for (size_t i = 0; i < lane->count; i++) {
		path_clear(&lane->items[i].path);
		values_clear(&lane->items[i].rtts);
	}
	free(lane->items);
}

void
traces_read(struct traces_reader *r, const struct traces_window *window,
    traces_fn *fn, void *context)
{
	struct lane_paths lane;

	read_window(r, window);
	if (r->count > 1)
		qsort(r->items, r->count, sizeof(*r->items), compare);
	for (size_t from = 0, end; from < r->count; from = end) {
		for (end = from + 1; end < r->count &&
				     r->items[end].lane == r->items[from].lane;
		     end++)
			continue;
		find_paths(r, &lane, r->items + from, end - from);
		fn(&lane, context);
		lane_paths_clear(&lane);
	}
}
