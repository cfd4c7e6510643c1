/*
 * A row of the store as the record that it was made of: the inverse of item.h
 * and detail.h.
 */
#ifndef COLLECTOR_IMPORT_ROW_H
#define COLLECTOR_IMPORT_ROW_H

#include <stddef.h>
#include <stdint.h>
#include "collector/store.h"
#include "lib/record.h"

struct row_reader;

/* The rows with id first to last, in that order. The store outlives it. */
struct row_reader *row_reader_open(
    struct store *, int64_t t0, int64_t first, int64_t last);
/* 1: a record; 0: there are no more; -1: a row that is no record, with the
 * reason in error, or an error of the database, logged and error "". */
int row_reader_next(
    struct row_reader *, struct record *, char *error, size_t error_size);
void row_reader_close(struct row_reader *);

#endif
