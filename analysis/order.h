/*
 * Orders of very many items that qsort would be slow to find. Items that are
 * equal keep their order.
 */
#ifndef ANALYSIS_ORDER_H
#define ANALYSIS_ORDER_H

#include <stddef.h>

struct order_items {
	void *items;
	size_t count, size; /* of an item */
};

/* Of few stretches, each in order already, one behind the other. */
void order_stretches(
    const struct order_items *, int (*compare)(const void *, const void *));

/* By an int32_t at an offset in each item: those of all of them lie in a range
 * about as large as their count, or smaller. */
void order_by_number(const struct order_items *, size_t offset);

#endif
