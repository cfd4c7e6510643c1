#include "analysis/identities.h"

#include <stdlib.h>
#include "analysis/compare.h"
#include "analysis/memory.h"

/* By target, name and vantage point, the newest first. */
static int
compare_sights(const void *left, const void *right, void *identities)
{
	const struct identity_sight *a = left, *b = right;
	const struct identities *ids = identities;
	const struct catalog *c = &ids->run->catalog;
	const struct lane *la = &c->lanes[a->lane];
	const struct lane *lb = &c->lanes[b->lane];
	int order;

	if ((order = compare_int(ids->target_of[la->service],
		 ids->target_of[lb->service])) != 0 ||
	    (order = compare_int(a->instance, b->instance)) != 0 ||
	    (order = compare_int(la->vp, lb->vp)) != 0 ||
	    (order = compare_int(b->last_us, a->last_us)) != 0)
		return order;
	return compare_int(a->lane, b->lane);
}

static struct identity *
put(struct identities *ids, size_t sight)
{
	const struct catalog *c = &ids->run->catalog;
	const struct identity_sight *s = &ids->sights.items[sight];
	const int32_t target = ids->target_of[c->lanes[s->lane].service];
	struct identity *last =
	    ids->count == 0 ? NULL : &ids->items[ids->count - 1];

	if (last != NULL && last->target == target &&
	    last->instance == s->instance)
		return last;
	if (ids->count == ids->room)
		ids->items =
		    memory_grow(ids->items, &ids->room, sizeof(*ids->items));
	ids->items[ids->count] = (struct identity){
		.target = target,
		.instance = s->instance,
		.sight = sight,
		.first_us = s->first_us,
		.last_us = s->last_us,
		.serial = -1,
		.serial_us = -1,
		.newest_serial = -1,
		.behind_us = -1,
	};
	return &ids->items[ids->count++];
}

static void
group(struct identities *ids)
{
	struct identity_sights *s = &ids->sights;

	if (s->count > 1)
		qsort_r(
		    s->items, s->count, sizeof(*s->items), compare_sights, ids);
	for (size_t i = 0; i < s->count; i++) {
		struct identity *id = put(ids, i);

		id->sight_count++;
		id->answers += s->items[i].answers;
		if (s->items[i].first_us < id->first_us)
			id->first_us = s->items[i].first_us;
		if (s->items[i].last_us > id->last_us)
			id->last_us = s->items[i].last_us;
	}
}

struct identity *
identities_find(struct identities *ids, int32_t target, int32_t instance)
{
	size_t low = 0, high = ids->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct identity *id = &ids->items[middle];

		if (id->target == target && id->instance == instance)
			return id;
		if (id->target < target ||
		    (id->target == target && id->instance < instance))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* What was seen before the window, of all time. */
static void
read_lane(struct identities *ids, struct query_rows *rows, size_t lane,
    int64_t *target_first)
{
	const struct catalog *c = &ids->run->catalog;
	const int32_t target = ids->target_of[c->lanes[lane].service];

	query_bind(rows, 1, c->lanes[lane].id);
	query_bind(rows, 2, ids->run->options->until_us);
	while (query_next(rows)) {
		const int32_t instance =
		    catalog_instance(c, query_int(rows, 0));
		const int64_t first_us = query_int(rows, 1);
		struct identity *id;

		if (instance < 0 || c->instances[instance].method < 0)
			continue;
		if (first_us < target_first[target])
			target_first[target] = first_us;
		id = identities_find(ids, target, instance);
		if (id != NULL && first_us < id->first_us)
			id->first_us = first_us;
	}
	query_reset(rows);
}

static void
read_firsts(struct identities *ids)
{
	const struct catalog *c = &ids->run->catalog;
	const int64_t since_us = ids->run->options->since_us;
	int64_t *target_first =
	    memory_zeroed(c->service_count, sizeof(*target_first));
	struct query_rows *rows = query_prepare(ids->run->query,
	    "SELECT instance, min(first) FROM interval WHERE lane = ?1"
	    " AND first < ?2 AND instance > 1 GROUP BY instance");

	for (size_t i = 0; i < c->service_count; i++)
		target_first[i] = INT64_MAX;
	for (size_t i = 0; i < c->lane_count; i++)
		read_lane(ids, rows, i, target_first);
	for (size_t i = 0; i < ids->count; i++) {
		struct identity *id = &ids->items[i];

		id->is_new = id->first_us >= since_us &&
			     target_first[id->target] < since_us;
	}
	query_finish(rows);
	free(target_first);
}

static void
number_targets(struct identities *ids)
{
	const struct catalog *c = &ids->run->catalog;

	ids->target_of =
	    memory_zeroed(c->service_count, sizeof(*ids->target_of));
	for (size_t i = 0; i < c->service_count; i++)
		ids->target_of[i] =
		    i > 0 && c->services[i].target == c->services[i - 1].target
			? ids->target_of[i - 1]
			: (int32_t)i;
}

void
identities_read(struct identities *ids, struct run *run)
{
	struct identity_serials serials = { 0 };

	*ids = (struct identities){ .run = run };
	number_targets(ids);
	identity_sights_read(&ids->sights, run);
	identities_read_replies(ids, &serials);
	group(ids);
	read_firsts(ids);
	identities_judge_serials(ids, &serials);
	free(serials.items);
}

void
identities_clear(struct identities *ids)
{
	identity_sights_clear(&ids->sights);
	free(ids->items);
	free(ids->pairs);
	free(ids->target_of);
	*ids = (struct identities){ 0 };
}
