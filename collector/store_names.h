/*
 * The ids of what records name again and again: found in memory, else in the
 * database, else added. Inside a transaction.
 */
#ifndef COLLECTOR_STORE_NAMES_H
#define COLLECTOR_STORE_NAMES_H

#include "collector/item.h"
#include "collector/store.h"

#define INSTANCE_NAMELESS 1 /* store.sql makes it */

/* Of each name that the item has; 0 for those that it has not. */
struct item_ids {
	int64_t lane, instance, detail, reply, path;
};
enum store_result store_item_ids(struct store *, int64_t vp,
    const struct items *, const struct item *, struct item_ids *);

/* Of what a batch's head says of its host. */
enum store_result store_host_id(
    struct store *, const struct batch_head *, int64_t *id);

/* It will be asked for soon. */
void store_expect_item(const struct store *, const struct item *);

#endif
