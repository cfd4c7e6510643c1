/* Proves how times and lengths of time are read, written and computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "lib/times.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
rfc_3339_text_becomes_nanoseconds(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01", 0 },
		{ "2026-11-23T05:31:02.123456Z", 1795411862123456000 },
		{ "2026-11-23 05:31:02.123456789", 1795411862123456789 },
		{ "2026-11-23T06:31:02+01:00", 1795411862000000000 },
		{ "2026-11-23t05:31:02z", 1795411862000000000 },
		{ "2000-02-29T23:59:59.5-00:30", 951870599500000000 },
		{ "1969-12-31T23:59:59.999999Z", -1000 },
		{ "1900-03-01", -2203891200000000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wall t;

		assert_int_equal(wall_parse(&t, cases[i].text), 0);
		assert_int_equal(t.ns, cases[i].ns);
	}
}

static void
text_that_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = { "", "2026", "2026-13-01",
		"2026-00-01", "2026-02-29", "1900-02-29", "2026-11-23T",
		"2026-11-23T24:00:00Z", "2026-11-23T05:60:00Z",
		"2026-11-23T23:59:60Z", "2026-11-23T05:31:02.Z",
		"2026-11-23T05:31:02.1234567890Z", "2026-11-23T05:31:02Zx",
		"2026-11-23T05:31:02+1:00", "2026-11-23T05:31Z", " 2026-11-23",
		"+026-11-23", "9999-01-01", "0001-01-01" };
	struct wall t;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (wall_parse(&t, cases[i]) != -1)
			fail_msg("taken: \"%s\"", cases[i]);
	}
}

static void
every_time_written_is_read_back(void **state)
{
	char text[TIMES_TEXT];
	struct wall t, again;

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		/* 1758 to 2181, whole microseconds. */
		int64_t us =
		    (int64_t)(((uint64_t)random() << 31 | (uint64_t)random()) %
			      13350000000000000) -
		    6675000000000000;

		t = wall_from_us(us);
		wall_format(text, t, 6);
		assert_int_equal(strlen(text), 27);
		assert_int_equal(wall_parse(&again, text), 0);
		assert_int_equal(again.ns, t.ns);
	}
	wall_format(text, (struct wall){ 1795411862999999999 }, 6);
	assert_string_equal(text, "2026-11-23T05:31:02.999999Z");
	wall_format(text, (struct wall){ 1795411862999999999 }, 0);
	assert_string_equal(text, "2026-11-23T05:31:02Z");
}

static void
lengths_of_time_have_one_suffix(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "90", 90000 },
		{ "90s", 90000 },
		{ "5m", 300000 },
		{ "1.5h", 5400000 },
		{ "7d", 604800000 },
		{ "2w", 1209600000 },
		{ "0", 0 },
		{ "0.25", 250 },
		{ "", -1 },
		{ "m", -1 },
		{ "-1s", -1 },
		{ "+1s", -1 },
		{ "5 m", -1 },
		{ "5mm", -1 },
		{ "5M", -1 },
		{ "nan", -1 },
		{ "inf", -1 },
		{ "0x10", -1 },
		{ "101000000d", -1 },
		{ ".5s", -1 },
		{ "5300w", -1 },
	};
	struct span d;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].ms == -1) {
			if (span_parse(&d, cases[i].text) != -1)
				fail_msg("taken: \"%s\"", cases[i].text);
			continue;
		}
		assert_int_equal(span_parse(&d, cases[i].text), 0);
		assert_int_equal(d.ns, cases[i].ms * 1000000);
	}
}

static void
microseconds_round_as_promised(void **state)
{
	(void)state;
	assert_int_equal(span_to_us((struct span){ 1499 }), 1);
	assert_int_equal(span_to_us((struct span){ 1500 }), 2);
	assert_int_equal(span_to_us((struct span){ -1500 }), -2);
	assert_int_equal(span_to_us((struct span){ -1499 }), -1);
	assert_int_equal(wall_to_us((struct wall){ 1999 }), 1);
	assert_int_equal(wall_to_us((struct wall){ -1 }), -1);
	assert_int_equal(span_ms(3).ns, 3000000);
	assert_int_equal(span_us(3).ns, 3000);
	assert_int_equal(span_s(0.1).ns, 100000000);
}

static void
clocks_subtract_and_add(void **state)
{
	struct mono a = mono_now(), b = mono_add(a, span_ms(5));
	struct wall w = wall_add((struct wall){ 7 }, span_us(1));

	(void)state;
	assert_true(mono_before(a, b));
	assert_false(mono_before(b, a));
	assert_false(mono_before(a, a));
	assert_int_equal(mono_since(b, a).ns, 5000000);
	assert_int_equal(wall_since(w, (struct wall){ 7 }).ns, 1000);
	assert_false(mono_before(mono_now(), a));
}

/* Every day that a struct wall reaches, by the C library's calendar. */
static void
a_date_is_that_of_the_calendar(void **state)
{
	char text[TIMES_TEXT], wanted[32];
	time_t day;

	(void)state;
	for (day = -106000; day <= 106000; day++) {
		time_t at = day * 86400 + 43200;
		struct tm tm;

		wall_format(text, (struct wall){ at * 1000000000LL }, 0);
		assert_non_null(gmtime_r(&at, &tm));
		(void)strftime(
		    wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(text, wanted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_3339_text_becomes_nanoseconds),
		cmocka_unit_test(text_that_is_no_time_is_refused),
		cmocka_unit_test(every_time_written_is_read_back),
		cmocka_unit_test(lengths_of_time_have_one_suffix),
		cmocka_unit_test(microseconds_round_as_promised),
		cmocka_unit_test(clocks_subtract_and_add),
		cmocka_unit_test(a_date_is_that_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
