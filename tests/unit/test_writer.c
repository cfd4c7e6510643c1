/* Proves that a writer never leaves its buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/writer.h"

static void
numbers_are_written_big_endian(void **state)
{
	static const uint8_t expected[] = { 1, 2, 3, 4, 5, 6, 7, 0, 0, 8, 9 };
	uint8_t buffer[sizeof(expected)];
	struct writer w = writer_over(buffer, sizeof(buffer));

	(void)state;
	writer_u8(&w, 1);
	writer_u16(&w, 0x0203);
	writer_u32(&w, 0x04050607);
	writer_zeros(&w, 2);
	writer_bytes(&w, "\x08\x09", 2);
	assert_false(writer_failed(&w));
	assert_int_equal(w.len, sizeof(expected));
	assert_memory_equal(buffer, expected, sizeof(expected));
}

static void
what_does_not_fit_is_not_written_at_all(void **state)
{
	uint8_t buffer[8];
	struct writer w;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		memset(buffer, 0xaa, sizeof(buffer));
		w = writer_over(buffer, 3);
		writer_u16(&w, 0x0102);
		if (i == 0)
			writer_u16(&w, 0xffff);
		else if (i == 1)
			writer_u32(&w, 0xffffffff);
		else if (i == 2)
			writer_bytes(&w, "xx", 2);
		else
			writer_zeros(&w, SIZE_MAX);
		assert_true(writer_failed(&w));
		assert_int_equal(w.len, 2);
		assert_memory_equal(buffer, "\x01\x02\xaa\xaa", 4);
		writer_u8(&w, 7); /* would fit, but the writer stays failed */
		assert_int_equal(w.len, 2);
		assert_int_equal(buffer[2], 0xaa);
	}
}

static void
nothing_is_written_without_harm(void **state)
{
	struct writer w = writer_over(NULL, 0);

	(void)state;
	writer_bytes(&w, NULL, 0);
	writer_zeros(&w, 0);
	assert_false(writer_failed(&w));
	writer_u8(&w, 1);
	assert_true(writer_failed(&w));
}

static void
only_written_bytes_are_overwritten(void **state)
{
	uint8_t buffer[8] = { 0 };
	struct writer w = writer_over(buffer, sizeof(buffer));

	(void)state;
	writer_u32(&w, 0);
	writer_u16_at(&w, 2, 0xabcd);
	assert_false(writer_failed(&w));
	assert_memory_equal(buffer, "\0\0\xab\xcd\0", 5);
	writer_u16_at(&w, 3, 0x1111);
	assert_true(writer_failed(&w));
	assert_memory_equal(buffer, "\0\0\xab\xcd\0", 5);

	w = writer_over(buffer, sizeof(buffer));
	writer_u8(&w, 9);
	writer_u16_at(&w, 0, 0x2222);
	assert_true(writer_failed(&w));
	w = writer_over(buffer, sizeof(buffer));
	writer_u32(&w, 9);
	writer_u16_at(&w, SIZE_MAX, 0x2222);
	assert_true(writer_failed(&w));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_written_big_endian),
		cmocka_unit_test(what_does_not_fit_is_not_written_at_all),
		cmocka_unit_test(nothing_is_written_without_harm),
		cmocka_unit_test(only_written_bytes_are_overwritten),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
