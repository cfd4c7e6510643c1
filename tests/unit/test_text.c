/* Proves that text and numbers keep within their buffers and ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/limits.h"
#include "lib/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
printing_says_whether_it_fitted(void **state)
{
	char buffer[6];

	(void)state;
	assert_int_equal(text_print(buffer, sizeof(buffer), "%d", 12345), 0);
	assert_string_equal(buffer, "12345");
	assert_int_equal(text_print(buffer, sizeof(buffer), "%d", 123456), -1);
	assert_string_equal(buffer, "12345");
	assert_int_equal(text_copy(buffer, sizeof(buffer), "abcde"), 0);
	assert_string_equal(buffer, "abcde");
	assert_int_equal(text_copy(buffer, sizeof(buffer), "abcdef"), -1);
	assert_string_equal(buffer, "");
	assert_int_equal(text_copy(buffer, 0, "a"), -1);
}

static void
integers_are_decimal_and_in_range(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max, value;
		int status;
	} cases[] = {
		{ "0", 0, 9, 0, 0 },
		{ "-5", -5, 5, -5, 0 },
		{ "+5", -5, 5, 5, 0 },
		{ "007", 0, 9, 7, 0 },
		{ "9223372036854775807", 0, INT64_MAX, INT64_MAX, 0 },
		{ "9223372036854775808", 0, INT64_MAX, 0, -1 },
		{ "6", -5, 5, 0, -1 },
		{ "-6", -5, 5, 0, -1 },
		{ "", 0, 9, 0, -1 },
		{ "-", 0, 9, 0, -1 },
		{ " 1", 0, 9, 0, -1 },
		{ "1 ", 0, 9, 0, -1 },
		{ "0x1", 0, 9, 0, -1 },
		{ "1.0", 0, 9, 0, -1 },
		{ "--1", -9, 9, 0, -1 },
		{ "1e1", 0, 99, 0, -1 },
	};
	int64_t value;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status =
		    text_int(&value, cases[i].text, cases[i].min, cases[i].max);

		if (status != cases[i].status)
			fail_msg("\"%s\": %d", cases[i].text, status);
		if (status == 0)
			assert_int_equal(value, cases[i].value);
	}
}

static void
decimal_numbers_are_finite_and_in_range(void **state)
{
	static const char *const bad[] = { "", "nan", "inf", "-inf", "0x1p3",
		"1e999", " 1", "1,5", "1.5.2", "e5", ".", "-", "91" };
	double value;

	(void)state;
	assert_int_equal(text_double(&value, "51.4775", -90, 90), 0);
	assert_true(value > 51.4774 && value < 51.4776);
	assert_int_equal(text_double(&value, "-90", -90, 90), 0);
	assert_int_equal(text_double(&value, "1e1", -90, 90), 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (text_double(&value, bad[i], -90, 90) != -1)
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

static void
hex_goes_both_ways(void **state)
{
	static const char *const bad[] = { "0", "0g", "000102030405060708",
		" 0", "0x" };
	uint8_t bytes[8];
	char text[17];
	size_t len;

	(void)state;
	assert_int_equal(text_unhex(bytes, sizeof(bytes), &len, "00fFA5"), 0);
	assert_int_equal(len, 3);
	text_hex(text, bytes, len);
	assert_string_equal(text, "00ffa5");
	assert_int_equal(text_unhex(bytes, sizeof(bytes), &len, ""), 0);
	assert_int_equal(len, 0);
	text_hex(text, bytes, 0);
	assert_string_equal(text, "");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    text_unhex(bytes, sizeof(bytes), &len, bad[i]), -1);
}

static void
eight_bytes_of_hex_are_a_number(void **state)
{
	static const char *const bad[] = { "", "00", "00112233445566",
		"001122334455667788", "001122334455667g" };
	uint64_t value;

	(void)state;
	assert_int_equal(text_unhex64(&value, "0123456789abCDEF"), 0);
	assert_true(value == UINT64_C(0x0123456789abcdef));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(text_unhex64(&value, bad[i]), -1);
}

static void
a_line_has_exactly_its_words(void **state)
{
	char three[] = "a  c", fewer[] = "a b", more[] = "a b c d", *word[3];

	(void)state;
	assert_int_equal(text_words(three, word, 3), 0);
	assert_string_equal(word[0], "a");
	assert_string_equal(word[1], "");
	assert_string_equal(word[2], "c");
	assert_int_equal(text_words(fewer, word, 3), -1);
	assert_int_equal(text_words(more, word, 3), -1);
}

static void
a_vantage_points_name_is_a_safe_path_component(void **state)
{
	static const char *const good[] = { "lon1", "a", "0", "a.b_c-d",
		"atlas-1000001" };
	static const char *const bad[] = { "", ".", "..", "a..b", ".a", "-a",
		"_a", "a/b", "A", "a b", "a\n", "\xc3\xa9", "a%2f" };
	char longest[LIMIT_VP_NAME + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(text_is_vp_name(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_is_vp_name(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[LIMIT_VP_NAME] = '\0';
	assert_true(text_is_vp_name(longest));
	longest[LIMIT_VP_NAME] = 'a';
	longest[LIMIT_VP_NAME + 1] = '\0';
	assert_false(text_is_vp_name(longest));
}

static void
printable_text_has_bounds(void **state)
{
	(void)state;
	assert_true(text_is_printable(" ~", 2));
	assert_false(text_is_printable("", 2));
	assert_false(text_is_printable("abc", 2));
	assert_false(text_is_printable("\x7f", 2));
	assert_false(text_is_printable("\x1f", 2));
	assert_false(text_is_printable("\x80", 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printing_says_whether_it_fitted),
		cmocka_unit_test(integers_are_decimal_and_in_range),
		cmocka_unit_test(decimal_numbers_are_finite_and_in_range),
		cmocka_unit_test(hex_goes_both_ways),
		cmocka_unit_test(eight_bytes_of_hex_are_a_number),
		cmocka_unit_test(a_line_has_exactly_its_words),
		cmocka_unit_test(
		    a_vantage_points_name_is_a_safe_path_component),
		cmocka_unit_test(printable_text_has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
