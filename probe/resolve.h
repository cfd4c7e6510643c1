/*
 * Host names to addresses, by the system's resolver: many at once, and never
 * waited for longer than said.
 */
#ifndef PROBE_RESOLVE_H
#define PROBE_RESOLVE_H

#include <stddef.h>
#include "lib/addr.h"
#include "lib/times.h"

#define RESOLVE_MAX 64 /* addresses taken of one name */

/* A name that ends in a number is none. */
struct resolution {
	const char *name;  /* borrowed */
	struct addr *addr; /* every distinct one, IPv4 and IPv6 */
	size_t count;
	const char *error; /* constant text; NULL: it is resolved */
};

/* Resolve all names in a process of its own, which ends with the call: what is
 * not known by then has an error. 0, or -1 with errno: no process. Called
 * before the program has threads. resolve_clear frees the addresses. */
int resolve(struct resolution *, size_t count, struct span wait);
void resolve_clear(struct resolution *, size_t count);

#endif
