/*
 * What a store knows beside its samples: vantage points and where they were,
 * services, lanes, instances, and the sites that a map gives them. Read once,
 * small, and then asked for every sample by number.
 */
#ifndef ANALYSIS_CATALOG_H
#define ANALYSIS_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/names.h"
#include "analysis/query.h"
#include "lib/site_map.h"

/* Texts are numbers of catalog.names; -1: unknown. */
struct place {
	int64_t since_us;
	int32_t region, country, city;
	int64_t asn; /* -1: unknown */
	int32_t as_name;
	bool by_address; /* country or city are (places.h) */
	bool asn_by_address;
	bool has_position; /* the operator's word alone */
	double lat, lon;
};

struct vantage {
	int64_t id;
	int32_t name;
	struct place *places; /* by time; none where count is 0 */
	size_t place_count;
	int32_t *lanes; /* indexes, ascending */
	size_t lane_count, lane_room;
};

/* A target's address. */
struct service {
	int32_t target, address;
	int af;
};

struct lane {
	int64_t id;
	int32_t vp, service; /* indexes */
	int32_t proto, question;
	int port, flow;
};

struct instance {
	int64_t id;
	int32_t method; /* -1: answered without a name */
	int32_t text;
	uint32_t rank; /* in the order of method and bytes */
};

/* Numbers of rows by their id. */
struct id_index {
	struct id_entry {
		int64_t id;
		int32_t index;
	} * entries;
	size_t count;
	int32_t *by_id; /* of ids below ids; NULL: they are too far apart */
	int64_t ids;
};

struct judge;
struct services;
struct catalog {
	bool whole; /* without a filter, and without traces */
	struct names names;
	struct vantage *vps; /* by name */
	size_t vp_count, vp_room;
	struct service *services; /* by target, family, address */
	size_t service_count, service_room;
	struct lane *lanes; /* by service, question, proto, port, flow, vp */
	size_t lane_count, lane_room;
	struct instance *instances;
	size_t instance_count, instance_room;
	struct id_index lane_ids, instance_ids;
	const struct site_map *map;
	/* Asked where map has no place, and for that alone (locate.h); NULL:
	 * nothing. Borrowed. */
	const struct site_map *places;
	int64_t map_us; /* when its lines have to be valid; 0: now */
	/* Of names that the map was asked for, of all addresses of a target
	 * once: how many, and without site. */
	size_t asked, unplaced;
	struct names sites;
	int32_t **site_of;   /* by service, then instance; -2: not asked yet */
	struct judge *judge; /* of what is read (judge.h); NULL: none */
	const struct services *naming; /* which question names whom; or NULL */
};

/* What is wanted of it; empty names: all. */
struct catalog_filter {
	const struct names *targets, *vps, *questions;
	int af;      /* 0: both */
	bool traces; /* lanes of traces too */
	bool again;  /* what is missing was said, or is nobody's mistake */
};

/* map is borrowed and may be NULL. Names of the filter that are not in the
 * database are logged, in one line a kind. */
void catalog_read(struct catalog *, struct query *,
    const struct catalog_filter *, const struct site_map *map);
void catalog_clear(struct catalog *);

/* Indexes by id; -1: not wanted or not there. */
int32_t catalog_lane(const struct catalog *, int64_t id);
int32_t catalog_instance(const struct catalog *, int64_t id);

/* Where a vantage point was at a time; NULL where nobody said. */
const struct place *catalog_place(const struct vantage *, int64_t t_us);

/* The site of a named instance of a service, as a number of sites: what the
 * map says, else the instance's own name. */
int32_t catalog_site(struct catalog *, int32_t service, int32_t instance);

#endif
