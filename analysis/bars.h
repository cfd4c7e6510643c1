/*
 * Numbers as pictures of a line of text: block elements of Unicode where the
 * locale is UTF-8, and signs of ASCII elsewhere.
 */
#ifndef ANALYSIS_BARS_H
#define ANALYSIS_BARS_H

#include <stdbool.h>
#include <stddef.h>
#include "analysis/report.h"

#define BARS_TEXT REPORT_PICTURE
#define BARS_STEPS 48 /* of a sparkline */

/* Whether the terminal's locale has block elements. */
bool bars_are_blocks(void);

/* A bar for 0 <= share <= 1; of the whole it is 20 cells, drawn to an eighth
 * of one. */
void bars_share(char out[BARS_TEXT], double share, bool blocks);

/* One sign for each value, from the least to the greatest of them; NAN is a
 * gap. At most BARS_STEPS values. */
void bars_spark(
    char out[BARS_TEXT], const double *values, size_t count, bool blocks);

#endif
