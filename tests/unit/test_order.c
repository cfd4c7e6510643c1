/* Many items come in the order that qsort would find, and equal ones stay. */
#include "analysis/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct item {
	int64_t key;
	int32_t number, came;
};

#define MOST 700
static const size_t counts[] = { 0, 1, 2, 3, 7, 64, 65, 500, MOST };
/* How long the stretches are that are in order: 1 is none at all. */
static const size_t lengths[] = { 1, 2, 7, 100, MOST };

static uint64_t state = 11;

static uint32_t
draw(void)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33);
}

static void
fill(struct item *items, size_t count, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		const int64_t last = i % length == 0 ? 0 : items[i - 1].key;

		items[i] = (struct item){ .key = last + draw() % 4,
			.number = (int32_t)(draw() % 9) - 2,
			.came = (int32_t)i };
	}
}

static int
compare_keys(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	return (a->key > b->key) - (a->key < b->key);
}

static int
compare_came(const struct item *a, const struct item *b)
{
	return (a->came > b->came) - (a->came < b->came);
}

static int
compare_keys_and_came(const void *left, const void *right)
{
	const int order = compare_keys(left, right);

	return order != 0 ? order : compare_came(left, right);
}

static int
compare_numbers_and_came(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return compare_came(a, b);
}

static void
check(void (*order)(const struct order_items *),
    int (*compare)(const void *, const void *))
{
	static struct item items[MOST], wanted[MOST];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]);
		     k++) {
			const size_t count = counts[i];

			fill(items, count, lengths[k]);
			memcpy(wanted, items, sizeof(items));
			qsort(wanted, count, sizeof(*wanted), compare);
			order(&(struct order_items){
			    items, count, sizeof(*items) });
			assert_memory_equal(
			    items, wanted, count * sizeof(*items));
		}
	}
}

static void
by_stretches(const struct order_items *of)
{
	order_stretches(of, compare_keys);
}

static void
by_number(const struct order_items *of)
{
	order_by_number(of, offsetof(struct item, number));
}

static void
stretches_are_merged_and_equal_ones_stay(void **unused)
{
	(void)unused;
	check(by_stretches, compare_keys_and_came);
}

static void
numbers_are_counted_out_and_equal_ones_stay(void **unused)
{
	(void)unused;
	check(by_number, compare_numbers_and_came);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stretches_are_merged_and_equal_ones_stay),
		cmocka_unit_test(numbers_are_counted_out_and_equal_ones_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
