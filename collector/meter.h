/*
 * What a server has counted since it started. One thread or several add, the
 * metrics' own thread reads: every number is atomic by itself.
 */
#ifndef COLLECTOR_METER_H
#define COLLECTOR_METER_H

#include <stdatomic.h>
#include <stdint.h>
#include "collector/ingest.h"
#include "lib/times.h"

#define METER_BUCKETS 13 /* of commit times; and one beyond the last */
#define METER_STATUS_MIN 400
#define METER_STATUS_MAX 599

struct meter {
	atomic_llong verdicts[INGEST_VERDICTS]; /* answered uploads */
	atomic_llong statuses[METER_STATUS_MAX - METER_STATUS_MIN + 1];
	atomic_llong records; /* of stored batches */
	atomic_llong commits[METER_BUCKETS + 1];
	atomic_llong commit_us;
	struct wall started;
};

extern const int64_t meter_bucket_us[METER_BUCKETS]; /* upper ends, ≤ */

void meter_start(struct meter *);

/* NULL is no meter: nothing is counted. */
void meter_verdict(struct meter *, const struct ingest_result *);
void meter_status(struct meter *, unsigned status); /* not of a verdict */
void meter_commit(struct meter *, struct span);

#endif
