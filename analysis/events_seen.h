/*
 * How many of a service were seen anywhere until a time, and how many were
 * elsewhere at another one: looked up, since every event asks.
 */
#ifndef ANALYSIS_EVENTS_SEEN_H
#define ANALYSIS_EVENTS_SEEN_H

#include "analysis/events.h"

/* Of the stays, once they are read; the caller frees it. */
struct seen *events_seen_sort(const struct events *);
void events_seen_free(struct seen *);

/* Vantage points of a service that were somewhere before a time, and their
 * load, which is added. */
size_t events_seen_vps(
    const struct events *, int32_t service, int64_t before_us, double *load);

/* The load of all vantage points. */
double events_seen_load(const struct events *);

/* Lanes of a service that were somewhere until a time, with it. */
size_t events_seen_lanes(const struct events *, int32_t service, int64_t t_us);

/* Those of them that were at another site at a later time. */
size_t events_seen_elsewhere(
    const struct events *, int32_t service, int64_t t_us, int64_t later_us);

#endif
