/*
 * Settling: runs and intervals are a pure function of the raw rows
 * (DESIGN.md 7). settle(vp, hour) makes the runs of that hour anew and
 * stitches the intervals of the lanes it touched. In any order, with any
 * repetition, the same raw rows give the same runs and intervals.
 */
#ifndef COLLECTOR_SETTLE_H
#define COLLECTOR_SETTLE_H

#include <stdint.h>
#include "collector/store.h"

/* Settle one (vp, hour) and take its mark off. Inside a transaction. */
enum store_result settle_hour(struct store *, int64_t vp, int64_t hour);

/* Settle what is marked, at most max hours (0: all), in transactions of its
 * own. before: only hours that end at or before it; {INT64_MAX}: all. *left
 * is how many marks remain. */
enum store_result settle_marked(
    struct store *, int max, struct wall before, int64_t *left);

#endif
