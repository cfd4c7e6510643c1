/* Proves that foreign bytes come out harmless, and back as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/escape.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
every_byte_comes_back_from_its_text_form(void **state)
{
	uint8_t bytes[256], again[256];
	char text[4 * 256 + 1];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	len = escape_text(text, sizeof(text), bytes, sizeof(bytes));
	assert_int_equal(len, strlen(text));
	for (size_t i = 0; i < len; i++)
		assert_true(text[i] >= 0x20 && text[i] <= 0x7e);
	assert_int_equal(escape_decode(again, sizeof(again), &len, text), 0);
	assert_int_equal(len, sizeof(bytes));
	assert_memory_equal(again, bytes, sizeof(bytes));
}

static void
text_form_is_that_of_the_design(void **state)
{
	char text[64];

	(void)state;
	escape_text(text, sizeof(text), "\x1b]0;pwned\a\\ \"", 13);
	assert_string_equal(text, "\\027]0;pwned\\007\\092 \"");
	assert_int_equal(escape_text(text, sizeof(text), "", 0), 0);
	assert_string_equal(text, "");
}

static void
a_short_buffer_holds_whole_bytes_only(void **state)
{
	char text[8];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(escape_text(text, 6,
			     "a\x01"
			     "b\x02",
			     4),
	    10);
	assert_string_equal(text, "a\\001");
	assert_int_equal(escape_text(text, 5,
			     "a\x01"
			     "b",
			     3),
	    6);
	assert_string_equal(text, "a");
	assert_int_equal(escape_text(text, 0, "abc", 3), 3);
}

static void
what_is_no_text_form_is_refused(void **state)
{
	static const char *const bad[] = { "\\", "\\0", "\\09", "\\300",
		"\\999", "a\n", "\x7f", "\xc3\xa9", "\\x41", "12345" };
	uint8_t bytes[4];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    escape_decode(bytes, sizeof(bytes), &len, bad[i]), -1);
	assert_int_equal(escape_decode(bytes, sizeof(bytes), &len, "1234"), 0);
}

static void
a_csv_field_is_quoted_and_is_no_formula(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "ams1", "ams1" },
		{ "a,b", "\"a,b\"" },
		{ "say \"hi\"", "\"say \"\"hi\"\"\"" },
		{ "a\r\nb", "\"a\r\nb\"" },
		{ "=1+1", "'=1+1" },
		{ "+1", "'+1" },
		{ "-1+2", "'-1+2" },
		{ "@SUM(A1)", "'@SUM(A1)" },
		{ "|cmd", "'|cmd" },
		{ "\t=1", "'\t=1" },
		{ "\r=1", "\"'\r=1\"" },
		{ " =1", "\"' =1\"" },
		{ "\xef\xbc\x9d"
		  "1",
		    "'\xef\xbc\x9d"
		    "1" },
		{ "\"=1\"", "\"\"\"=1\"\"\"" },
		{ "'=1", "'=1" },
		{ "=HYPERLINK(\"http://x\",\"a\")",
		    "\"'=HYPERLINK(\"\"http://x\"\",\"\"a\"\")\"" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = escape_csv(out, sizeof(out), cases[i].in);

		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(cases[i].out));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_comes_back_from_its_text_form),
		cmocka_unit_test(text_form_is_that_of_the_design),
		cmocka_unit_test(a_short_buffer_holds_whole_bytes_only),
		cmocka_unit_test(what_is_no_text_form_is_refused),
		cmocka_unit_test(a_csv_field_is_quoted_and_is_no_formula),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
