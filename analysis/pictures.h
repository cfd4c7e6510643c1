/*
 * What a table on a terminal draws behind its rows: a bar of the share of a
 * site, a sparkline of a region's round trips.
 */
#ifndef ANALYSIS_PICTURES_H
#define ANALYSIS_PICTURES_H

#include "analysis/reports.h"

/* For a table that is about to be written; nothing where the report has no
 * such picture. pictures_clear frees. */
void pictures_choose(struct run *);
void pictures_clear(struct run *);

#endif
