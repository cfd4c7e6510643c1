/*
 * Every SQL statement of the collector that is prepared once, by name, and
 * the one way to run them: bind in order, then step.
 */
#ifndef COLLECTOR_STATEMENTS_H
#define COLLECTOR_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>
#include "collector/store.h"

enum statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_VERSION,
	STATEMENT_SAVE,
	STATEMENT_UNDO,
	STATEMENT_RELEASE,
	STATEMENT_SAVE_ENTRY,
	STATEMENT_UNDO_ENTRY,
	STATEMENT_RELEASE_ENTRY,

	STATEMENT_FIND_VP,
	STATEMENT_ADD_VP,
	STATEMENT_VP_NAME,
	STATEMENT_SAME_PLACE,
	STATEMENT_PUT_PLACE,
	STATEMENT_FIND_KEY,
	STATEMENT_KEY_HOLDS,
	STATEMENT_REVOKE_KEY,
	STATEMENT_COUNT_SIGNED,
	STATEMENT_KEY_OF,
	STATEMENT_ADD_KEY,

	STATEMENT_INTAKE,
	STATEMENT_ADD_INTAKE,
	STATEMENT_FORGET_INTAKE,
	STATEMENT_CONFLICTING,
	STATEMENT_COUNT_CONFLICT,

	STATEMENT_LAST_SEEN,
	STATEMENT_ADD_SEEN,
	STATEMENT_ADD_REPORTED,

	STATEMENT_SAME_NOTE,
	STATEMENT_ADD_NOTE,
	STATEMENT_SAME_SITE_LIST,
	STATEMENT_PUT_SITE_LIST,

	STATEMENT_COUNT_REFUSAL,

	STATEMENT_FIND_BATCH,
	STATEMENT_ADD_SPOOL,
	STATEMENT_ADD_BATCH,
	STATEMENT_FIND_HOST,
	STATEMENT_ADD_HOST,
	STATEMENT_LAST_MEASUREMENT,
	STATEMENT_FIND_LANE,
	STATEMENT_ADD_LANE,
	STATEMENT_FIND_INSTANCE,
	STATEMENT_ADD_INSTANCE,
	STATEMENT_FIND_DETAIL,
	STATEMENT_ADD_DETAIL,
	STATEMENT_FIND_PATH,
	STATEMENT_ADD_PATH,
	STATEMENT_ADD_MEASUREMENT,
	STATEMENT_ADD_TRACE,
	STATEMENT_ADD_ANSWER_BYTES,
	STATEMENT_ADD_SUM,
	STATEMENT_MARK,
	STATEMENT_GET_SETTING,
	STATEMENT_PUT_SETTING,

	STATEMENT_PRUNE_DONE,
	STATEMENT_PRUNE_REPLIES,
	STATEMENT_PRUNE_TRACES,
	STATEMENT_PRUNE_ROWS,
	STATEMENT_PRUNE_SUMS,
	STATEMENT_NEXT_EPOCH,
	STATEMENT_EPOCH,

	STATEMENT_SUMMED_ROWS,
	STATEMENT_SUMMED_TRACES,
	STATEMENT_SUMMED_REPLIES,

	STATEMENT_HOUR_ROWS,
	STATEMENT_INSTANCE,
	STATEMENT_RUN_LANES,
	STATEMENT_DELETE_RUNS,
	STATEMENT_ADD_RUN,
	STATEMENT_PUT_BLOCK,
	STATEMENT_DELETE_BLOCK,
	STATEMENT_INTERVALS_BACK,
	STATEMENT_INTERVAL_NEXT,
	STATEMENT_DELETE_INTERVAL,
	STATEMENT_ADD_INTERVAL,
	STATEMENT_HOUR_BEFORE,
	STATEMENT_HOUR_AFTER,
	STATEMENT_LAST_RUN,
	STATEMENT_FIRST_RUN,
	STATEMENT_NEXT_MARK,
	STATEMENT_TAKE_MARK,
	STATEMENT_COUNT_MARKS,
	STATEMENT_COUNT
};

extern const char *const statement_sql[STATEMENT_COUNT];

/* Drops every view: one text, the statements for it. */
extern const char statement_drop_views[];
/* Temporary tables that hide run, block, interval and unsettled. */
extern const char statement_shadow[];

/* A statement being run. A binding or step that fails makes the rest do
 * nothing; query_end says what came of it. */
struct query {
	struct store *store;
	sqlite3_stmt *stmt;
	int at; /* parameters bound so far */
	int rc;
	bool once;     /* query_end forgets the statement */
	uint32_t *sum; /* of what is bound (row_sum.h); NULL: not wanted */
};

struct query query_start(struct store *, enum statement);
/* A statement that is run rarely; query_end must follow. */
struct query query_once(struct store *, const char *sql);
void query_int(struct query *, int64_t);
void query_int_or_null(struct query *, int64_t value, bool present);
void query_double_or_null(struct query *, double value, bool present);
/* Borrowed until query_end. NULL is null. */
void query_text(struct query *, const char *);
void query_text_len(struct query *, const char *, size_t len);
void query_blob(struct query *, const void *, size_t len);

/* Step: whether there is a row. Columns are read from query.stmt. */
bool query_row(struct query *);
int64_t query_column_int(const struct query *, int column);
bool query_column_is_null(const struct query *, int column);
/* "" for null; until the next row or query_end. */
const char *query_column_text(const struct query *, int column);

/* Reset. STORE_OK, or what went wrong: logged, unless STORE_BUSY. */
enum store_result query_end(struct query *);

/* Step a statement without rows, and end it. */
enum store_result query_run(struct query *);

/* The same for a result code of the library on the store's connection; the
 * line logged names what was being done. */
enum store_result store_result_of(struct store *, int rc, const char *what);

#endif
