#include "collector/statements_sum.h"

#include "collector/row_sum.h"

static uint32_t
sum_value(uint32_t sum, sqlite3_value *value)
{
	const void *bytes;

	switch (sqlite3_value_type(value)) {
	case SQLITE_NULL:
		return row_sum_null(sum);
	case SQLITE_INTEGER:
		return row_sum_int(sum, sqlite3_value_int64(value));
	case SQLITE_FLOAT:
		return row_sum_double(sum, sqlite3_value_double(value));
	default:
		bytes = sqlite3_value_blob(value);
		return row_sum_bytes(
		    sum, bytes, (size_t)sqlite3_value_bytes(value));
	}
}

static void
sum_values(sqlite3_context *context, int count, sqlite3_value **values)
{
	uint32_t sum = ROW_SUM_START;

	for (int i = 0; i < count; i++)
		sum = sum_value(sum, values[i]);
	sqlite3_result_int64(context, sum);
}

int
statements_provide_sum(sqlite3 *db)
{
	return sqlite3_create_function(db, "row_sum", -1,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
	    sum_values, NULL, NULL);
}
