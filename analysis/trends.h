/*
 * How the median round trip of each row of the latency report went over its
 * window: for the table of a terminal. The report is run once more, in steps.
 */
#ifndef ANALYSIS_TRENDS_H
#define ANALYSIS_TRENDS_H

#include "analysis/bars.h"
#include "analysis/reports.h"

struct trends;

/* Of what run->options ask. trends_free frees. */
struct trends *trends_read(struct run *);
void trends_free(struct trends *);

/* "" where the row has none. */
void trends_draw(const struct trends *, const struct report *,
    const struct cell *cells, bool blocks, char out[BARS_TEXT]);

#endif
