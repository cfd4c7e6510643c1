/*
 * The statements of what is listed: `status`, `vp list` and `vp status`, `note
 * list`, `sites lists`, and the metrics.
 */
#ifndef COLLECTOR_STATEMENTS_LIST_H
#define COLLECTOR_STATEMENTS_LIST_H

/* For the metrics: a count; name, latest record's time. */
extern const char metrics_unsettled[];
extern const char metrics_vps[];

/* NAME, VALUE per row. */
extern const char status_query[];
/* `note list`, `sites lists`, `vp list`, and `vp status` of the vantage point
 * ?1 (null: all). */
extern const char note_list_query[];
extern const char site_lists_query[];
extern const char vp_list_query[];
extern const char vp_status_query[];
extern const char listing_keep[]; /* a format of sqlite3_mprintf: a query */
extern const char listing_kept[];

#endif
