/*
 * What acreport says on standard error beside a report: what limits it, and
 * what would better it. Each says one line, or nothing where there is nothing
 * to say.
 */
#ifndef ANALYSIS_REMARKS_H
#define ANALYSIS_REMARKS_H

#include <stdbool.h>
#include "analysis/reports.h"

/* The database has measurements, and none of the window's hours: of which. */
void remarks_window(const struct run *);
/* Hours of the window whose runs and intervals are not made yet. */
void remarks_unsettled(const struct run *);
/* What retention took (accollect prune), and what a report of that time stands
 * on instead; needs_records: it has nothing to stand on. */
void remarks_pruned(const struct run *, bool needs_records);
/* Identities that a better site map would place. */
void remarks_unplaced(const struct run *);
/* Rows without a position, of what was written. */
void remarks_nowhere(const struct report *);
/* Vantage points that somebody else answered. */
void remarks_intercepted(const struct run *);

#endif
