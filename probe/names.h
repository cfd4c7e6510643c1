/*
 * Names of addresses (reverse DNS) by the system's resolver: many at once,
 * and never waited for longer than said.
 */
#ifndef PROBE_NAMES_H
#define PROBE_NAMES_H

#include <stddef.h>
#include "lib/addr.h"
#include "lib/times.h"

struct names;

/* Look all of these up, and wait until every one is known or the time is
 * over; what comes later is forgotten. NULL: no memory or no thread. */
struct names *names_find(
    const struct addr *addresses, size_t count, struct span wait);

/* The name, foreign text, or "" where none is known. Borrowed. */
const char *names_get(const struct names *, const struct addr *);

void names_free(struct names *);

#endif
