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

static uint32_t
sum_values(int count, sqlite3_value **values)
{
	uint32_t sum = ROW_SUM_START;

	for (int i = 0; i < count; i++)
		sum = sum_value(sum, values[i]);
	return sum;
}

static void
row_sum(sqlite3_context *context, int count, sqlite3_value **values)
{
	sqlite3_result_int(context, (int32_t)sum_values(count, values));
}

static void
row_sum_short(sqlite3_context *context, int count, sqlite3_value **values)
{
	const uint32_t sum = sum_values(count, values);

	sqlite3_result_int(context, (int16_t)(sum ^ sum >> 16));
}

static int
provide(sqlite3 *db, const char *name,
    void (*function)(sqlite3_context *, int, sqlite3_value **))
{
	return sqlite3_create_function(db, name, -1,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
	    function, NULL, NULL);
}

int
statements_provide_sum(sqlite3 *db)
{
	int rc = provide(db, "row_sum", row_sum);

	return rc == SQLITE_OK ? provide(db, "row_sum_short", row_sum_short)
			       : rc;
}
