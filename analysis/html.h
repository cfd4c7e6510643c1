/*
 * Parts of the page's data. The numbers are those of the other reports, which
 * are run once more into these formats.
 */
#ifndef ANALYSIS_HTML_H
#define ANALYSIS_HTML_H

#include <jansson.h>
#include "analysis/report.h"
#include "analysis/reports.h"

/* A report's format that keeps what it gets. Its first member is the copy of
 * one of those below by which the report knows it.
 * html_rows: an object with "columns", names, and "rows", arrays of values:
 * as JSON says them, but times are milliseconds since 1970.
 * html_series: of latency with steps, an array with one object for each
 * question and group; "at" are the numbers of the steps. */
#define SERIES_NAMES 5
struct html_series {
	json_t *at, *p50, *p95;          /* arrays, owned by the value */
	const char *names[SERIES_NAMES]; /* as they came first */
};
struct html_capture {
	struct report_format format;
	json_t *value; /* object or array, made by the caller */
	int64_t first_us, step_us;
	/* Of series: their names, numbered alike. */
	struct names keys;
	struct html_series *series;
	size_t count, room;
	size_t next;                          /* that probably comes next */
	size_t names[SERIES_NAMES], p50, p95; /* columns */
};
void html_capture_clear(struct html_capture *); /* not the value */
extern const struct report_format html_rows;
extern const struct report_format html_series;

/* Add "strip", "sites" and "step": who served each vantage point in each part
 * of the window. */
void html_add_strip(json_t *page, struct run *);

/* The width of a step for a window, such that there are at most 168, and each
 * is at least so long. */
int64_t html_step_us(int64_t window_us, int64_t least_us);

#endif
