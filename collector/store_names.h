/*
 * The ids of what records name again and again: found in memory, else in the
 * database, else added. Inside a transaction.
 */
#ifndef COLLECTOR_STORE_NAMES_H
#define COLLECTOR_STORE_NAMES_H

#include "collector/store.h"

#define INSTANCE_NAMELESS 1 /* store.sql makes it */

enum store_result store_lane(
    struct store *, int64_t vp, const struct record *, int64_t *lane);
/* 0 where the record is not answered. */
enum store_result store_instance(
    struct store *, const struct record *, int64_t *instance);
enum store_result store_detail(struct store *, const struct record *,
    int64_t *detail, int64_t *reply); /* reply 0: none */
enum store_result store_path(
    struct store *, const char *hops, size_t len, int64_t *path);

#endif
