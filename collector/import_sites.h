/*
 * Published lists of sites: the JSON of root-servers.org.
 */
#ifndef COLLECTOR_IMPORT_SITES_H
#define COLLECTOR_IMPORT_SITES_H

#include <stddef.h>

/* One identifier of a list. Texts are valid during the call. */
struct published {
	const char *service;  /* host name, lower case */
	const char *identity; /* bytes as published; NUL-terminated */
	const char *town;     /* UTF-8 */
	const char *country;
	double lat, lon;
};
/* -1 stops the reading. */
typedef int published_fn(const struct published *, void *context);

/* Read a list; service NULL: the root server whose address the list names.
 * 0, or -1 with a reason in error, or what the function said. */
int import_sites_root_servers(const char *path, const char *service,
    published_fn *, void *context, char *error, size_t size);

#endif
