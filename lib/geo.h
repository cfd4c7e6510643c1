/*
 * Place and network of an address by the operator's own MMDB files (GeoLite2,
 * DB-IP, IPinfo and the like): flat records and those of GeoIP2. What they say
 * of an anycast address is meaningless; ask for vantage points, clients and
 * routers. Their network is the publisher's word, not the routing table's.
 */
#ifndef LIB_GEO_H
#define LIB_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/limits.h"

struct geo_place {
	char country[3];                 /* ISO 3166, capitals; "": unknown */
	char city[LIMIT_REGION + 1];     /* ASCII; "": unknown */
	char as_name[LIMIT_AS_NAME + 1]; /* ASCII; "": unknown */
	int64_t asn;                     /* -1: unknown */
	bool has_position;
	double lat, lon;
};

struct geo;

/* A database that is missing or none is named in one line on standard error
 * and left out: what only it says stays unknown. NULL where no file was given
 * or none can be used. While a file is open it must not be written to (its
 * publishers' tools put a new one in its place). */
struct geo *geo_open(const char *const *paths, size_t count);
void geo_close(struct geo *);

/* Each field from the first database that says it; city and position from one
 * database, and only where its country is not another. false where nothing is
 * known. geo may be NULL. A database whose record is damaged is named in one
 * line, once. */
bool geo_find(struct geo *, const struct addr *, struct geo_place *);

#endif
