/*
 * What is behind a query: for query*.c and intervals.c only.
 */
#ifndef ANALYSIS_QUERY_PRIVATE_H
#define ANALYSIS_QUERY_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include "analysis/query.h"
#include "lib/times.h"

struct query {
	sqlite3 *db;
	char *path;
	struct mono deadline;
	bool failed;
	const struct query_function *function; /* of query_run */
	struct intervals_held *intervals;      /* intervals.c; NULL: none */
};

struct query_rows {
	struct query *query;
	sqlite3_stmt *statement; /* NULL: it could not be prepared */
};

/* Log what the database says; the query is failed. */
void query_fail(struct query *);

/* What intervals.c holds. */
void query_free_intervals(struct query *);

/* An SQLite result code. */
int query_add_functions(struct query *);

#endif
