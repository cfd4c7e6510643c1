/*
 * Names as small numbers, so that the many rows of a report compare
 * integers: the same text has the same number.
 */
#ifndef ANALYSIS_NAMES_H
#define ANALYSIS_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names {
	char **texts;
	size_t count, room;
	int32_t *slots; /* open addressing, -1: free; a power of two */
	size_t slot_count;
};

/* The number of a text, new where it was not there: 0, 1, 2 ... */
int32_t names_put(struct names *, const char *text);
/* The number, or -1. */
int32_t names_find(const struct names *, const char *text);
/* "" for -1. Valid until names_clear. */
const char *names_text(const struct names *, int32_t number);
void names_clear(struct names *);

/* What numbers of one kind are among other names, each looked up once:
 * zeroed at first. */
struct names_map {
	int32_t *numbers; /* by number of the first; -1: not yet */
	size_t count;
};

/* The number that a text has in names, where number (>= 0) stands for the same
 * text each time. */
int32_t names_map_put(
    struct names_map *, struct names *, int32_t number, const char *text);
void names_map_clear(struct names_map *);

#endif
