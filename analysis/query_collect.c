/* Functions of ours that SQL calls, for the statement that runs. */
#include "analysis/query_private.h"

#define FLAGS (SQLITE_UTF8 | SQLITE_DIRECTONLY)

static const struct query_function *
running(sqlite3_context *context)
{
	const struct query *q = sqlite3_user_data(context);

	return q->function;
}

/* Called for every row: that a value is null is asked only of zeros. */
static int64_t
value_of(sqlite3_value *value)
{
	const int64_t number = sqlite3_value_int64(value);

	return number == 0 && sqlite3_value_type(value) == SQLITE_NULL
		   ? QUERY_NULL
		   : number;
}

static void
collect(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct query_function *function = running(context);
	int64_t columns[QUERY_COLUMNS];

	if (function == NULL)
		return;
	for (int i = 0; i < count && i < QUERY_COLUMNS; i++)
		columns[i] = value_of(values[i]);
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
	const struct query_function *function = running(context);

	(void)count;
	sqlite3_result_int(
	    context, function != NULL && function->keeps(function->context,
					     sqlite3_value_int64(values[0])));
}

int
query_add_functions(struct query *q)
{
	int rc = sqlite3_create_function_v2(
	    q->db, "collect", -1, FLAGS, q, NULL, collect, collected, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(
		    q->db, "keeps", 1, FLAGS, q, keeps, NULL, NULL, NULL);
	return rc;
}

void
query_run(struct query_rows *rows, const struct query_function *function)
{
	struct query *q = rows->query;
	const struct query_function *outer = q->function;

	q->function = function;
	while (query_next(rows))
		continue;
	q->function = outer;
	query_reset(rows);
}
