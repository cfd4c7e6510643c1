/*
 * Cells as JSON values: null is unknown, numbers are numbers in the unit of
 * the column's name.
 */
#ifndef ANALYSIS_REPORT_JSON_H
#define ANALYSIS_REPORT_JSON_H

#include <jansson.h>
#include "analysis/report.h"

#define REPORT_JSON_DIGITS 15 /* every double of so many survives */

/* The caller owns it. Times are RFC 3339 text. */
json_t *report_json_value(const struct cell *, enum column_type);
json_t *report_json_text(const struct cell *, enum column_type);

#endif
