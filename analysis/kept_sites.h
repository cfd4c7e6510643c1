/*
 * The site map of a report: the operator's lists that the database keeps
 * (accollect sites import --list), then the file that the user names.
 */
#ifndef ANALYSIS_KEPT_SITES_H
#define ANALYSIS_KEPT_SITES_H

#include "analysis/query.h"
#include "lib/site_map.h"

struct kept_sites {
	struct query *query;
	const char *path; /* NULL: no file */
	int64_t at_us;    /* of each list the last that began until then */
};

/* 0, with *map NULL where there is neither; or -1 with the reason in error and
 * errno as site_map_read. The caller asks query_failed. */
int kept_sites_read(
    struct site_map **map, const struct kept_sites *, char *error, size_t size);

#endif
