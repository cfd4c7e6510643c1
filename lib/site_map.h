/*
 * The site map: ordered lines that turn an instance's name into a site.
 *
 *   service match pattern site [lat lon]
 *
 * service is a target's name, or * for all; match is exact, prefix, suffix or
 * regex (POSIX extended, on the lower-cased name); in site, \1 .. \9 stand
 * for groups of a regex. Patterns are text forms (escape.h) and compared
 * without case. # begins a comment. The first line that matches decides.
 */
#ifndef LIB_SITE_MAP_H
#define LIB_SITE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#define SITE_TEXT 64

struct site {
	char name[SITE_TEXT];
	bool has_position;
	double lat, lon;
};

struct site_map;

/* NULL where the file cannot be read or a line is refused: error then holds
 * "FILE:LINE: reason" and errno is EACCES or ENOENT where that was the
 * reason, else EINVAL. */
struct site_map *site_map_read(const char *path, char *error, size_t size);
void site_map_free(struct site_map *);

/* The site of an instance's name (text form). false where no line matches,
 * or map is NULL. */
bool site_map_find(const struct site_map *, const char *service,
    const char *instance, struct site *);

#endif
