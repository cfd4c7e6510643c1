/*
 * Where a probe may send (DESIGN.md 10): never to special-purpose addresses
 * but those that the operator opened, never to what the blocklist holds.
 */
#ifndef PROBE_MANNERS_H
#define PROBE_MANNERS_H

#include "lib/addr.h"

struct manners {
	struct prefix_list allowed; /* allow_special, --allow-special */
	struct prefix_list blocked; /* --blocklist: always wins */
};

/* The reason why no packet may go there; NULL: it may. arg is a manners. */
const char *manners_refuse(void *arg, const struct addr *);

/* Add a PREFIX of an option or a configuration. NULL, or what is wrong. */
const char *manners_allow(struct manners *, const char *text);

/* Read a file of prefixes, one a line, # comments. 0; -1 with a line for the
 * user in error (errno EACCES or ENOENT where that was the reason). */
int manners_read_blocklist(
    struct manners *, const char *path, char *error, size_t error_size);

void manners_clear(struct manners *);

#endif
