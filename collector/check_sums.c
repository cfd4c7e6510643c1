#include "collector/check_sums.h"

#include "collector/check_content.h"
#include "collector/prune.h"
#include "collector/row_sum.h"
#include "collector/statements_check.h"
#include "collector/store_private.h"

/* Columns of check_summed_batches. */
enum { FIRST_ROW, LAST_ROW, PRUNED, ROWS_SUM, TRACES_SUM, REPLIES_SUM, TITLE };

/* Added to *sum: that of each row between the batch's. */
static enum store_result
add_rows(struct store *s, enum statement statement, const struct query *batch,
    uint32_t *sum)
{
	struct query q = query_start(s, statement);

	query_int(&q, query_column_int(batch, FIRST_ROW));
	query_int(&q, query_column_int(batch, LAST_ROW));
	while (query_row(&q))
		*sum = row_sum_int(*sum, (uint32_t)query_column_int(&q, 0));
	return query_end(&q);
}

/* Whether what the column has is the sum; null is that of no rows. */
static bool
is_sum(const struct query *batch, int column, uint32_t sum)
{
	return sqlite3_column_type(batch->stmt, column) == SQLITE_NULL
		   ? sum == ROW_SUM_START
		   : query_column_int(batch, column) == sum;
}

static enum store_result
check_rows(struct store *s, const struct query *batch, bool *right)
{
	static const struct {
		int column;
		enum statement statement;
		int64_t pruned; /* the bit that says they are gone */
	} parts[] = {
		{ ROWS_SUM, STATEMENT_SUMMED_ROWS, 0 },
		{ TRACES_SUM, STATEMENT_SUMMED_TRACES, PRUNE_PATHS },
		{ REPLIES_SUM, STATEMENT_SUMMED_REPLIES, PRUNE_REPLIES },
	};
	const int64_t pruned = query_column_int(batch, PRUNED);
	enum store_result result = STORE_OK;

	*right = true;
	for (size_t i = 0; i < 3 && result == STORE_OK; i++) {
		const bool gone = (pruned & parts[i].pruned) != 0;
		uint32_t sum = ROW_SUM_START;

		result = add_rows(s, parts[i].statement, batch, &sum);
		/* What was taken out is gone, or it was not taken out. */
		*right = *right && (gone ? sum == ROW_SUM_START
					 : is_sum(batch, parts[i].column, sum));
	}
	return result;
}

static enum store_result
check_batches(struct store *s, int64_t *count)
{
	struct query q = query_once(s, check_summed_batches);
	enum store_result result = STORE_OK, end;
	bool right;

	while (result == STORE_OK && query_row(&q)) {
		result = check_rows(s, &q, &right);
		if (result == STORE_OK && !right)
			check_show(query_column_text(&q, TITLE), count);
	}
	end = query_end(&q);
	return result == STORE_OK ? end : result;
}

/* --- rows with a sum of their own --- */

/* One that cannot be read keeps no other from being. */
static enum store_result
check_tables(struct store *s, int64_t *count)
{
	struct query tables = query_once(s, check_summed_tables);
	enum store_result result = STORE_OK, end;

	while (query_row(&tables)) {
		struct query q = query_once(s, query_column_text(&tables, 0));

		while (query_row(&q))
			check_show(query_column_text(&q, 0), count);
		end = query_end(&q);
		result = result == STORE_OK ? end : result;
	}
	end = query_end(&tables);
	return result == STORE_OK ? end : result;
}

enum store_result
check_sums(struct store *s, int64_t *faults)
{
	int64_t tables = 0, batches = 0;
	enum store_result result = check_tables(s, &tables), other;

	check_tell("every row that has a sum is what was stored", result,
	    tables, faults);
	other = check_batches(s, &batches);
	check_tell("every batch has the rows that were stored", other, batches,
	    faults);
	return result == STORE_OK ? other : result;
}
