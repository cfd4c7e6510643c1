/*
 * Rounds that did not come (FIELD.md G24): how many a vantage point should
 * have made in a window by the interval that its batches name, and how many
 * of them are stored.
 */
#ifndef ANALYSIS_ROUNDS_H
#define ANALYSIS_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/query.h"

struct rounds {
	bool known; /* the interval is: every_s of every batch */
	int64_t came, missed;
	int64_t last_batch; /* id of the newest before the window; 0: none */
};

struct rounds_reader {
	struct query_rows *window, *before;
};

void rounds_init(struct rounds_reader *, struct query *);
void rounds_clear(struct rounds_reader *);

/* Of a vantage point (id) in [since, until), of which nothing is expected
 * after now. A gap of k intervals between two batches is k - 1 missed rounds;
 * at the edges a round counts as missed when it is half an interval overdue.
 * Where the vantage point was silent all through the window, rounds are
 * expected if it had reported at alive_us or later. */
struct rounds_window {
	int64_t since_us, until_us, now_us, alive_us;
};
void rounds_read(struct rounds_reader *, struct rounds *, int64_t vp,
    const struct rounds_window *);

/* How far apart rounds are: the median over vantage points of how far the
 * newest ones of each before a time lie apart. 0: none has made two. */
int64_t rounds_apart_us(
    struct query *, const struct catalog *, int64_t before_us);

/* How many samples there would be had every round come: of samples that
 * came, in hundredths. */
double rounds_expected(const struct rounds *, double samples);

#endif
