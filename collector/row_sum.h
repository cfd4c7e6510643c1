/*
 * A sum over values in their order: where one of them becomes another, so does
 * the sum, always. Against damage; whoever means harm can make one that fits.
 * Kept with rows that nothing else in the store says once more.
 */
#ifndef COLLECTOR_ROW_SUM_H
#define COLLECTOR_ROW_SUM_H

#include <stddef.h>
#include <stdint.h>

#define ROW_SUM_START 0x9e3779b97f4a7c15U /* of no values */

uint64_t row_sum_int(uint64_t sum, int64_t value);
uint64_t row_sum_null(uint64_t sum);
uint64_t row_sum_bytes(uint64_t sum, const void *bytes, size_t len);

#endif
