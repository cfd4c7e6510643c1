/*
 * A store opened for reading: one snapshot from the first statement to
 * query_close. A database file may be foreign (RELIABILITY A42): its triggers
 * and views are not run, its schema is not trusted, and a statement that
 * runs for an hour is stopped. The first error is logged once, makes the
 * whole query failed, and every later step finds no more rows; ask
 * query_failed() before a report is kept.
 */
#ifndef ANALYSIS_QUERY_H
#define ANALYSIS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct query;
struct query_rows; /* a prepared statement and its current row */

/* NULL where it cannot be read, is not of accollect or of a newer schema; one
 * line was logged and *code is the exit code (log.h). */
struct query *query_open(const char *path, int *code);
void query_close(struct query *);
bool query_failed(const struct query *);

/* Stores of before lack some. */
bool query_has_table(struct query *, const char *name);

/* Never NULL. Parameters ?1 ?2 ... are bound before the first query_next.
 * query_finish takes it, NULL too. */
struct query_rows *query_prepare(struct query *, const char *sql);
void query_bind(struct query_rows *, int parameter, int64_t value);
void query_bind_text(struct query_rows *, int parameter, const char *text);
bool query_next(struct query_rows *);  /* false: no more rows, or failed */
void query_reset(struct query_rows *); /* to be bound and run once more */
void query_finish(struct query_rows *);

/* Columns of the current row, 0 first. Text is valid until the next step;
 * "" for null. */
bool query_null(struct query_rows *, int column);
int64_t query_int(struct query_rows *, int column);
double query_real(struct query_rows *, int column); /* 0 for null */
const char *query_text(struct query_rows *, int column);
/* NULL and 0 for null. */
const void *query_bytes(struct query_rows *, int column, size_t *len);

/* Rows as they are found: a step for each takes longer than finding them. In
 * SQL, collect(a, b, ...) is an aggregate that gives the function the values of
 * each row as integers (QUERY_NULL for null, at most QUERY_COLUMNS), and
 * keeps(a) is a condition. query_run runs such a statement and resets it. */
#define QUERY_NULL INT64_MIN
#define QUERY_COLUMNS 8
struct query_function {
	void (*collect)(void *context, const int64_t *values);
	bool (*keeps)(void *context, int64_t value);
	void *context;
};
void query_run(struct query_rows *, const struct query_function *);

#endif
