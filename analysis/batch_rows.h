/*
 * The raw rows of a vantage point, batch by batch: what is true of a batch is
 * read once, and of each row only the columns that are wanted.
 */
#ifndef ANALYSIS_BATCH_ROWS_H
#define ANALYSIS_BATCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include "analysis/query.h"

struct batch_rows {
	struct query_rows *batches, *all, *kept;
	/* of the batch at hand */
	int64_t t0_us, every_s;
};

/* columns: what collect (query.h) is to give, of m, a row of measurement; a
 * literal. */
#define BATCH_ROWS_SQL(columns)                \
	"SELECT collect(" columns ")"          \
	" FROM measurement m WHERE m.id >= ?1" \
	" AND m.id < ?2"
#define batch_rows_init(rows, query, columns)                      \
	batch_rows_begin((rows), (query), BATCH_ROWS_SQL(columns), \
	    BATCH_ROWS_SQL(columns) " AND keeps(m.lane)")
void batch_rows_begin(struct batch_rows *, struct query *, const char *all_sql,
    const char *kept_sql);
void batch_rows_clear(struct batch_rows *);

/* Of all batches that may have rows of a vantage point (id) with since <= t <
 * until, which is for the function to see; only where keeps says so, if it is
 * set. */
struct batch_window {
	int64_t vp, since_us, until_us;
};
void batch_rows_read(struct batch_rows *, const struct batch_window *,
    const struct query_function *);

#endif
