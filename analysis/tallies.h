/*
 * Lists in a cell: "LHR 46, HKG 17", the names of what was counted and how
 * often each came. Whole, however long.
 */
#ifndef ANALYSIS_TALLIES_H
#define ANALYSIS_TALLIES_H

#include "analysis/names.h"

/* A text that grows. Zeroed is empty; free(text) is the caller's. */
struct list {
	char *text; /* NULL: nothing was added yet */
	size_t len, room;
};

/* Empty it, and keep its room. */
void list_begin(struct list *);
/* Behind what is there, with the gap between. */
void list_add(struct list *, const char *gap, const char *text);

/* Zeroed is empty; free(items) is the caller's. */
struct tallies {
	struct tally {
		int32_t name;
		size_t count;
	} * items;
	size_t count, room;
};

/* One more of a name; -1 is none. */
void tallies_add(struct tallies *, int32_t name);
/* The most first, then by name. */
void tallies_sort(struct tallies *, struct names *);
/* Sort them and list them with their counts. */
void tallies_list(struct list *, struct tallies *, struct names *);

#endif
