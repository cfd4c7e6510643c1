/* Proves that cells are printed by their type in every format. */
#include "analysis/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "analysis/report_json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct column columns[] = {
	{ "name", COLUMN_TEXT },
	{ "empty", COLUMN_TEXT },
	{ "count", COLUMN_COUNT },
	{ "rtt_ms", COLUMN_MS },
	{ "time", COLUMN_TIME },
	{ "moved", COLUMN_FLAG },
};

static void
a_cell_is_printed_by_its_type(void **state)
{
	static const struct {
		enum column_type type;
		int64_t value;
		const char *text;
	} cases[] = {
		{ COLUMN_INTEGER, -7, "-7" },
		{ COLUMN_INTEGER, 0, "0" },
		{ COLUMN_INTEGER, INT64_MAX, "9223372036854775807" },
		{ COLUMN_INTEGER, INT64_MIN, "-9223372036854775808" },
		{ COLUMN_COUNT, 300, "3" },
		{ COLUMN_COUNT, 250, "2.50" },
		{ COLUMN_COUNT, 33, "0.33" },
		{ COLUMN_MS, 1234567, "1234.567" },
		{ COLUMN_MS, 5, "0.005" },
		{ COLUMN_MS, 0, "0.000" },
		{ COLUMN_MS, -1, "-0.001" },
		{ COLUMN_MS, INT64_MIN, "-9223372036854775.808" },
		{ COLUMN_SECONDS, 1499, "0.001" },
		{ COLUMN_SECONDS, -1500, "-0.001" },
		{ COLUMN_SECONDS, -1501, "-0.002" },
		{ COLUMN_SECONDS, INT64_MAX, "9223372036854.776" },
		{ COLUMN_SECONDS, 3600000500, "3600.001" },
		{ COLUMN_PERCENT, 10000, "100.00" },
		{ COLUMN_PERCENT, 7, "0.07" },
		{ COLUMN_TIME, 1426939200000001,
		    "2015-03-21T12:00:00.000001Z" },
		{ COLUMN_TIME, INT64_MAX, "" },
		{ COLUMN_FLAG, 0, "false" },
		{ COLUMN_FLAG, 2, "true" },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cell cell = cell_number(cases[i].value);
		struct cell none = cell_unknown();
		size_t len =
		    cell_format(text, sizeof(text), cases[i].type, &cell);

		assert_string_equal(text, cases[i].text);
		assert_int_equal(len, strlen(cases[i].text));
		assert_int_equal(
		    cell_format(text, sizeof(text), cases[i].type, &none), 0);
		assert_string_equal(text, "");
	}
}

static void
foreign_bytes_become_visible_and_a_byte_is_whole_or_not_there(void **state)
{
	struct cell cell = cell_text("a\033\\009\xff");
	char text[32];

	(void)state;
	assert_int_equal(
	    cell_format(text, sizeof(text), COLUMN_TEXT, &cell), 13);
	assert_string_equal(text, "a\\027\\009\\255");
	assert_int_equal(cell_format(text, 5, COLUMN_TEXT, &cell), 13);
	assert_string_equal(text, "a");
	assert_int_equal(cell_format(text, 6, COLUMN_TEXT, &cell), 13);
	assert_string_equal(text, "a\\027");
	assert_int_equal(cell_format(NULL, 0, COLUMN_TEXT, &cell), 13);
	cell = cell_number(-123456);
	assert_int_equal(cell_format(text, 5, COLUMN_MS, &cell), 8);
	assert_string_equal(text, "-123");
	assert_int_equal(cell_format(NULL, 0, COLUMN_MS, &cell), 8);
}

/* JSON says what the text says: a number, or the text itself. */
static void
a_cell_is_the_same_in_json(void **state)
{
	static const struct {
		enum column_type type;
		int64_t value;
	} cases[] = {
		{ COLUMN_INTEGER, -7 },
		{ COLUMN_COUNT, 250 },
		{ COLUMN_COUNT, 300 },
		{ COLUMN_MS, -1 },
		{ COLUMN_MS, 1234567 },
		{ COLUMN_KM, 17 },
		{ COLUMN_DEGREES, -26100000 },
		{ COLUMN_SECONDS, -2500000 },
		{ COLUMN_SECONDS, -1700 },
		{ COLUMN_SECONDS, -1500 },
		{ COLUMN_SECONDS, -1000 },
		{ COLUMN_SECONDS, 1499 },
		{ COLUMN_SECONDS, 3600000500 },
		{ COLUMN_RATIO, -3 },
		{ COLUMN_PERCENT, 7 },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cell cell = cell_number(cases[i].value);
		json_t *json = report_json_value(&cell, cases[i].type);

		(void)cell_format(text, sizeof(text), cases[i].type, &cell);
		assert_true(json_is_number(json));
		assert_true(
		    fabs(json_number_value(json) - strtod(text, NULL)) < 1e-9);
		json_decref(json);
	}
}

/* Two rows, the second unknown, as a format prints them. */
static char *
printed(const char *format)
{
	const struct cell rows[2][COUNT(columns)] = {
		{ cell_text("=a \"b\""), cell_text(""), cell_number(150),
		    cell_number(1500), cell_number(0), cell_number(1) },
		{ cell_unknown() },
	};
	struct report report = { .format = report_format_find(format) };
	char *text;
	size_t len;

	report.stream = open_memstream(&text, &len);
	assert_non_null(report.stream);
	assert_int_equal(report_begin(&report, columns, COUNT(columns)), 0);
	assert_int_equal(report_row(&report, rows[0]), 0);
	assert_int_equal(report_row(&report, rows[1]), 0);
	assert_int_equal(report_end(&report), 0);
	(void)fclose(report.stream);
	return text;
}

static void
every_format_prints_the_same_rows(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{ "csv",
		    "name,empty,count,rtt_ms,time,moved\r\n"
		    "\"'=a \"\"b\"\"\",,1.50,1.500,1970-01-01T00:00:00.000000Z,"
		    "true\r\n"
		    ",,,,,\r\n" },
		{ "json",
		    "[\n"
		    "{\"name\":\"=a \\\"b\\\"\",\"empty\":null,\"count\":1.5,"
		    "\"rtt_ms\":1.5,\"time\":\"1970-01-01T00:00:00.000000Z\","
		    "\"moved\":true},\n"
		    "{\"name\":null,\"empty\":null,\"count\":null,"
		    "\"rtt_ms\":null,\"time\":null,\"moved\":null}\n"
		    "]\n" },
		{ "table",
		    "name    count  rtt_ms                         time  "
		    "moved\n"
		    "=a \"b\"   1.50   1.500  1970-01-01T00:00:00.000000Z   "
		    "true\n"
		    "-           -       -                            -      "
		    "-\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = printed(cases[i].format);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void
a_report_without_rows_has_its_header(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{ "csv", "name,empty,count,rtt_ms,time,moved\r\n" },
		{ "json", "[]\n" },
		{ "table", "name  empty  count  rtt_ms  time  moved\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct report report = { .format = report_format_find(
					     cases[i].format) };
		char *text;
		size_t len;

		report.stream = open_memstream(&text, &len);
		assert_int_equal(
		    report_begin(&report, columns, COUNT(columns)), 0);
		assert_int_equal(report_end(&report), 0);
		(void)fclose(report.stream);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void
a_long_table_prints_its_rest_as_it_comes(void **state)
{
	struct report report = { .format = report_format_find("table") };
	char *text, *line;
	size_t len, lines = 0;

	(void)state;
	report.stream = open_memstream(&text, &len);
	assert_int_equal(report_begin(&report, columns, 1), 0);
	for (size_t i = 0; i < 5000; i++) {
		struct cell cell = cell_text(i == 4999 ? "longer one" : "x");

		assert_int_equal(report_row(&report, &cell), 0);
	}
	assert_int_equal(report_end(&report), 0);
	(void)fclose(report.stream);
	for (line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		lines++;
	assert_int_equal(lines, 5001);
	assert_non_null(strstr(text, "\nlonger one\n"));
	free(text);
}

static void
a_format_is_found_by_name_and_by_suffix(void **state)
{
	(void)state;
	assert_ptr_equal(report_format_find("csv"), &report_csv);
	assert_null(report_format_find("CSV"));
	assert_ptr_equal(report_format_of_file("a.b/c.json"), &report_json);
	assert_null(report_format_of_file("json"));
	assert_null(report_format_of_file("x.csv.old"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_is_printed_by_its_type),
		cmocka_unit_test(a_cell_is_the_same_in_json),
		cmocka_unit_test(
		    foreign_bytes_become_visible_and_a_byte_is_whole_or_not_there),
		cmocka_unit_test(every_format_prints_the_same_rows),
		cmocka_unit_test(a_report_without_rows_has_its_header),
		cmocka_unit_test(a_long_table_prints_its_rest_as_it_comes),
		cmocka_unit_test(a_format_is_found_by_name_and_by_suffix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
