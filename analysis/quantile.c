#include "analysis/quantile.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"

#define FEW 24   /* so many are sorted faster by inserting */
#define MANY 256 /* and so many without comparing */

void
values_add(struct values *values, int64_t value)
{
	if (values->count == values->room)
		values->items = memory_grow(
		    values->items, &values->room, sizeof(*values->items));
	values->items[values->count++] = value;
}

void
values_clear(struct values *values)
{
	free(values->items);
	*values = (struct values){ 0 };
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* By the bytes that differ, the lowest first. */
static void
sort_by_bytes(int64_t *items, size_t count)
{
	int64_t *from = items, *to = memory_zeroed(count, sizeof(*to)), *spare;
	uint64_t differ = 0;

	spare = to;
	for (size_t i = 1; i < count; i++)
		differ |= (uint64_t)(items[i] ^ items[0]);
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t end[257] = { 0 };
		int64_t *sorted = to;

		if ((differ >> shift & 0xff) == 0)
			continue;
		for (size_t i = 0; i < count; i++)
			end[((uint64_t)from[i] >> shift & 0xff) + 1]++;
		for (size_t i = 1; i < 256; i++)
			end[i] += end[i - 1];
		for (size_t i = 0; i < count; i++)
			to[end[(uint64_t)from[i] >> shift & 0xff]++] = from[i];
		to = from;
		from = sorted;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
	free(spare);
}

static void
sort_few(int64_t *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const int64_t item = items[i];
		size_t k = i;

		for (; k > 0 && items[k - 1] > item; k--)
			items[k] = items[k - 1];
		items[k] = item;
	}
}

static bool
has_negative(const int64_t *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i] < 0)
			return true;
	}
	return false;
}

void
quantile_sort(int64_t *sorted, size_t count)
{
	if (count <= FEW)
		sort_few(sorted, count);
	else if (count >= MANY && !has_negative(sorted, count))
		sort_by_bytes(sorted, count);
	else
		qsort(sorted, count, sizeof(*sorted), compare);
}

int64_t
quantile_nearest(const int64_t *sorted, size_t count, unsigned percent)
{
	size_t rank =
	    (count / 100) * percent + ((count % 100) * percent + 99) / 100;

	return sorted[rank == 0 ? 0 : rank - 1];
}

int64_t
quantile_median(const int64_t *sorted, size_t count)
{
	int64_t low = sorted[(count - 1) / 2], high = sorted[count / 2];

	return low + (high - low + 1) / 2;
}

bool
quantile_enough(size_t count, unsigned percent)
{
	static const struct {
		unsigned percent;
		size_t least;
	} needs[] = { { 99, 100 }, { 95, 20 }, { 90, 10 } };

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (percent >= needs[i].percent)
			return count >= needs[i].least;
	}
	return count > 0;
}
