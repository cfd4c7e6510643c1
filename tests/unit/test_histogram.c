/* Proves that histograms of round-trip times add up and stay within 1 %. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/histogram.h"
#include "lib/limits.h"

static void
every_time_lies_within_one_percent_of_its_bucket(void **state)
{
	struct histogram h;

	(void)state;
	histogram_init(&h);
	for (double t = 1; t < (double)LIMIT_RTT_US; t = t * 1.0037 + 1) {
		const int64_t us = (int64_t)t;
		int64_t seen;

		histogram_add(&h, us);
		seen = histogram_rank_us(&h, 1);
		/* Whole microseconds: half of one is lost to rounding. */
		assert_true(
		    (double)llabs(seen - us) <= (double)us * 0.01 + 0.5);
		histogram_clear(&h);
		assert_int_equal(h.total, 0);
	}
}

static void
the_table_says_the_same(void **state)
{
	struct histogram_table *table = malloc(sizeof(*table));
	struct histogram h;

	(void)state;
	histogram_init(&h);
	histogram_table_init(table);
	for (double t = 0; t < (double)LIMIT_RTT_US; t = t * 1.0001 + 1) {
		for (int near = 0; near < 3; near++) {
			const uint32_t us = (uint32_t)t + (uint32_t)near;

			histogram_add(&h, us);
			assert_int_equal(
			    histogram_table_bucket(table, us), h.low);
			histogram_clear(&h);
		}
	}
	/* Where one bucket ends and the next begins. */
	for (size_t b = 300; b < HISTOGRAM_BUCKETS; b++) {
		const uint32_t first = (uint32_t)ceil(pow(1.02, (double)b));

		assert_int_equal(histogram_table_bucket(table, first), b);
		assert_int_equal(
		    histogram_table_bucket(table, first - 1), b - 1);
	}
	assert_int_equal(histogram_table_bucket(table, UINT32_MAX - 1),
	    HISTOGRAM_BUCKETS - 1);
	free(table);
}

static void
times_out_of_range_count_as_the_nearest(void **state)
{
	struct histogram h;

	(void)state;
	histogram_init(&h);
	histogram_add(&h, -5);
	histogram_add(&h, 0);
	histogram_add(&h, 1);
	assert_int_equal(h.count[0], 3);
	histogram_add(&h, LIMIT_RTT_US);
	histogram_add(&h, INT64_MAX);
	assert_int_equal(h.count[HISTOGRAM_BUCKETS - 1], 2);
}

static void
parts_added_up_are_the_whole_byte_for_byte(void **state)
{
	static uint8_t a[HISTOGRAM_BYTES], b[HISTOGRAM_BYTES];
	struct histogram whole, part, sum;
	size_t a_len, b_len;
	unsigned seed = 1;

	(void)state;
	histogram_init(&whole);
	histogram_init(&part);
	histogram_init(&sum);
	for (int i = 0; i < 5000; i++) {
		const int64_t us = 1 + rand_r(&seed) % 400000;

		histogram_add(&whole, us);
		histogram_add(&part, us);
		if (i % 7 == 0) {
			a_len = histogram_encode(&part, a);
			assert_int_equal(histogram_merge(&sum, a, a_len), 0);
			histogram_clear(&part);
		}
	}
	a_len = histogram_encode(&part, a);
	assert_int_equal(histogram_merge(&sum, a, a_len), 0);
	a_len = histogram_encode(&whole, a);
	b_len = histogram_encode(&sum, b);
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
}

static void
the_fullest_histogram_fits(void **state)
{
	static uint8_t out[HISTOGRAM_BYTES];
	struct histogram h, again;

	(void)state;
	histogram_init(&h);
	histogram_init(&again);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		h.count[i] = INT64_MAX / HISTOGRAM_BUCKETS;
	h.high = HISTOGRAM_BUCKETS;
	h.total = INT64_MAX / HISTOGRAM_BUCKETS * HISTOGRAM_BUCKETS;
	assert_true(histogram_encode(&h, out) <= sizeof(out));
	assert_int_equal(
	    histogram_merge(&again, out, histogram_encode(&h, out)), 0);
	assert_memory_equal(&h, &again, sizeof(h));
}

static void
bytes_that_are_no_histogram_change_nothing(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[12];
		size_t len;
		int status;
	} cases[] = {
		{ "empty", { 0 }, 0, 0 },
		{ "bucket 0 once", { 0, 1 }, 2, 0 },
		{ "bucket alone", { 3 }, 1, -1 },
		{ "cut number", { 3, 0x80 }, 2, -1 },
		{ "empty bucket", { 3, 0 }, 2, -1 },
		{ "same bucket twice", { 3, 1, 0, 1 }, 4, -1 },
		{ "last bucket", { 0xd7, 0x08, 1 }, 3, 0 },
		{ "beyond the last", { 0xd8, 0x08, 1 }, 3, -1 },
		{ "step beyond the last", { 0xd7, 0x08, 1, 1, 1 }, 5, -1 },
		{ "longer than needed", { 0x83, 0x00, 1 }, 3, -1 },
		{ "64 bits",
		    { 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			1 },
		    11, -1 },
		{ "63 bits and one more counted",
		    { 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
		    10, -1 },
	};
	struct histogram h, before;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		histogram_init(&h);
		histogram_add(&h, 100);
		before = h;
		if (histogram_merge(&h, cases[i].bytes, cases[i].len) !=
		    cases[i].status)
			fail_msg("%s", cases[i].what);
		if (cases[i].status == -1)
			assert_memory_equal(&h, &before, sizeof(h));
	}
}

static void
percentiles_are_nearest_rank_and_the_even_median_a_mean(void **state)
{
	static const struct {
		int64_t times[4];
		size_t count;
		double percent, us;
	} cases[] = {
		{ { 0 }, 0, 50, -1 },
		{ { 10000 }, 1, 50, 10000 },
		{ { 10000 }, 1, 1, 10000 },
		{ { 10000 }, 1, 100, 10000 },
		{ { 10000, 20000 }, 2, 50, 15000 },
		{ { 20000, 30000, 10000 }, 3, 50, 20000 },
		{ { 20000, 30000, 10000, 40000 }, 4, 50, 25000 },
		{ { 20000, 30000, 10000, 40000 }, 4, 75, 30000 },
		{ { 20000, 30000, 10000, 40000 }, 4, 76, 40000 },
		{ { 20000, 30000, 10000, 40000 }, 4, 0, -1 },
		{ { 20000, 30000, 10000, 40000 }, 4, 101, -1 },
		{ { 20000, 30000, 10000, 40000 }, 4, NAN, -1 },
	};
	struct histogram h;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double us;

		histogram_init(&h);
		for (size_t j = 0; j < cases[i].count; j++)
			histogram_add(&h, cases[i].times[j]);
		us = histogram_percentile_us(&h, cases[i].percent);
		if (fabs(us - cases[i].us) > fabs(cases[i].us) * 0.01)
			fail_msg("case %zu: %f", i, us);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_time_lies_within_one_percent_of_its_bucket),
		cmocka_unit_test(the_table_says_the_same),
		cmocka_unit_test(times_out_of_range_count_as_the_nearest),
		cmocka_unit_test(parts_added_up_are_the_whole_byte_for_byte),
		cmocka_unit_test(the_fullest_histogram_fits),
		cmocka_unit_test(bytes_that_are_no_histogram_change_nothing),
		cmocka_unit_test(
		    percentiles_are_nearest_rank_and_the_even_median_a_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
