/* Proves that sums of rows are zlib's CRC-32 of their values, and that no
 * change within 32 bits of a number goes unseen. */
#include "collector/row_sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

/* xorshift64: the same numbers in each run. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint32_t
of_zlib(uint32_t sum, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	return (uint32_t)crc32_z(sum, bytes, sizeof(bytes));
}

static void
each_value_of_each_byte_is_summed_as_zlib_does(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int at = 0; at < 64; at += 8)
		for (uint64_t byte = 0; byte < 256; byte++) {
			const uint64_t value = byte << at;
			const uint32_t sum = (uint32_t)next(&random);

			assert_int_equal(row_sum_int(sum, (int64_t)value),
			    of_zlib(sum, value));
			assert_int_equal(row_sum_int(ROW_SUM_START,
					     (int64_t)(value ^ random)),
			    of_zlib(0, value ^ random));
		}
}

static void
what_is_no_number_is_summed_as_zlib_does(void **state)
{
	static const uint8_t null[] = { 0x80, 0 };
	uint32_t sum = row_sum_bytes(ROW_SUM_START, "fra1", 4);

	(void)state;
	assert_int_equal(
	    sum, crc32_z(of_zlib(0, 4), (const uint8_t *)"fra1", 4));
	assert_int_equal(row_sum_bytes(sum, NULL, 0), of_zlib(sum, 0));
	assert_int_equal(row_sum_null(sum), crc32_z(sum, null, 2));
	assert_int_equal(
	    row_sum_double(sum, 1.0), of_zlib(sum, 0x3ff0000000000000));
	assert_int_equal(row_sum_double(sum, -0.0), of_zlib(sum, 0));
}

/* The sum is linear: a change leaves it as it is where what its bits do add up
 * to nothing. None of the 2^32 of a stretch does where all 32 bits are
 * independent. */
static int
count_independent(int64_t value, int at)
{
	const uint32_t sum = row_sum_int(ROW_SUM_START, value);
	uint32_t with[32] = { 0 }; /* by its highest bit */
	int count = 0;

	for (int bit = at; bit < at + 32; bit++) {
		const int64_t other = (int64_t)((uint64_t)value ^ 1ULL << bit);
		uint32_t change = sum ^ row_sum_int(ROW_SUM_START, other);

		for (int high = 31; high >= 0 && change != 0; high--) {
			if ((change >> high & 1) == 0)
				continue;
			if (with[high] == 0) {
				with[high] = change;
				count++;
				break;
			}
			change ^= with[high];
		}
	}
	return count;
}

static void
no_change_within_32_bits_of_a_number_goes_unseen(void **state)
{
	static const int64_t values[] = { 0, -1, 1200000000, 1700000000000123 };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int at = 0; at <= 32; at++)
			assert_int_equal(count_independent(values[i], at), 32);
	/* Two that had one sum when numbers were summed as varints. */
	assert_int_not_equal(row_sum_int(ROW_SUM_START, 1200000000),
	    row_sum_int(ROW_SUM_START, 3391740621));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_value_of_each_byte_is_summed_as_zlib_does),
		cmocka_unit_test(what_is_no_number_is_summed_as_zlib_does),
		cmocka_unit_test(
		    no_change_within_32_bits_of_a_number_goes_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
