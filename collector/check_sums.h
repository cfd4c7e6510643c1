/*
 * What check.c finds by sums: whether batches, their rows, traces and raw
 * replies, lanes and instances are those that were stored.
 */
#ifndef COLLECTOR_CHECK_SUMS_H
#define COLLECTOR_CHECK_SUMS_H

#include "collector/store.h"

/* Prints as check_content.h says, and adds to *faults. Batches of which there
 * is no sum, because a program that knew none stored them, are passed over. */
enum store_result check_sums(struct store *, int64_t *faults);

#endif
