/*
 * What a vantage point may send in a day (UTC, of receipt), so that whoever
 * has its key cannot fill the disk.
 */
#ifndef COLLECTOR_QUOTA_H
#define COLLECTOR_QUOTA_H

#include <stdint.h>
#include "collector/store.h"

struct quota {
	int64_t records, bytes; /* 0: no limit */
};

/* From now on for what comes through this store. Default: no limits. */
void quota_set(struct store *, const struct quota *);

/* STORE_OVER_QUOTA where a batch of that size is one too many; else it is
 * counted. Inside a transaction. */
enum store_result quota_take(
    struct store *, int64_t vp, int64_t records, int64_t bytes);
/* The same, and counts nothing; works outside a transaction too. */
enum store_result quota_look(
    struct store *, const char *vp, int64_t records, int64_t bytes);

#endif
