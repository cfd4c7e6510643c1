/*
 * Parts of the page's data. The numbers are those of the other reports, which
 * are run once more into these formats.
 */
#ifndef ANALYSIS_HTML_H
#define ANALYSIS_HTML_H

#include <jansson.h>
#include "analysis/report.h"
#include "analysis/reports.h"

/* A report's format that keeps what it gets: an object with "columns", names,
 * "rows", arrays of values: as JSON says them, but times are milliseconds since
 * 1970, and "texts", which columns are texts. Its first member is the copy of
 * html_rows by which the report knows it. */
struct html_capture {
	struct report_format format;
	json_t *value; /* the object, made by the caller */
};
extern const struct report_format html_rows;

/* Leave of the round trips of the window those of what is compared. */
void html_keep_compared(json_t *latency, const struct run *);

/* Leave of the events what the page shows: of each service the largest, and of
 * each of its sites the "shown" largest, as many as there is room for. "left"
 * says how many are not there: service, site (-1: any), number. */
void html_bound_events(json_t *events, const struct run *);

/* Put numbers of texts for texts, and those as JSON. */
void html_fold_texts(json_t *table, struct names *);
json_t *html_texts(const struct names *);

/* Write a value such that nothing in it can end the element that holds it;
 * flags of json_dump_callback. As report_row. */
int html_put(const json_t *, FILE *, size_t flags);

/* Where the first step of a window begins. */
int64_t html_first_us(const struct options *, int64_t step_us);

/* Round trips over time: "series_site" and "series_region", behind other keys.
 * Of each is an array with one object for each question and group; "at" are
 * the numbers of the steps. */
struct html_series;
struct html_series *html_series_read(
    struct run *, enum group_by group, int64_t step_us);
int html_series_put(struct html_series *, FILE *);
void html_series_free(struct html_series *);

/* Add "strip", "sites" and "step": who served each vantage point in each part
 * of the window. */
void html_add_strip(json_t *page, struct run *);

/* The width of a step for a window, such that there are at most 168, and each
 * is at least so long. */
int64_t html_step_us(int64_t window_us, int64_t least_us);

#endif
