#include "collector/meter.h"

#include <stddef.h>

const int64_t meter_bucket_us[METER_BUCKETS] = { 1000, 2000, 5000, 10000, 20000,
	50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000 };

static void
add(atomic_llong *counter, long long value)
{
	atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

void
meter_start(struct meter *m)
{
	*m = (struct meter){ .started = wall_now() };
}

void
meter_verdict(struct meter *m, const struct ingest_result *result)
{
	if (m == NULL)
		return;
	add(&m->verdicts[result->verdict], 1);
	if (result->verdict == INGEST_STORED)
		add(&m->records, result->line.records);
}

void
meter_status(struct meter *m, unsigned status)
{
	if (m != NULL && status >= METER_STATUS_MIN &&
	    status <= METER_STATUS_MAX)
		add(&m->statuses[status - METER_STATUS_MIN], 1);
}

void
meter_commit(struct meter *m, struct span took)
{
	const int64_t us = span_to_us(took);
	int i = 0;

	if (m == NULL)
		return;
	while (i < METER_BUCKETS && us > meter_bucket_us[i])
		i++;
	add(&m->commits[i], 1);
	add(&m->commit_us, us);
}
