#include "analysis/order.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"

/* --- stretches --- */

struct stretches {
	size_t *ends;
	size_t count, room;
};

static void
find_stretches(struct stretches *s, const struct order_items *of,
    int (*compare)(const void *, const void *))
{
	const unsigned char *at = of->items;

	for (size_t i = 1; i <= of->count; i++, at += of->size) {
		if (i < of->count && compare(at, at + of->size) <= 0)
			continue;
		if (s->count == s->room)
			s->ends =
			    memory_grow(s->ends, &s->room, sizeof(*s->ends));
		s->ends[s->count++] = i;
	}
}

/* Two that follow each other. */
static void
merge(unsigned char *out, const unsigned char *const part[3], size_t size,
    int (*compare)(const void *, const void *))
{
	const unsigned char *a = part[0], *b = part[1];

	while (a < part[1] && b < part[2]) {
		const unsigned char **from = compare(a, b) <= 0 ? &a : &b;

		memcpy(out, *from, size);
		*from += size;
		out += size;
	}
	memcpy(out, a, (size_t)(part[1] - a));
	memcpy(out + (part[1] - a), b, (size_t)(part[2] - b));
}

/* Each with its neighbour, from one place to the other. */
static void
merge_pairs(struct stretches *s, unsigned char *to, const unsigned char *from,
    size_t size, int (*compare)(const void *, const void *))
{
	size_t kept = 0, begin = 0;

	for (size_t i = 0; i < s->count; i += 2) {
		const size_t middle = s->ends[i];
		const size_t end = i + 1 < s->count ? s->ends[i + 1] : middle;

		merge(to + begin * size,
		    (const unsigned char *const[3]){ from + begin * size,
			from + middle * size, from + end * size },
		    size, compare);
		s->ends[kept++] = begin = end;
	}
	s->count = kept;
}

void
order_stretches(
    const struct order_items *of, int (*compare)(const void *, const void *))
{
	struct stretches s = { 0 };
	unsigned char *items = of->items, *spare, *kept;

	if (of->count < 2)
		return;
	find_stretches(&s, of, compare);
	spare = kept = memory_zeroed(of->count, of->size);
	while (s.count > 1) {
		unsigned char *const from = items;

		merge_pairs(&s, spare, from, of->size, compare);
		items = spare;
		spare = from;
	}
	if (items != of->items)
		memcpy(of->items, items, of->count * of->size);
	free(kept);
	free(s.ends);
}

/* --- numbers --- */

static int32_t
number_at(const unsigned char *item, size_t offset)
{
	int32_t number;

	memcpy(&number, item + offset, sizeof(number));
	return number;
}

void
order_by_number(const struct order_items *of, size_t offset)
{
	const unsigned char *const items = of->items;
	const unsigned char *const end = items + of->count * of->size;
	int32_t low = INT32_MAX, high = INT32_MIN;
	size_t *firsts, first = 0;
	unsigned char *sorted;

	for (const unsigned char *at = items; at < end; at += of->size) {
		const int32_t number = number_at(at, offset);

		low = number < low ? number : low;
		high = number > high ? number : high;
	}
	if (low >= high)
		return;
	firsts =
	    memory_zeroed((size_t)((int64_t)high - low) + 1, sizeof(*firsts));
	sorted = memory_zeroed(of->count, of->size);
	for (const unsigned char *at = items; at < end; at += of->size)
		firsts[(int64_t)number_at(at, offset) - low]++;
	for (int64_t i = 0; i <= (int64_t)high - low; i++) {
		const size_t count = firsts[i];

		firsts[i] = first;
		first += count;
	}
	for (const unsigned char *at = items; at < end; at += of->size) {
		const size_t place =
		    firsts[(int64_t)number_at(at, offset) - low]++;

		memcpy(sorted + place * of->size, at, of->size);
	}
	memcpy(of->items, sorted, of->count * of->size);
	free(sorted);
	free(firsts);
}
