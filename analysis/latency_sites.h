/*
 * Latency by site over very many records. A run is of one instance and so of
 * one site. What was not answered belongs to a site only where the answers
 * before and after agree, and a run says only when the first and the last
 * question of the hour were lost: where that does not decide it, the raw rows
 * are asked.
 */
#ifndef ANALYSIS_LATENCY_SITES_H
#define ANALYSIS_LATENCY_SITES_H

#include "analysis/latency.h"
#include "analysis/run_hours.h"

struct latency_sites;

/* Read whole hours, and what of the step is before them, into l->runs. The
 * hours are borrowed. */
struct latency_sites *latency_sites_read(
    struct latency *, const struct run_hours *);
void latency_sites_free(struct latency_sites *);

/* Read the rest of a vantage point's step, from a time on. */
void latency_sites_end(struct latency_sites *, int32_t vp, int64_t from_us);

#endif
