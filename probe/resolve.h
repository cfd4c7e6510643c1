/*
 * Host names to addresses, by the system's resolver.
 */
#ifndef PROBE_RESOLVE_H
#define PROBE_RESOLVE_H

#include <stddef.h>
#include "lib/addr.h"

#define RESOLVE_MAX 64 /* addresses taken of one name */

/* Every distinct address of a name, IPv4 and IPv6; a name that ends in a number
 * is none. 0; or -1 with a constant text in error. */
int resolve(const char *name, struct addr found[RESOLVE_MAX], size_t *count,
    const char **error);

#endif
