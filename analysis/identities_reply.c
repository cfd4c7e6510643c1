/* What else a reply says that named a server: its NSID beside the name that
 * was asked for, and the serial of the zone. */
#include <stdlib.h>
#include <string.h>
#include "analysis/identities.h"
#include "analysis/memory.h"
#include "analysis/soa.h"
#include "lib/limits.h"

struct reader {
	struct identities *ids;
	struct identity_serials *serials;
	struct query_rows *rows, *reply;
	int32_t soa, nsid; /* numbers of catalog.names; -1 */
};

static void
add_pair(struct identities *ids, const struct identity_pair *pair)
{
	if (ids->pair_count == ids->pair_room)
		ids->pairs = memory_grow(
		    ids->pairs, &ids->pair_room, sizeof(*ids->pairs));
	ids->pairs[ids->pair_count++] = *pair;
}

static void
read_pair(struct reader *r, const struct identity_sight *sight)
{
	struct catalog *c = &r->ids->run->catalog;
	const char *text = query_text(r->reply, 1);

	if (text[0] != '\0' && c->instances[sight->instance].method != r->nsid)
		add_pair(r->ids,
		    &(struct identity_pair){
			.target =
			    r->ids->target_of[c->lanes[sight->lane].service],
			.instance = sight->instance,
			.nsid = names_put(&c->names, text),
		    });
}

static void
read_serial(struct reader *r, const struct identity_sight *sight)
{
	const struct catalog *c = &r->ids->run->catalog;
	struct identity_serials *s = r->serials;
	const int64_t serial = query_int(r->reply, 0);

	if (c->lanes[sight->lane].question != r->soa ||
	    query_null(r->reply, 0) || serial < 0 || serial > UINT32_MAX ||
	    (!query_null(r->rows, 4) && query_int(r->rows, 4) != 0))
		return;
	if (s->count == s->room)
		s->items = memory_grow(s->items, &s->room, sizeof(*s->items));
	s->items[s->count++] = (struct identity_serial){
		.lane = sight->lane,
		.instance = sight->instance,
		.t_us = sight->last_us,
		.serial = serial,
	};
}

/* A row of the batches around a time may be the last one of a sight. */
static void
read_row(struct reader *r)
{
	const struct catalog *c = &r->ids->run->catalog;
	struct identity_sight *sight = identity_sights_find(&r->ids->sights,
	    catalog_lane(c, query_int(r->rows, 0)),
	    catalog_instance(c, query_int(r->rows, 1)));

	if (sight == NULL || sight->last_us != query_int(r->rows, 2) ||
	    query_int(r->rows, 5) != OUTCOME_ANSWERED || query_null(r->rows, 3))
		return;
	sight->read = true;
	query_bind(r->reply, 1, query_int(r->rows, 3));
	if (query_next(r->reply)) {
		read_pair(r, sight);
		read_serial(r, sight);
	}
	query_reset(r->reply);
}

/* The rows of batches that hold the time of a sight's last one: of others
 * too. */
static void
read_around(struct reader *r, const struct identity_sight *sight)
{
	const struct catalog *c = &r->ids->run->catalog;

	query_bind(r->rows, 1, c->vps[c->lanes[sight->lane].vp].id);
	query_bind(r->rows, 2, sight->last_us);
	query_bind(r->rows, 3, LIMIT_BATCH_SPAN_US);
	while (query_next(r->rows))
		read_row(r);
	query_reset(r->rows);
}

static int
compare_pairs(const void *left, const void *right)
{
	const struct identity_pair *a = left, *b = right;

	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	if (a->instance != b->instance)
		return a->instance < b->instance ? -1 : 1;
	return (a->nsid > b->nsid) - (a->nsid < b->nsid);
}

static void
sort_pairs(struct identities *ids)
{
	size_t kept = 0;

	if (ids->pair_count > 1)
		qsort(ids->pairs, ids->pair_count, sizeof(*ids->pairs),
		    compare_pairs);
	for (size_t i = 0; i < ids->pair_count; i++) {
		if (kept == 0 ||
		    compare_pairs(&ids->pairs[kept - 1], &ids->pairs[i]) != 0)
			ids->pairs[kept++] = ids->pairs[i];
	}
	ids->pair_count = kept;
}

void
identities_read_replies(
    struct identities *ids, struct identity_serials *serials)
{
	const struct catalog *c = &ids->run->catalog;
	struct reader r = {
		.ids = ids,
		.serials = serials,
		.soa = names_find(&c->names, "soa"),
		.nsid = names_find(&c->names, "nsid"),
	};

	r.rows = query_prepare(ids->run->query,
	    "SELECT m.lane, m.instance, b.t0 + m.dt_us, m.reply, m.rcode,"
	    " m.outcome FROM batch b CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " WHERE b.vp = ?1 AND b.t0 <= ?2 AND b.t0 >= ?2 - ?3"
	    " AND b.t1 >= ?2 AND b.too_late = 0 AND b.pruned & 4 = 0");
	r.reply = query_prepare(ids->run->query,
	    "SELECT json_extract(json, '$.serial'),"
	    " json_extract(json, '$.nsid') FROM detail WHERE id = ?1");
	for (size_t i = 0; i < ids->sights.count; i++) {
		if (!ids->sights.items[i].read)
			read_around(&r, &ids->sights.items[i]);
	}
	sort_pairs(ids);
	query_finish(r.rows);
	query_finish(r.reply);
}
