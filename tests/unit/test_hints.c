/* Guesses of last resort, with the metro table that every build has. */
#include "lib/hints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
a_name_that_sounds_like_a_place_is_guessed(void **state)
{
	static const struct {
		const char *name, *city;
		int confidence;
	} cases[] = {
		{ "ns1.gb-lon.example.net", "London", 45 },
		{ "gb_lon", "London", 45 },
		{ "lon-gb-2", "London", 45 },
		{ "dns1.nlams1", "Amsterdam", 40 },
		{ "newyork1", "New York", 40 },
		{ "praguecz", "Prague", 40 },
		{ "london1.ns.example.be", "London", 40 },
		{ "tyo2", "Tokyo", 30 },
		{ "tld-all-sto1", "Stockholm", 30 },
		{ "lon-london", "London", 40 },
		{ "los-angeles-1", "Los Angeles", 40 },
		{ "chicago-il", "Chicago", 40 },
		{ "wien2", "Wien", 40 },
	};
	struct hints hints;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		hints_read(&hints, cases[i].name);
		assert_int_not_equal(hints.chosen, -1);
		assert_string_equal(
		    hints.found[hints.chosen].place.city, cases[i].city);
		assert_int_equal(
		    hints.found[hints.chosen].confidence, cases[i].confidence);
		assert_true(cases[i].confidence <= HINT_CONFIDENCE);
	}
}

static void
what_does_not_say_a_place_is_unknown(void **state)
{
	static const char *const names[] = {
		"", "dns", "m", "9.18.1-debian", "unbound 1.17", "352m74",
		"eqx-am-ns01", "doh.tls.pop3",
		"a.london.net",     /* the operator's domain */
		"dns.th2.nic.fr",   /* likewise */
		"ns-1.de.nl1.knot", /* two countries, no town */
		"xlonx",            /* in the middle of a word */
		"3lon",             /* glued to a number */
		"lon.tyo",          /* two places */
		"newyork-london",   /* likewise */
		"\\108\\111\\110",  /* escapes are no letters */
	};
	struct hints hints;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		hints_read(&hints, names[i]);
		assert_int_equal(hints.chosen, -1);
		assert_non_null(hints.why);
	}
}

static void
a_place_against_the_country_in_the_name_is_refused(void **state)
{
	static const char *const names[] = { "id-02-lon-05-at", "de.tyo1",
		"us-lon", "paris-us", "london-on", "vienna-va" };
	struct hints hints;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		hints_read(&hints, names[i]);
		assert_int_equal(hints.chosen, -1);
		assert_true(hints.count > 0);
		assert_string_equal(
		    hints.found[0].refused, "the name says another country");
	}
	hints_read(&hints, "gb.x.lon1");
	assert_int_not_equal(hints.chosen, -1);
}

static void
long_names_are_read_within_bounds(void **state)
{
	char name[2049];
	struct hints hints;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(name); i++)
		name[i] = "lon-gb."[i % 7];
	name[sizeof(name) - 1] = '\0';
	hints_read(&hints, name);
	assert_true(hints.count <= HINTS_MAX);
	memset(name, 'a', sizeof(name) - 1);
	hints_read(&hints, name);
	assert_int_equal(hints.chosen, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_sounds_like_a_place_is_guessed),
		cmocka_unit_test(what_does_not_say_a_place_is_unknown),
		cmocka_unit_test(
		    a_place_against_the_country_in_the_name_is_refused),
		cmocka_unit_test(long_names_are_read_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
