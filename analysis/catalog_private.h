/*
 * What the parts of a catalog share: for catalog*.c only.
 */
#ifndef ANALYSIS_CATALOG_PRIVATE_H
#define ANALYSIS_CATALOG_PRIVATE_H

#include "analysis/catalog.h"

/* Makes what catalog_id asks: entries come in any order. */
void catalog_sort_ids(struct id_index *);
void catalog_clear_ids(struct id_index *);
int32_t catalog_id(const struct id_index *, int64_t id);

bool catalog_wanted(const struct names *filter, const char *text);

/* Vantage points were read before. */
void catalog_read_lanes(
    struct catalog *, struct query *, const struct catalog_filter *);

#endif
