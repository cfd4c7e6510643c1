/*
 * What every report gets, and the reports.
 */
#ifndef ANALYSIS_REPORTS_H
#define ANALYSIS_REPORTS_H

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

/* Each writes header and rows. 0, or -1 where a write failed (errno); what
 * the database says wrong is found in query_failed(). */
int latency_report(struct run *);
int catchment_report(struct run *);
int changes_report(struct run *);
int html_report(struct run *);
int diff_report(struct run *);
int events_report(struct run *);
int stability_report(struct run *);
int vps_report(struct run *);
int sites_report(struct run *);
int availability_report(struct run *);
int congruence_report(struct run *);
int paths_report(struct run *);
int inflation_report(struct run *);
int locality_report(struct run *);
int plausibility_report(struct run *);
int identities_report(struct run *);
int publication_report(struct run *);
int rssac047_report(struct run *);
int records_report(struct run *);

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
