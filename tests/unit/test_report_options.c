/* Proves that acreport's times and options mean what its manual says. */
#include "analysis/options.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND 1000000LL
#define NOW (1426939200 * SECOND + 7) /* 2015-03-21T12:00:00.000007Z */

static void
a_time_is_a_date_a_clock_or_so_long_ago(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "now", NOW },
		{ "today", 1426896000 * SECOND },
		{ "yesterday", 1426809600 * SECOND },
		{ "24h", NOW - 86400 * SECOND },
		{ "7d", NOW - 7 * 86400 * SECOND },
		{ "1.5h", NOW - 5400 * SECOND },
		{ "2015-03-21", 1426896000 * SECOND },
		{ "2015-03-21T12:00:00Z", 1426939200 * SECOND },
		{ "2015-03-21T12:00:00", 1426939200 * SECOND },
		{ "2015-03-21T14:00:00.000001+02:00", 1426939200 * SECOND + 1 },
	};
	static const char *const refused[] = { "", "2015", "tomorrow", "-1h",
		"1h ago", "2015-02-30", "2015-03-21T12:00:60Z", "12:00", "h",
		"Now", "9e9d" };
	int64_t us;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(options_time(&us, cases[i].text, NOW), 0);
		assert_int_equal(us, cases[i].us);
	}
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_int_equal(options_time(&us, refused[i], NOW), -1);
}

static int
parse(struct options *o, const char *const *words, size_t count)
{
	char *argv[16] = { (char *)(uintptr_t) "acreport" };

	for (size_t i = 0; i < count; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	optind = 0; /* getopt_long begins anew */
	return options_parse(o, (int)count + 1, argv);
}

static void
a_window_is_half_open_and_a_day_by_default(void **state)
{
	static const char *const until[] = { "latency", "--until",
		"2015-03-22" };
	static const char *const at[] = { "catchment", "--at", "2015-03-22" };
	static const char *const both[] = { "--since", "2015-03-01", "changes",
		"--until", "2015-03-22" };
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, until, COUNT(until)), 0);
	assert_int_equal(o.until_us, 1426982400 * SECOND);
	assert_int_equal(o.since_us, o.until_us - 86400 * SECOND);
	options_clear(&o);
	assert_int_equal(parse(&o, at, COUNT(at)), 0);
	assert_int_equal(o.until_us, 1426982400 * SECOND + 1);
	options_clear(&o);
	assert_int_equal(parse(&o, both, COUNT(both)), 0);
	assert_string_equal(o.command, "changes");
	assert_int_equal(o.since_us, 1425168000 * SECOND);
	options_clear(&o);
}

static void
names_can_be_repeated_and_the_suffix_chooses_the_format(void **state)
{
	static const char *const words[] = { "records", "--vp", "a", "--vp",
		"b", "--vp", "a", "--target", "k", "-o", "x.json" };
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, words, COUNT(words)), 0);
	assert_int_equal(o.vps.count, 2);
	assert_int_equal(o.targets.count, 1);
	assert_int_equal(o.questions.count, 0);
	assert_ptr_equal(o.format, &report_json);
	options_clear(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_a_date_a_clock_or_so_long_ago),
		cmocka_unit_test(a_window_is_half_open_and_a_day_by_default),
		cmocka_unit_test(
		    names_can_be_repeated_and_the_suffix_chooses_the_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
