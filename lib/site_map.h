/*
 * The site map: what turns an instance's name into a site and a place.
 * acsitemap(5) describes the file; the plain form of a line is
 *
 *   service match pattern site [lat lon] [key=value ...]
 *   service canary
 *
 * service is a target's name, or * for all; match is listed, exact, prefix,
 * suffix, contains or regex (PCRE2, on the lower-cased name); in site, \1 ..
 * \9 stand for groups of a regex. Patterns are text forms (escape.h) and
 * compared without case. # begins a comment. A listed name is found first,
 * wherever it stands; then the first line that matches decides.
 */
#ifndef LIB_SITE_MAP_H
#define LIB_SITE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SITE_TEXT 64
#define SITE_RULE 64
#define SITE_MAP_SHIPPED "shipped" /* as a path: the map of this build */

struct site {
	char name[SITE_TEXT]; /* its code */
	bool has_position;
	double lat, lon;
	char city[SITE_TEXT]; /* "": unknown */
	char country[3];      /* ISO 3166, or "" */
	int confidence;       /* percent; of the place where there is one */
	char rule[SITE_RULE]; /* "FILE:LINE", "hint:KIND" */
};

struct site_map;

/* Read a map, or with SITE_MAP_SHIPPED the one of this build. NULL where the
 * file cannot be read or a line is refused: error then holds "FILE:LINE:
 * reason" and errno is EACCES or ENOENT where that was the reason, else
 * EINVAL. */
struct site_map *site_map_read(const char *path, char *error, size_t size);

/* A map of several files, in their order: what is listed in any of them comes
 * first, then the lines of the first file, and so on. */
struct site_map *site_map_read_all(
    const char *const *paths, size_t count, char *error, size_t size);
/* The same after lists that were kept as text: comments and lines of match
 * "listed" alone, each byte printable ASCII, a blank or a newline. name, up to
 * LIMIT_SITE_LIST bytes, stands for FILE in errors and rules. */
struct site_map_list {
	const char *name, *text;
};
struct site_map_sources {
	const struct site_map_list *lists;
	size_t list_count;
	const char *const *paths;
	size_t path_count;
};
struct site_map *site_map_read_sources(
    const struct site_map_sources *, char *error, size_t size);
void site_map_free(struct site_map *);

/* The site of an instance's name (text form), by the rules that are valid
 * now. false where no line matches, or map is NULL. */
bool site_map_find(const struct site_map *, const char *service,
    const char *instance, struct site *);

/* The same at a time (µs since 1970; 0: when the map was read). */
struct site_name {
	const char *service, *instance;
	int64_t time_us;
};
bool site_map_find_at(
    const struct site_map *, const struct site_name *, struct site *);

/* The name without what a map's strip lines call volatile: what tells servers
 * apart. size LIMIT_IDENTITY * 4 + 1 always fits; cut where it does not. */
void site_map_server(const struct site_map *, const struct site_name *,
    char *server, size_t size);

/* Whether a line that means more than one name is for this service (and not
 * just *): its names follow a scheme, and one that no line matches is outside
 * it. */
bool site_map_declares(const struct site_map *, const char *service);

/* Whether a line says that nothing answers at this target. */
bool site_map_is_canary(const struct site_map *, const char *service);

/* Every line that could speak about a name, in the order asked, for a person
 * and for checks. verdict is a constant text. */
struct site_verdict {
	size_t index;        /* of the line; of a hint site_map_rules() */
	const char *rule;    /* FILE:LINE */
	const char *verdict; /* "decides", "matches too, later", ... */
	const char *note;    /* of the line; NULL: none */
	bool matched;
	bool decides;
	bool hint;
	struct site site; /* where matched */
};
typedef void site_verdict_fn(const struct site_verdict *, void *context);
void site_map_explain(const struct site_map *, const struct site_name *,
    site_verdict_fn *, void *context);

/* The lines, for a check of those that never match. */
size_t site_map_rules(const struct site_map *);
const char *site_map_rule(const struct site_map *, size_t);

/* Two listed lines for one name. The first one holds. */
typedef void site_twin_fn(
    const struct site *first, const struct site *second, void *context);
void site_map_twins(const struct site_map *, site_twin_fn *, void *context);
bool site_map_is_listed(const struct site_map *, size_t);

/* Whether two sites are the same: code, and position within 150 km. */
bool site_same(const struct site *, const struct site *);

/* NULL, or what of this map cannot work in this build (gazetteer.h). */
const char *site_map_missing(const struct site_map *);

#endif
