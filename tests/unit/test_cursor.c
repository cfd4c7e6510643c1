/* Proves that a cursor never leaves its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/cursor.h"

static const uint8_t eight[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void
numbers_are_big_endian(void **state)
{
	struct cursor c = cursor_over(eight, sizeof(eight));

	(void)state;
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_u16(&c), 0x0203);
	assert_int_equal(cursor_u32(&c), 0x04050607);
	assert_int_equal(cursor_at(&c), 7);
	assert_int_equal(cursor_left(&c), 1);
	assert_false(cursor_failed(&c));
}

static void
high_bits_survive(void **state)
{
	static const uint8_t ones[] = { 0xff, 0xfe, 0xfd, 0xfc };
	struct cursor c = cursor_over(ones, sizeof(ones));

	(void)state;
	assert_true(cursor_u32(&c) == 0xfffefdfcU);
}

static void
short_read_yields_zero_and_stays_failed(void **state)
{
	static const struct {
		size_t len;
		int width;
	} cases[] = { { 0, 1 }, { 1, 2 }, { 0, 2 }, { 3, 4 }, { 0, 4 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor c = cursor_over(eight, cases[i].len);
		uint32_t value = cases[i].width == 1   ? cursor_u8(&c)
				 : cases[i].width == 2 ? cursor_u16(&c)
						       : cursor_u32(&c);

		assert_int_equal(value, 0);
		assert_true(cursor_failed(&c));
		assert_int_equal(cursor_left(&c), 0);
		assert_int_equal(cursor_u8(&c), 0);
		assert_null(cursor_take(&c, 0));
	}
}

static void
take_borrows_exactly_what_is_there(void **state)
{
	struct cursor c = cursor_over(eight, sizeof(eight));

	(void)state;
	assert_ptr_equal(cursor_take(&c, 3), &eight[0]);
	assert_ptr_equal(cursor_take(&c, 5), &eight[3]);
	assert_non_null(cursor_take(&c, 0));
	assert_null(cursor_take(&c, 1));
	assert_true(cursor_failed(&c));
}

static void
huge_lengths_do_not_wrap_around(void **state)
{
	struct cursor c = cursor_over(eight, sizeof(eight));
	struct cursor part;

	(void)state;
	cursor_skip(&c, 4);
	assert_null(cursor_take(&c, SIZE_MAX));
	c = cursor_over(eight, sizeof(eight));
	cursor_skip(&c, 4);
	part = cursor_part(&c, SIZE_MAX - 3);
	assert_true(cursor_failed(&part));
	assert_true(cursor_failed(&c));
}

static void
seek_goes_anywhere_within_and_nowhere_else(void **state)
{
	struct cursor c = cursor_over(eight, sizeof(eight));

	(void)state;
	cursor_seek(&c, 6);
	assert_int_equal(cursor_u8(&c), 7);
	cursor_seek(&c, 0);
	assert_int_equal(cursor_u8(&c), 1);
	cursor_seek(&c, 8);
	assert_false(cursor_failed(&c));
	assert_int_equal(cursor_left(&c), 0);
	cursor_seek(&c, 9);
	assert_true(cursor_failed(&c));
	cursor_seek(&c, 0); /* no way back */
	assert_true(cursor_failed(&c));
	assert_int_equal(cursor_u8(&c), 0);
}

static void
part_is_fenced_and_left_behind(void **state)
{
	struct cursor c = cursor_over(eight, sizeof(eight));
	struct cursor part;

	(void)state;
	cursor_skip(&c, 1);
	part = cursor_part(&c, 2);
	assert_int_equal(cursor_u8(&part), 2);
	assert_int_equal(cursor_u16(&part), 0);
	assert_true(cursor_failed(&part));
	assert_false(cursor_failed(&c));
	assert_int_equal(cursor_u8(&c), 4);
}

static void
part_that_is_not_there_fails_both(void **state)
{
	struct cursor c = cursor_over(eight, 4);
	struct cursor part = cursor_part(&c, 5);

	(void)state;
	assert_true(cursor_failed(&part));
	assert_true(cursor_failed(&c));
	assert_int_equal(cursor_left(&part), 0);
}

static void
nothing_can_be_read_of_nothing(void **state)
{
	struct cursor c = cursor_over(NULL, 0);

	(void)state;
	assert_non_null(cursor_take(&c, 0));
	assert_false(cursor_failed(&c));
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(cursor_failed(&c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(high_bits_survive),
		cmocka_unit_test(short_read_yields_zero_and_stays_failed),
		cmocka_unit_test(take_borrows_exactly_what_is_there),
		cmocka_unit_test(huge_lengths_do_not_wrap_around),
		cmocka_unit_test(seek_goes_anywhere_within_and_nowhere_else),
		cmocka_unit_test(part_is_fenced_and_left_behind),
		cmocka_unit_test(part_that_is_not_there_fails_both),
		cmocka_unit_test(nothing_can_be_read_of_nothing),
	};

	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
