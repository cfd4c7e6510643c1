/*
 * The reports.
 */
#ifndef ANALYSIS_REPORTS_H
#define ANALYSIS_REPORTS_H

#include "analysis/run.h"

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

#endif
