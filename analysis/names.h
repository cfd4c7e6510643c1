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

#endif
