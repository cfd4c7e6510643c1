/*
 * What every report gets, and what several of them make of it.
 */
#ifndef ANALYSIS_RUN_H
#define ANALYSIS_RUN_H

#include "analysis/catalog.h"
#include "analysis/options.h"
#include "analysis/quantile.h"
#include "analysis/query.h"
#include "analysis/report.h"
#include "analysis/samples.h"
#include "analysis/weights.h"

struct run {
	const struct options *options;
	struct query *query;
	struct catalog catalog;
	struct sampler sampler;
	struct weights weights;
	struct geo *geo; /* NULL: no database of addresses was given */
	struct report report;
	struct pictures *pictures; /* of a table on a terminal, else NULL */
};

/* How long a vantage point may be silent before what it measured says nothing
 * of now or of what is between: --max-age, or by its rounds at a time
 * (samples_patience_us). */
int64_t run_patience_us(struct run *, int32_t vp, int64_t before_us);

/* Cells that several reports have. */
struct cell run_text(const struct run *, int32_t name);
struct cell run_site(const struct run *, int32_t site);
/* Of a place that may be NULL: nothing is known of it. */
struct cell run_region(const struct run *, const struct place *);
struct cell run_country(const struct run *, const struct place *);
struct cell run_asn(const struct place *);
/* Unknown where there are none. Sorts the values. */
struct cell run_median(struct values *);

#endif
