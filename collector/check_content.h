/*
 * What check.c cannot ask by a query: names against their hashes, and the
 * archive against what is stored.
 */
#ifndef COLLECTOR_CHECK_CONTENT_H
#define COLLECTOR_CHECK_CONTENT_H

#include "collector/store.h"

/* The line of a check: what holds, how many faults there are instead, and
 * whether it could be read to the end. */
void check_tell(
    const char *what, enum store_result, int64_t count, int64_t *faults);

/* Count a fault, and print one of the first by what it is called: text of a
 * store that may be damaged. */
void check_show(const char *text, int64_t *count);

/* Each prints that line and one for each of the first faults, and adds to
 * *faults. The store is a reader's, with room for temporary tables. */
enum store_result check_names(struct store *, int64_t *faults);
/* Entries that are damaged, and batches that are stored and not in the
 * archive whole. One that is torn and holds nothing stored is no fault: what
 * a crash leaves. Then acts, of the operator and addresses that were seen,
 * whose row is gone; or never was, where a crash kept it from being stored. */
enum store_result check_archive(
    struct store *, const char *archive, int64_t *faults);

#endif
