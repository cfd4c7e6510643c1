/*
 * The records of a look, packed until they are shown: by address, in order of
 * time.
 */
#ifndef PROBE_LOOK_KEPT_H
#define PROBE_LOOK_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/record.h"
#include "probe/look.h"
#include "probe/probe.h"

struct kept;

struct look_kept {
	struct kept *items;
	size_t count;
	bool failed; /* no memory: not all are there */
};

/* Room for as many. 0; -1: no memory. */
int look_kept_init(struct look_kept *, size_t most);
void look_kept_clear(struct look_kept *);

/* A sink (prober.h); arg is the struct. Its order of emission is kept in mind,
 * because retry_of speaks of it. */
void look_keep(void *arg, const struct ask *, const struct record *);

/* All are there: sort them, and count retry_of in the order of the addresses,
 * as they are shown. 0; -1: no memory. */
int look_kept_sort(
    struct look_kept *, const struct look_address *, size_t address_count);

/* The records of an address, and themselves as they were. */
const struct kept *look_kept_of(
    const struct look_kept *, const struct look_address *, size_t *count);
void look_kept_restore(
    const struct kept *, size_t count, struct record *records);

/* The hops of all traces, size at most; how many. */
size_t look_kept_hops(const struct look_kept *, struct addr *, size_t size);

#endif
