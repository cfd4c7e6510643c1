/* The lanes of a catalog, and its services with them. */
#include <stdlib.h>
#include <string.h>
#include "analysis/catalog_private.h"
#include "analysis/compare.h"
#include "analysis/memory.h"

/* A lane as it is read, its texts as their ranks among all of those. */
struct lane_row {
	int64_t id;
	int32_t vp; /* index: they are by name */
	int32_t target, address, proto, question;
	int af, port, flow;
};

struct lane_rows {
	struct names texts;
	struct lane_row *items;
	size_t count, room;
	int32_t *by_rank;         /* numbers of texts */
	struct names_map name_of; /* the catalog's, by rank */
};

static int32_t
name_of(struct catalog *c, struct lane_rows *r, int32_t rank)
{
	return names_map_put(&r->name_of, &c->names, rank,
	    names_text(&r->texts, r->by_rank[rank]));
}

/* Lanes come sorted, so a new service is a new last one. */
static int32_t
put_service(struct catalog *c, struct lane_rows *r, const struct lane_row *row)
{
	struct service service = { .target = name_of(c, r, row->target) };
	const struct service *last;

	service.address = name_of(c, r, row->address);
	service.af = row->af;
	if (c->service_count > 0) {
		last = &c->services[c->service_count - 1];
		if (last->target == service.target &&
		    last->address == service.address && last->af == service.af)
			return (int32_t)c->service_count - 1;
	}
	if (c->service_count == c->service_room)
		c->services = memory_grow(
		    c->services, &c->service_room, sizeof(*c->services));
	c->services[c->service_count] = service;
	return (int32_t)c->service_count++;
}

static void
put_lane_of_vp(struct vantage *vp, int32_t lane)
{
	if (vp->lane_count == vp->lane_room)
		vp->lanes =
		    memory_grow(vp->lanes, &vp->lane_room, sizeof(*vp->lanes));
	vp->lanes[vp->lane_count++] = lane;
}

static void
put_lane(struct catalog *c, struct lane_rows *r, const struct lane_row *row)
{
	struct lane lane = {
		.id = row->id,
		.vp = row->vp,
		.service = put_service(c, r, row),
		.port = row->port,
		.flow = row->flow,
	};

	lane.proto = name_of(c, r, row->proto);
	lane.question = name_of(c, r, row->question);
	put_lane_of_vp(&c->vps[row->vp], (int32_t)c->lane_count);
	if (c->lane_count == c->lane_room)
		c->lanes =
		    memory_grow(c->lanes, &c->lane_room, sizeof(*c->lanes));
	c->lanes[c->lane_count++] = lane;
}

static void
read_lane_rows(struct lane_rows *r, const struct catalog *c, struct query *q,
    const struct catalog_filter *filter)
{
	struct id_index vps = {
		.entries = memory_zeroed(c->vp_count, sizeof(*vps.entries)),
		.count = c->vp_count,
	};
	struct query_rows *rows = query_prepare(q,
	    "SELECT id, vp, target, address, af, port, proto, question, flow"
	    " FROM lane");

	for (size_t i = 0; i < c->vp_count; i++)
		vps.entries[i] = (struct id_entry){ c->vps[i].id, (int32_t)i };
	catalog_sort_ids(&vps);
	while (query_next(rows)) {
		int32_t vp = catalog_id(&vps, query_int(rows, 1));
		const char *question = query_text(rows, 7);

		if (vp < 0 || !catalog_wanted(filter->questions, question) ||
		    (!filter->traces && strcmp(question, "trace") == 0) ||
		    (filter->af != 0 && filter->af != query_int(rows, 4)) ||
		    !catalog_wanted(filter->targets, query_text(rows, 2)))
			continue;
		if (r->count == r->room)
			r->items =
			    memory_grow(r->items, &r->room, sizeof(*r->items));
		r->items[r->count++] = (struct lane_row){
			.id = query_int(rows, 0),
			.vp = vp,
			.target = names_put(&r->texts, query_text(rows, 2)),
			.address = names_put(&r->texts, query_text(rows, 3)),
			.af = (int)query_int(rows, 4),
			.port = (int)query_int(rows, 5),
			.proto = names_put(&r->texts, query_text(rows, 6)),
			.question = names_put(&r->texts, query_text(rows, 7)),
			.flow = (int)query_int(rows, 8),
		};
	}
	query_finish(rows);
	catalog_clear_ids(&vps);
}

static int
compare_texts(const void *left, const void *right, void *texts)
{
	return strcmp(names_text(texts, *(const int32_t *)left),
	    names_text(texts, *(const int32_t *)right));
}

/* Texts are compared once, not in every lane that has them. */
static void
rank_texts(struct lane_rows *r)
{
	const size_t count = r->texts.count;
	int32_t *rank = memory_zeroed(count, sizeof(*rank));

	r->by_rank = memory_zeroed(count, sizeof(*r->by_rank));
	for (size_t i = 0; i < count; i++)
		r->by_rank[i] = (int32_t)i;
	qsort_r(
	    r->by_rank, count, sizeof(*r->by_rank), compare_texts, &r->texts);
	for (size_t i = 0; i < count; i++)
		rank[r->by_rank[i]] = (int32_t)i;
	for (size_t i = 0; i < r->count; i++) {
		struct lane_row *row = &r->items[i];

		row->target = rank[row->target];
		row->address = rank[row->address];
		row->proto = rank[row->proto];
		row->question = rank[row->question];
	}
	free(rank);
}

static int
compare_lanes(const void *left, const void *right)
{
	const struct lane_row *a = left, *b = right;
	int order;

	if ((order = compare_int(a->target, b->target)) != 0 ||
	    (order = compare_int(a->af, b->af)) != 0 ||
	    (order = compare_int(a->address, b->address)) != 0 ||
	    (order = compare_int(a->question, b->question)) != 0 ||
	    (order = compare_int(a->proto, b->proto)) != 0 ||
	    (order = compare_int(a->port, b->port)) != 0 ||
	    (order = compare_int(a->flow, b->flow)) != 0 ||
	    (order = compare_int(a->vp, b->vp)) != 0)
		return order;
	return compare_int(a->id, b->id);
}

void
catalog_read_lanes(
    struct catalog *c, struct query *q, const struct catalog_filter *filter)
{
	struct lane_rows r = { 0 };

	read_lane_rows(&r, c, q, filter);
	if (r.count > 0) {
		rank_texts(&r);
		qsort(r.items, r.count, sizeof(*r.items), compare_lanes);
	}
	for (size_t i = 0; i < r.count; i++)
		put_lane(c, &r, &r.items[i]);
	names_clear(&r.texts);
	free(r.items);
	free(r.by_rank);
	names_map_clear(&r.name_of);
}
