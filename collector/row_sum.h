/*
 * CRC-32 (zlib's) over values in their order: a change within 32 bits that
 * stand together in one of them is always seen, and so is each of that length
 * in a text; any other but for one in four billion. Against damage; whoever
 * means harm can make one that fits. Kept with rows that nothing else in the
 * store says once more.
 *
 * Of each value: a whole number as the eight bytes of its 64 bits, the lowest
 * first; a real one as that number of its IEEE 754 bits; text and bytes as
 * their length like that and themselves; null as the bytes 80 00.
 */
#ifndef COLLECTOR_ROW_SUM_H
#define COLLECTOR_ROW_SUM_H

#include <stddef.h>
#include <stdint.h>

#define ROW_SUM_START 0U /* of no values */

uint32_t row_sum_int(uint32_t sum, int64_t value);
uint32_t row_sum_double(uint32_t sum, double value);
uint32_t row_sum_null(uint32_t sum);
uint32_t row_sum_bytes(uint32_t sum, const void *bytes, size_t len);

#endif
