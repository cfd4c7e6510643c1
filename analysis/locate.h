/*
 * Where a row of a report lies on a map.
 */
#ifndef ANALYSIS_LOCATE_H
#define ANALYSIS_LOCATE_H

#include "analysis/catalog.h"
#include "analysis/report.h"

/* Where each site is, by number, by any of its instances that were met: by the
 * catalog's map, else by its places; without has_position where neither knows.
 * The caller frees. */
struct site *locate_sites(const struct catalog *);

/* Of a report->owner that is a struct run: the position of the row's vantage
 * point at the end of the window, else of its site by the site map. false
 * where neither is known. */
bool locate_row(
    const struct report *, const struct cell *cells, double *lat, double *lon);

#endif
