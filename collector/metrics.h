/*
 * How the collector fares, for a monitor: GET /metrics in the OpenMetrics
 * text format 1.0 (https://openmetrics.io), on a socket of its own without
 * TLS, meant for the same host. A thread of its own with its own read-only
 * connection answers, so that a scrape waits for no upload and no upload for
 * a scrape.
 */
#ifndef COLLECTOR_METRICS_H
#define COLLECTOR_METRICS_H

#include "collector/meter.h"

/* The whole page, which the caller frees; NULL: no memory, or the database
 * cannot be read (one line was logged). */
char *metrics_page(struct meter *, const char *db);

struct metrics;

/* where: "ADDRESS:PORT", or a port of 127.0.0.1. Logs "metrics on ...".
 * NULL after one line, *code is the exit code. Signals that the caller has
 * blocked stay blocked. */
struct metrics *metrics_start(
    const char *where, const char *db, struct meter *, int *code);
void metrics_stop(struct metrics *);

#endif
