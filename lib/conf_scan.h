/*
 * A first look at a configuration's text, before libconfuse reads it. The
 * library expands $ from the environment, takes a repeated key's last value,
 * appends with += and skips characters that it does not know; all of that is
 * refused here, and the line of every key is kept for later complaints.
 */
#ifndef LIB_CONF_SCAN_H
#define LIB_CONF_SCAN_H

#include <stddef.h>

#define CONF_NAME 64  /* of a key or section, and NUL */
#define CONF_TOP (-1) /* the section number of keys outside sections */

/* Where a key is set, or where a section begins (its key is then ""). */
struct conf_place {
	int section; /* 0 first, in the file's order; CONF_TOP */
	int line;
	char key[CONF_NAME];
};

struct conf_places {
	struct conf_place *items;
	size_t count;
	int section_count;
};

/* 0; -1 with "LINE: reason" in error. conf_places_clear frees in any case. */
int conf_scan(struct conf_places *, const char *text, const char *section,
    char *error, size_t error_size);
const struct conf_place *conf_places_find(
    const struct conf_places *, int section, const char *key);
void conf_places_clear(struct conf_places *);

#endif
