/*
 * row_sum.h for SQL: row_sum(VALUE, ...) is the sum of its values, as a signed
 * number of 32 bits, and row_sum_short(VALUE, ...) its two halves in one, as a
 * signed number of 16: a connection's own functions.
 */
#ifndef COLLECTOR_STATEMENTS_SUM_H
#define COLLECTOR_STATEMENTS_SUM_H

#include <sqlite3.h>

/* A result code of SQLite's. */
int statements_provide_sum(sqlite3 *);

#endif
