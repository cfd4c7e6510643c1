/*
 * What check.c asks of the schema: whether the tables, indexes and views of
 * the store are those of a new one.
 */
#ifndef COLLECTOR_CHECK_SCHEMA_H
#define COLLECTOR_CHECK_SCHEMA_H

#include "collector/store.h"

/* Prints as check_content.h says, and adds to *faults. Blanks and comments do
 * not count, and no view does that another program made. */
enum store_result check_schema(struct store *, int64_t *faults);

#endif
