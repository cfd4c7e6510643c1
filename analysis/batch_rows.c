#include "analysis/batch_rows.h"

#include "lib/limits.h"

void
batch_rows_begin(struct batch_rows *rows, struct query *q, const char *all_sql,
    const char *kept_sql)
{
	*rows = (struct batch_rows){
		.batches = query_prepare(q,
		    "SELECT t0, every_s, first_row, first_row + rows FROM batch"
		    " WHERE vp = ?1 AND t0 >= ?2 - ?4 AND t0 < ?3"
		    " AND t1 >= ?2 AND too_late = 0"),
		.all = query_prepare(q, all_sql),
		.kept = query_prepare(q, kept_sql),
	};
}

void
batch_rows_clear(struct batch_rows *rows)
{
	query_finish(rows->batches);
	query_finish(rows->all);
	query_finish(rows->kept);
	*rows = (struct batch_rows){ 0 };
}

void
batch_rows_read(struct batch_rows *rows, const struct batch_window *window,
    const struct query_function *function)
{
	struct query_rows *batches = rows->batches;
	struct query_rows *of =
	    function->keeps == NULL ? rows->all : rows->kept;

	query_bind(batches, 1, window->vp);
	query_bind(batches, 2, window->since_us);
	query_bind(batches, 3, window->until_us);
	query_bind(batches, 4, LIMIT_BATCH_SPAN_US);
	while (query_next(batches)) {
		rows->t0_us = query_int(batches, 0);
		rows->every_s = query_int(batches, 1);
		query_bind(of, 1, query_int(batches, 2));
		query_bind(of, 2, query_int(batches, 3));
		query_run(of, function);
	}
	query_reset(batches);
}
