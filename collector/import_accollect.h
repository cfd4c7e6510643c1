/*
 * Import of another database of accollect: vantage points with their places
 * and keys, and every batch with its records, as if all had come here.
 */
#ifndef COLLECTOR_IMPORT_ACCOLLECT_H
#define COLLECTOR_IMPORT_ACCOLLECT_H

#include <stddef.h>
#include "collector/store.h"

/* Import the databases, then settle. Each is only read, in one state; its
 * collector may run. What is stored here already is left as it is; a key that
 * is revoked there is revoked here. A summary goes to standard output, errors
 * are logged. The exit code: 0; 1 where batches have no records any more, or
 * cannot be taken; 2 to 4 as of store_open, or where the store failed. */
int import_accollect(struct store *, char *const *files, size_t file_count);

#endif
