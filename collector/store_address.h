/*
 * The addresses of a vantage point, for its place and network: the one that
 * the collector saw, and those that the probe reports of its host. Both are
 * kept with their times and read by acreport.
 */
#ifndef COLLECTOR_STORE_ADDRESS_H
#define COLLECTOR_STORE_ADDRESS_H

#include <stdint.h>
#include "collector/store.h"
#include "lib/addr.h"

/* Seen from now on; in a transaction of its own, and only where it is another
 * than the last of its family. Of IPv6 the /64 is enough. Archived. */
enum store_result store_vp_see(
    struct store *, const char *vp, const struct addr *);

/* --- inside a transaction --- */

/* The same as of a time, for rebuild. */
enum store_result store_vp_seen(
    struct store *, int64_t vp, const struct addr *, struct wall since);

/* The global addresses that the head of a batch reports, of t0 to t1; that may
 * be none. The same for the same batches in any order. */
enum store_result store_vp_reported(struct store *, int64_t vp,
    const struct batch_head *, int64_t t0, int64_t t1);

#endif
