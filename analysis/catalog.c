#include "analysis/catalog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/catalog_private.h"
#include "analysis/compare.h"
#include "analysis/memory.h"
#include "lib/log.h"
#include "lib/text.h"

#define NOT_ASKED (-2)
#define COMPLAIN_BYTES 400
#define DENSE_IDS 10000000

static int
compare_entries(const void *a, const void *b)
{
	return compare_int(
	    ((const struct id_entry *)a)->id, ((const struct id_entry *)b)->id);
}

int32_t
catalog_id(const struct id_index *index, int64_t id)
{
	const struct id_entry key = { .id = id };
	const struct id_entry *entry;

	if (index->by_id != NULL)
		return id >= 0 && id < index->ids ? index->by_id[id] : -1;
	if (index->count == 0)
		return -1;
	entry = bsearch(&key, index->entries, index->count,
	    sizeof(*index->entries), compare_entries);
	return entry == NULL ? -1 : entry->index;
}

/* Millions of rows ask: by a table, where ids are as dense as ours. */
static bool
make_table(struct id_index *index)
{
	const struct id_entry *entries = index->entries;
	int64_t last = -1;

	for (size_t i = 0; i < index->count; i++) {
		if (entries[i].id < 0 || entries[i].id >= DENSE_IDS)
			return false;
		if (entries[i].id > last)
			last = entries[i].id;
	}
	index->ids = last + 1;
	index->by_id = memory_zeroed((size_t)index->ids, sizeof(*index->by_id));
	memset(index->by_id, 0xff,
	    (size_t)index->ids * sizeof(*index->by_id)); /* -1 */
	for (size_t i = 0; i < index->count; i++)
		index->by_id[entries[i].id] = entries[i].index;
	return true;
}

void
catalog_sort_ids(struct id_index *index)
{
	if (!make_table(index))
		qsort(index->entries, index->count, sizeof(*index->entries),
		    compare_entries);
}

void
catalog_clear_ids(struct id_index *index)
{
	free(index->entries);
	free(index->by_id);
}

static int32_t
put_name(struct catalog *c, struct query_rows *rows, int column)
{
	return names_put(&c->names, query_text(rows, column));
}

static int32_t
put_name_or_null(struct catalog *c, struct query_rows *rows, int column)
{
	const char *text = query_text(rows, column);

	return text[0] == '\0' ? -1 : names_put(&c->names, text);
}

bool
catalog_wanted(const struct names *filter, const char *text)
{
	return filter->count == 0 || names_find(filter, text) >= 0;
}

static void
read_vps(
    struct catalog *c, struct query *q, const struct catalog_filter *filter)
{
	struct query_rows *rows =
	    query_prepare(q, "SELECT id, name FROM vp ORDER BY name");

	while (query_next(rows)) {
		if (!catalog_wanted(filter->vps, query_text(rows, 1)))
			continue;
		if (c->vp_count == c->vp_room)
			c->vps =
			    memory_grow(c->vps, &c->vp_room, sizeof(*c->vps));
		c->vps[c->vp_count++] = (struct vantage){
			.id = query_int(rows, 0),
			.name = put_name(c, rows, 1),
		};
	}
	query_finish(rows);
}

/* A foreign database may say anything. */
static bool
is_position(struct query_rows *rows, int lat, int lon)
{
	return !query_null(rows, lat) && !query_null(rows, lon) &&
	       fabs(query_real(rows, lat)) <= 90 &&
	       fabs(query_real(rows, lon)) <= 180;
}

static void
read_places(struct catalog *c, struct query *q)
{
	struct query_rows *rows = query_prepare(q,
	    "SELECT since, region, country, asn, lat, lon, city FROM vp_place"
	    " WHERE vp = ?1 ORDER BY since");

	for (size_t i = 0; i < c->vp_count; i++) {
		struct vantage *vp = &c->vps[i];
		size_t room = 0;

		query_bind(rows, 1, vp->id);
		while (query_next(rows)) {
			if (vp->place_count == room)
				vp->places = memory_grow(
				    vp->places, &room, sizeof(*vp->places));
			vp->places[vp->place_count++] = (struct place){
				.since_us = query_int(rows, 0),
				.region = put_name_or_null(c, rows, 1),
				.country = put_name_or_null(c, rows, 2),
				.city = put_name_or_null(c, rows, 6),
				.as_name = -1,
				.asn = query_null(rows, 3) ? -1
							   : query_int(rows, 3),
				.has_position = is_position(rows, 4, 5),
				.lat = query_real(rows, 4),
				.lon = query_real(rows, 5),
			};
		}
		query_reset(rows);
	}
	query_finish(rows);
}

static void
index_lanes(struct catalog *c)
{
	c->lane_ids.count = c->lane_count;
	c->lane_ids.entries =
	    memory_zeroed(c->lane_count, sizeof(*c->lane_ids.entries));
	for (size_t i = 0; i < c->lane_count; i++)
		c->lane_ids.entries[i] =
		    (struct id_entry){ c->lanes[i].id, (int32_t)i };
	catalog_sort_ids(&c->lane_ids);
}

static void
read_instances(struct catalog *c, struct query *q)
{
	struct query_rows *rows = query_prepare(
	    q, "SELECT id, method, text FROM instance ORDER BY method, bytes");

	while (query_next(rows)) {
		if (c->instance_count == c->instance_room)
			c->instances = memory_grow(c->instances,
			    &c->instance_room, sizeof(*c->instances));
		c->instances[c->instance_count] = (struct instance){
			.id = query_int(rows, 0),
			.method = put_name_or_null(c, rows, 1),
			.text = put_name(c, rows, 2),
			.rank = (uint32_t)c->instance_count,
		};
		c->instance_count++;
	}
	query_finish(rows);
	c->instance_ids.count = c->instance_count;
	c->instance_ids.entries =
	    memory_zeroed(c->instance_count, sizeof(*c->instance_ids.entries));
	for (size_t i = 0; i < c->instance_count; i++)
		c->instance_ids.entries[i] =
		    (struct id_entry){ c->instances[i].id, (int32_t)i };
	catalog_sort_ids(&c->instance_ids);
}

/* A typing error in a name must not look like an empty report. */
static void
complain(struct query *q, const char *kind, const char *sql,
    const struct names *filter)
{
	struct query_rows *rows = query_prepare(q, sql);
	char list[COMPLAIN_BYTES] = "";
	size_t missing = 0, len = 0;

	for (size_t i = 0; i < filter->count; i++) {
		const char *name = filter->texts[i];

		query_bind_text(rows, 1, name);
		if (!query_next(rows) && !query_failed(q) && missing++ < 5)
			(void)text_print(list + len, sizeof(list) - len, "%s%s",
			    len > 0 ? ", " : "", name);
		len = strlen(list);
		query_reset(rows);
	}
	if (missing > 0)
		log_warnx("%zu of %zu %s not in the database: %s%s", missing,
		    filter->count, kind, list, missing > 5 ? ", ..." : "");
	query_finish(rows);
}

void
catalog_read(struct catalog *c, struct query *q,
    const struct catalog_filter *filter, const struct site_map *map)
{
	*c = (struct catalog){
		.map = map,
		.whole = filter->targets->count == 0 &&
			 filter->vps->count == 0 &&
			 filter->questions->count == 0 && filter->af == 0 &&
			 !filter->traces,
	};
	read_vps(c, q, filter);
	read_places(c, q);
	catalog_read_lanes(c, q, filter);
	index_lanes(c);
	read_instances(c, q);
	c->site_of = memory_zeroed(c->service_count, sizeof(*c->site_of));
	if (filter->again)
		return;
	complain(q, "vantage points", "SELECT 1 FROM vp WHERE name = ?1",
	    filter->vps);
	complain(q, "targets", "SELECT 1 FROM lane WHERE target = ?1 LIMIT 1",
	    filter->targets);
	complain(q, "questions",
	    "SELECT 1 FROM lane WHERE question = ?1 LIMIT 1",
	    filter->questions);
}

void
catalog_clear(struct catalog *c)
{
	for (size_t i = 0; i < c->vp_count; i++) {
		free(c->vps[i].places);
		free(c->vps[i].lanes);
	}
	for (size_t i = 0; i < c->service_count; i++)
		free(c->site_of[i]);
	free(c->site_of);
	free(c->vps);
	free(c->services);
	free(c->lanes);
	free(c->instances);
	catalog_clear_ids(&c->lane_ids);
	catalog_clear_ids(&c->instance_ids);
	names_clear(&c->names);
	names_clear(&c->sites);
	*c = (struct catalog){ 0 };
}

int32_t
catalog_lane(const struct catalog *c, int64_t id)
{
	return catalog_id(&c->lane_ids, id);
}

int32_t
catalog_instance(const struct catalog *c, int64_t id)
{
	return catalog_id(&c->instance_ids, id);
}

const struct place *
catalog_place(const struct vantage *vp, int64_t t_us)
{
	size_t i = vp->place_count;

	if (i == 0)
		return NULL;
	while (i > 1 && vp->places[i - 1].since_us > t_us)
		i--;
	return &vp->places[i - 1];
}

/* What a service's names mean, asked of the map once. */
static int32_t
find_site(struct catalog *c, int32_t service, int32_t instance)
{
	const char *text = names_text(&c->names, c->instances[instance].text);
	const struct site_name name = {
		.service = names_text(&c->names, c->services[service].target),
		.instance = text,
		.time_us = c->map_us,
	};
	struct site site;

	c->asked++;
	if (site_map_find_at(c->map, &name, &site))
		text = site.name;
	else
		c->unplaced++;
	return names_put(&c->sites, text);
}

/* The first address of a service's target. */
static int32_t
first_of_target(const struct catalog *c, int32_t service)
{
	while (service > 0 &&
	       c->services[service - 1].target == c->services[service].target)
		service--;
	return service;
}

int32_t
catalog_site(struct catalog *c, int32_t service, int32_t instance)
{
	int32_t *sites = c->site_of[service], first;

	if (sites == NULL) {
		sites = memory_zeroed(c->instance_count, sizeof(*sites));
		for (size_t i = 0; i < c->instance_count; i++)
			sites[i] = NOT_ASKED;
		c->site_of[service] = sites;
	}
	if (sites[instance] == NOT_ASKED) {
		first = first_of_target(c, service);
		sites[instance] = first < service
				      ? catalog_site(c, first, instance)
				      : find_site(c, service, instance);
	}
	return sites[instance];
}
