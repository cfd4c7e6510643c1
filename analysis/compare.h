/*
 * What orders are made of.
 */
#ifndef ANALYSIS_COMPARE_H
#define ANALYSIS_COMPARE_H

#include <stdint.h>

/* Below, at or above zero as a is below, at or above b. */
static inline int
compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

#endif
