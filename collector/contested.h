/*
 * Batches of which the archive has two contents. Entries are archived before
 * their transaction commits, so a crash may leave one that was never stored
 * nor acknowledged; what came under its number afterwards was. A content that
 * is stored lets no other in. So the last in the archive is what the database
 * had, and rebuild takes that.
 */
#ifndef COLLECTOR_CONTESTED_H
#define COLLECTOR_CONTESTED_H

#include <stdbool.h>
#include <stddef.h>
#include "collector/archive.h"

struct import_title;

/* Begun with zeros. */
struct contested {
	struct import_title *batches;
	size_t count;
};

/* Two contents of the entry's batch have been seen, and this is the last one
 * so far. 0, or -1: no memory. */
int contested_note(struct contested *, const struct archive_entry *);
/* The same where its batch is contested already. */
void contested_again(struct contested *, const struct archive_entry *);
/* Whether another content of the entry's batch is the last. */
bool contested_is_older(const struct contested *, const struct archive_entry *);
void contested_clear(struct contested *);

#endif
