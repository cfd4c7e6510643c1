/* Codes and names to towns, with the metro table that every build has. */
#include "lib/gazetteer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/gazetteer_data.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
a_code_means_one_place_and_in_a_country_only_one_there(void **state)
{
	static const struct {
		const char *code, *country, *city; /* city NULL: none */
	} cases[] = {
		{ "lon", "", "London" }, { "lon", "GB", "London" },
		{ "lon", "US", NULL },
		{ "tor", "", NULL }, /* only beside a country */
		{ "tor", "CA", "Toronto" }, { "tor", "PL", "Torun" },
		{ "tor", "FO", "Torshavn" }, { "", "", NULL },
		{ "zzz", "", NULL }, { "lond", "", NULL },
		{ "LON", "", NULL }, /* lower case is asked for */
	};
	struct gazetteer_place place;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const bool found =
		    gazetteer_code(&place, cases[i].code, cases[i].country);

		assert_int_equal(found, cases[i].city != NULL);
		if (found)
			assert_string_equal(place.city, cases[i].city);
	}
}

static void
a_town_is_known_by_name_initials_and_letters(void **state)
{
	static const struct {
		const char *name, *area, *city;
		bool states;
	} cases[] = {
		{ "newyork", "", "New York", false },
		{ "saopaulo", "", "Sao Paulo", false },
		{ "frankfurt", "DE", "Frankfurt", false },
		{ "frankfurt", "FR", NULL, false },
		{ "sto", "", "Stockholm", false },
		{ "xyz", "", NULL, false },
		{ "kryvyi", "", NULL, false },
		{ "cp", "MD", "College Park", true },
		{ "cp", "MD", NULL, false },
		{ "", "DE", NULL, false },
	};
	struct gazetteer_place place;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const bool found = gazetteer_town(
		    &place, cases[i].name, cases[i].area, cases[i].states);

		assert_int_equal(found, cases[i].city != NULL);
		if (found)
			assert_string_equal(place.city, cases[i].city);
	}
}

static void
letters_are_less_sure_than_codes_and_names(void **state)
{
	struct gazetteer_place code, name, letters;

	(void)state;
	assert_true(gazetteer_code(&code, "ber", "DE"));
	assert_true(gazetteer_town(&name, "berlin", "DE", false));
	assert_true(gazetteer_town(&letters, "sto", "", false));
	assert_true(code.confidence > name.confidence);
	assert_true(name.confidence > letters.confidence);
	assert_true(letters.confidence >= 50);
}

static void
countries_are_letters_that_the_rows_know(void **state)
{
	char country[3];

	(void)state;
	assert_true(gazetteer_country(country, "de"));
	assert_string_equal(country, "DE");
	assert_true(gazetteer_country(country, "uk"));
	assert_string_equal(country, "GB");
	assert_false(gazetteer_country(country, "qq"));
	assert_false(gazetteer_country(country, "d"));
	assert_false(gazetteer_country(country, ""));
	assert_false(gazetteer_country(country, "deu"));
	assert_false(gazetteer_country(country, "1a"));
}

static void
somewhere_in_a_country_is_known_only_of_small_ones(void **state)
{
	struct gazetteer_place place;

	(void)state;
	assert_true(gazetteer_small_country(&place, "SG"));
	assert_string_equal(place.city, "");
	assert_string_equal(place.country, "SG");
	assert_false(gazetteer_small_country(&place, "US"));
	assert_false(gazetteer_small_country(&place, "QQ"));
}

static void
the_rows_are_in_the_orders_that_finding_needs(void **state)
{
	(void)state;
	assert_true(gazetteer_count > 300);
	for (size_t i = 1; i < gazetteer_count; i++) {
		const struct gazetteer_row *a = &gazetteer_rows[i - 1];
		const struct gazetteer_row *b = &gazetteer_rows[i];
		const int order = strcmp(a->country, b->country);

		assert_true(
		    order < 0 || (order == 0 && a->weight >= b->weight));
		assert_true(
		    strcmp(gazetteer_rows[gazetteer_by_code[i - 1]].code,
			gazetteer_rows[gazetteer_by_code[i]].code) <= 0);
	}
	for (size_t i = 0; i < gazetteer_count; i++) {
		const struct gazetteer_row *row = &gazetteer_rows[i];

		assert_true(row->lat >= -90 && row->lat <= 90);
		assert_true(row->lon >= -180 && row->lon <= 180);
		assert_true(row->city[0] != '\0');
	}
}

static void
what_is_missing_is_said(void **state)
{
	(void)state;
	assert_int_equal(gazetteer_missing() == NULL, gazetteer_airports > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_code_means_one_place_and_in_a_country_only_one_there),
		cmocka_unit_test(a_town_is_known_by_name_initials_and_letters),
		cmocka_unit_test(letters_are_less_sure_than_codes_and_names),
		cmocka_unit_test(countries_are_letters_that_the_rows_know),
		cmocka_unit_test(
		    somewhere_in_a_country_is_known_only_of_small_ones),
		cmocka_unit_test(the_rows_are_in_the_orders_that_finding_needs),
		cmocka_unit_test(what_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
