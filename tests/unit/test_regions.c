/* Proves that countries have their regions, and an operator's own first. */
#include "lib/regions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/temporary.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct regions *
read_own(const char *text, size_t len, char *error, size_t size)
{
	char path[TEMPORARY_SIZE];
	struct regions *regions;

	assert_int_equal(temporary_file(path, text, len), 0);
	error[0] = '\0';
	regions = regions_read(path, error, size);
	assert_int_equal(unlink(path), 0);
	return regions;
}

static void
the_shipped_table_is_that_of_the_united_nations(void **state)
{
	static const struct {
		const char *country, *region;
	} cases[] = {
		{ "DE", "Western Europe" },
		{ "GB", "Northern Europe" },
		{ "CY", "Western Asia" },
		{ "MX", "Central America" },
		{ "SD", "Northern Africa" },
		{ "SS", "Eastern Africa" },
		{ "AQ", "Antarctica" },
		{ "XK", "Southern Europe" },
		{ "ZZ", "" },
		{ "de", "" },
		{ "", "" },
		{ "DEU", "" },
	};
	char error[256] = "";
	struct regions *regions = regions_read(NULL, error, sizeof(error));

	(void)state;
	assert_non_null(regions);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(
		    regions_of(regions, cases[i].country), cases[i].region);
	regions_free(regions);
	assert_string_equal(regions_of(NULL, "DE"), "");
}

static void
an_operators_lines_come_first(void **state)
{
	static const char text[] = "# ours\r\nDE dach\r\n  AT\tdach  # too\n"
				   "CH\tdach\nDE Deutschland and its sea";
	char error[256];
	struct regions *regions =
	    read_own(text, sizeof(text) - 1, error, sizeof(error));

	(void)state;
	assert_non_null(regions);
	assert_string_equal(
	    regions_of(regions, "DE"), "Deutschland and its sea");
	assert_string_equal(regions_of(regions, "AT"), "dach");
	assert_string_equal(regions_of(regions, "FR"), "Western Europe");
	regions_free(regions);
}

static void
a_byte_order_mark_is_no_part_of_a_country(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "DE dach\r\n";
	char error[256];
	struct regions *regions =
	    read_own(text, sizeof(text) - 1, error, sizeof(error));

	(void)state;
	assert_string_equal(error, "");
	assert_string_equal(regions_of(regions, "DE"), "dach");
	regions_free(regions);
}

static void
what_is_no_table_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *reason;
	} cases[] = {
		{ "DE dach\nGermany dach\n", 21, ":2: a country is two" },
		{ "\n\nDE\n", 5, ":3: a country and its region" },
		{ "DE d\x01z\n", 7, ":1: a region is 1 to 64" },
		{ "DE d\0z\n", 7, ": holds a NUL" },
	};
	char error[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(read_own(
		    cases[i].text, cases[i].len, error, sizeof(error)));
		assert_non_null(strstr(error, cases[i].reason));
	}
	assert_null(regions_read("/nowhere/at all", error, sizeof(error)));
	assert_string_equal(
	    error, "/nowhere/at all: No such file or directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_shipped_table_is_that_of_the_united_nations),
		cmocka_unit_test(an_operators_lines_come_first),
		cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_country),
		cmocka_unit_test(what_is_no_table_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
