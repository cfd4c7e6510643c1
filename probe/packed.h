/*
 * A record while it waits: most of a struct record's 11 KB are empty, and a
 * round of 10,000 addresses has thousands that wait at the same time. What
 * is kept is what is not zero; whatever fields a record has, none is
 * forgotten, but hops of what is no trace and DNS of what is an echo.
 */
#ifndef PROBE_PACKED_H
#define PROBE_PACKED_H

#include "lib/record.h"

struct packed;

/* NULL: no memory. free() frees. */
struct packed *packed_new(const struct record *);
/* Only what came of the question, without what was known when it was asked:
 * restored into a record that has that, and is of the same type. old: one that
 * is not needed any more, for its room; NULL: none. NULL: no memory, and old is
 * as it was. */
struct packed *packed_outcome(const struct record *, struct packed *old);
/* The bytes of the struct that records of a type use, from its beginning. */
size_t packed_extent(enum record_type);
/* The record as it was, so far as its type goes. */
void packed_restore(struct record *, const struct packed *);
size_t packed_size(const struct packed *); /* bytes of memory */

#endif
