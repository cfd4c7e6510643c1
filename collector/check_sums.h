/*
 * What check.c finds by sums: whether rows are those that were stored. A batch
 * has sums of its measurements, traces and raw replies; of what else nothing in
 * the store says once more, each row has its own.
 */
#ifndef COLLECTOR_CHECK_SUMS_H
#define COLLECTOR_CHECK_SUMS_H

#include "collector/store.h"

/* Prints as check_content.h says, and adds to *faults. Batches of whose rows
 * there is no sum, because a program that knew none stored them, are passed
 * over. */
enum store_result check_sums(struct store *, int64_t *faults);

#endif
