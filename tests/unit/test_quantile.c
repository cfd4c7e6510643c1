/* Proves that percentiles are nearest ranks and medians the middle. */
#include "analysis/quantile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
the_nearest_rank_is_one_of_the_values(void **state)
{
	static const struct {
		size_t count; /* of the values 10, 20, 30 ... */
		unsigned percent;
		int64_t value;
	} cases[] = {
		{ 1, 0, 10 },
		{ 1, 50, 10 },
		{ 1, 100, 10 },
		{ 10, 90, 90 },
		{ 10, 91, 100 },
		{ 10, 50, 50 },
		{ 11, 90, 100 },
		{ 20, 95, 190 },
		{ 21, 95, 200 },
		{ 99, 99, 990 },
		{ 100, 99, 990 },
		{ 101, 99, 1000 },
		{ 100, 0, 10 },
		{ 100, 100, 1000 },
		{ 1000, 99, 9900 },
		{ 1001, 99, 9910 },
	};
	int64_t values[1001];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++)
		values[i] = 10 * ((int64_t)i + 1);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    quantile_nearest(values, cases[i].count, cases[i].percent),
		    cases[i].value);
}

static void
the_median_of_an_even_count_is_the_mean_of_the_middle_two(void **state)
{
	static const struct {
		int64_t values[5];
		size_t count;
		int64_t median;
	} cases[] = {
		{ { 7 }, 1, 7 },
		{ { 1, 9 }, 2, 5 },
		{ { 1, 2 }, 2, 2 }, /* half a microsecond is rounded up */
		{ { 1, 5, 100 }, 3, 5 },
		{ { 1, 5, 8, 100 }, 4, 7 },
		{ { 1, 5, 9, 9, 100 }, 5, 9 },
		{ { INT64_MAX - 2, INT64_MAX }, 2, INT64_MAX - 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    quantile_median(cases[i].values, cases[i].count),
		    cases[i].median);
}

static void
too_few_values_are_not_enough(void **state)
{
	static const struct {
		size_t count;
		unsigned percent;
		bool enough;
	} cases[] = {
		{ 0, 50, false },
		{ 1, 50, true },
		{ 9, 90, false },
		{ 10, 90, true },
		{ 19, 95, false },
		{ 20, 95, true },
		{ 99, 99, false },
		{ 100, 99, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    quantile_enough(cases[i].count, cases[i].percent),
		    cases[i].enough);
}

static void
values_grow_and_are_sorted(void **state)
{
	struct values values = { 0 };

	(void)state;
	for (int64_t i = 0; i < 1000; i++)
		values_add(&values, i * 7919 % 1000);
	quantile_sort(values.items, values.count);
	assert_int_equal(values.count, 1000);
	for (int64_t i = 0; i < 1000; i++)
		assert_int_equal(values.items[i], i);
	values_clear(&values);
	assert_null(values.items);
	quantile_sort(NULL, 0);
}

/* Of all sizes, so that all bytes differ in some. */
static void
sort_many(bool negative)
{
	struct values values = { 0 };
	uint64_t state = 1;

	for (size_t i = 0; i < 5000; i++) {
		int64_t value;

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		value = (int64_t)(state >> 1 >> i % 63);
		values_add(&values, negative && i % 7 == 0 ? -value : value);
	}
	quantile_sort(values.items, values.count);
	for (size_t i = 1; i < values.count; i++)
		assert_true(values.items[i - 1] <= values.items[i]);
	assert_true(values.items[0] < 0 || !negative);
	assert_true(values.items[values.count - 1] > INT64_MAX / 4);
	values_clear(&values);
}

static void
many_values_are_sorted_alike(void **state)
{
	(void)state;
	sort_many(false);
	sort_many(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_rank_is_one_of_the_values),
		cmocka_unit_test(
		    the_median_of_an_even_count_is_the_mean_of_the_middle_two),
		cmocka_unit_test(too_few_values_are_not_enough),
		cmocka_unit_test(values_grow_and_are_sorted),
		cmocka_unit_test(many_values_are_sorted_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
