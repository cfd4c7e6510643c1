/* Functions of ours that SQL calls. */
#include "analysis/query_private.h"

#define FLAGS (SQLITE_UTF8 | SQLITE_DIRECTONLY)
#define POINTER_TYPE "query_function"

static void
collect(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct query_function *function =
	    sqlite3_value_pointer(values[0], POINTER_TYPE);
	int64_t columns[QUERY_COLUMNS];

	(void)context;
	if (function == NULL)
		return;
	for (int i = 1; i < count && i <= QUERY_COLUMNS; i++)
		columns[i - 1] = sqlite3_value_type(values[i]) == SQLITE_NULL
				     ? QUERY_NULL
				     : sqlite3_value_int64(values[i]);
	function->collect(function->context, columns);
}

static void
collected(sqlite3_context *context)
{
	sqlite3_result_null(context);
}

static void
keeps(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct query_function *function =
	    sqlite3_value_pointer(values[0], POINTER_TYPE);

	(void)count;
	sqlite3_result_int(
	    context, function != NULL && function->keeps(function->context,
					     sqlite3_value_int64(values[1])));
}

int
query_add_functions(sqlite3 *db)
{
	int rc = sqlite3_create_function_v2(
	    db, "collect", -1, FLAGS, NULL, NULL, collect, collected, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(
		    db, "keeps", 2, FLAGS, NULL, keeps, NULL, NULL, NULL);
	return rc;
}

void
query_bind_function(struct query_rows *rows, int parameter,
    const struct query_function *function)
{
	/* Never written through. */
	if (rows->statement != NULL &&
	    sqlite3_bind_pointer(rows->statement, parameter,
		(void *)(uintptr_t)function, POINTER_TYPE, NULL) != SQLITE_OK)
		query_fail(rows->query);
}

void
query_run(struct query_rows *rows)
{
	while (query_next(rows))
		continue;
	query_reset(rows);
}
