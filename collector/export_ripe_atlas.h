/*
 * Records of the store as RIPE Atlas results, JSON Lines, for tools that
 * read those.
 *
 * A batch gives one result for each thing asked in it (DNS as a resultset,
 * pings as one result of several packets, each trace by itself). What has no
 * number there is given one that stays: prb_id and msm_id of what was once
 * imported are as they were; else both are made of names, above 10^9. abuf is
 * made again from what a record keeps of a reply.
 */
#ifndef COLLECTOR_EXPORT_RIPE_ATLAS_H
#define COLLECTOR_EXPORT_RIPE_ATLAS_H

#include <stdio.h>

/* Write all batches of the database that have records, or those of one
 * vantage point, to the stream. What has no place in the format is counted on
 * standard error. The exit code. */
int export_ripe_atlas(const char *db, const char *vp, FILE *);

#endif
