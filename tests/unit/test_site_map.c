/* Proves that the site map reads its lines and names sites by them. */
#include "lib/site_map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/temporary.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	char path[TEMPORARY_SIZE];
};

static int
make_file(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return f == NULL ? -1 : temporary_file(f->path, "", 0);
}

static int
remove_file(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	free(f);
	return 0;
}

static struct site_map *
map_of(void **state, const char *text, char *error)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	return site_map_read(f->path, error, 256);
}

static const char rules[] =
    "# the operator's own\n"
    "\n"
    "k-root exact NS1.LHR lhr-special 51.5 -0.1\n"
    "k-root regex ^ns[0-9]+\\.([a-z]{2})-([a-z]{3})\\.k\\.ripe\\.net$ \\2-\\1\n"
    "*      prefix  lhr  London 51.4700 -0.4543 # comment\n"
    "*\tsuffix\t.cf  Cloudflare\r\n"
    "*      exact  \\065\\009b tab\n"
    "*      regex  ^x(a)?$ s\\1\n"
    "*      prefix lh  too-late\n";

static void
the_first_line_that_matches_decides(void **state)
{
	static const struct {
		const char *service, *instance, *site;
	} cases[] = {
		{ "k-root", "ns1.lhr", "lhr-special" },
		{ "k-root", "NS1.LHR", "lhr-special" },
		{ "f-root", "ns1.lhr", NULL },
		{ "k-root", "ns12.GB-LON.k.ripe.net", "lon-gb" },
		{ "k-root", "ns12.gb-lon.k.ripe.net.evil", NULL },
		{ "k-root", "LHR4", "London" },
		{ "other", "lhr", "London" },
		{ "other", "lhx", "too-late" },
		{ "other", "pao.cf", "Cloudflare" },
		{ "other", "cf", NULL },
		{ "other", "A\\009B", "tab" },
		{ "other", "xa", "sa" },
		{ "other", "x", "s" },
		{ "other", "", NULL },
	};
	char error[256] = "";
	struct site_map *map = map_of(state, rules, error);
	struct site site;

	assert_string_equal(error, "");
	assert_non_null(map);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found = site_map_find(
		    map, cases[i].service, cases[i].instance, &site);

		assert_int_equal(found, cases[i].site != NULL);
		if (found)
			assert_string_equal(site.name, cases[i].site);
	}
	site_map_free(map);
}

static void
a_position_belongs_to_the_site(void **state)
{
	char error[256];
	struct site_map *map = map_of(state, rules, error);
	struct site site;

	assert_true(site_map_find(map, "other", "lhr01", &site));
	assert_true(site.has_position);
	assert_true(site.lat == 51.47 && site.lon == -0.4543);
	assert_true(site_map_find(map, "other", "a.cf", &site));
	assert_false(site.has_position);
	site_map_free(map);
}

static void
a_bad_line_is_named_with_its_number_and_reason(void **state)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "* exact a", "expected" },
		{ "* exact a b 1", "expected" },
		{ "* exact a b 1 2 3", "expected" },
		{ "* glob a b", "none of exact" },
		{ "* regex ( b", "regular expression" },
		{ "* regex (a) \\2", "no such group" },
		{ "* regex (a) \\0", "1 to 9" },
		{ "* exact a \\1", "needs a regex" },
		{ "* exact \\300 b", "text form" },
		{ "* exact a\\ b", "text form" },
		{ "* exact a b 91 0", "latitude" },
		{ "* exact a b 0 181", "longitude" },
		{ "* exact a b nan 0", "latitude" },
		{ "* exact a caf\xc3\xa9", "printable" },
		{ "* exact a b colour=red", "none of at" },
		{ "* exact a b confidence=49", "50 to 100" },
		{ "* exact a b country=D", "two letters" },
		{ "* exact a b country=\\1", "needs a regex" },
		{ "* exact a b city=caf\xc3\xa9", "printable" },
		{ "* exact a b at=lhr", "at=KIND" },
		{ "* exact a b at=moon:lhr", "iata, locode" },
		{ "* regex (a) b at=iata:\\2", "no such group" },
		{ "* exact a b 1 2 at=iata:lhr", "exclude" },
		{ "* exact a b since=soon", "date" },
		{ "* exact a b since=2026-01-02 until=2026-01-02", "after" },
		{ "* exact a b note=a note=b", "second" },
		{ "* strip ( ", "regular expression" },
		{ "* strip a b", "service strip" },
		{ "* strip", "expected" },
		{ "a,b listed a b", "one service" },
		{ "* listed a b", "one service" },
		{ "include nowhere/map", "nowhere/map: " },
		{ "* exact a 0123456789012345678901234567890123456789"
		  "012345678901234567890123",
		    "63" },
	};
	struct fixture *f = *state;
	char text[512], error[256], where[TEMPORARY_SIZE + 8];

	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)snprintf(text, sizeof(text), "# one\n%s\n* exact c d\n",
		    cases[i].line);
		assert_null(map_of(state, text, error));
		assert_int_equal(
		    errno, strncmp(cases[i].line, "include", 7) == 0 ? ENOENT
								     : EINVAL);
		(void)snprintf(where, sizeof(where), "%s:2: ", f->path);
		if (strncmp(cases[i].line, "include", 7) != 0)
			assert_memory_equal(error, where, strlen(where));
		assert_non_null(strstr(error, cases[i].reason));
	}
}

static void
a_site_that_grows_too_long_is_no_site(void **state)
{
	char error[256];
	struct site_map *map = map_of(
	    state, "* regex ^(.*)$ \\1\\1\\1\n* prefix a short\n", error);
	struct site site;

	assert_non_null(map);
	assert_true(site_map_find(map, "x", "abc", &site));
	assert_string_equal(site.name, "abcabcabc");
	assert_true(
	    site_map_find(map, "x", "abcdefghijklmnopqrstuvwxyz0123", &site));
	assert_string_equal(site.name, "short");
	site_map_free(map);
}

static void
what_a_line_says_of_a_place_is_in_the_site(void **state)
{
	char error[256];
	struct site_map *map = map_of(state,
	    "x regex ^([a-z]{2})(\\d)$ s\\2 1.5 -2 city=\"New  York\" "
	    "country=\\1 confidence=77 note=why # because\n"
	    "x contains .mid. m country=de city=Here\n",
	    error);
	struct site site;

	assert_non_null(map);
	assert_true(site_map_find(map, "x", "us7", &site));
	assert_string_equal(site.name, "s7");
	assert_string_equal(site.city, "New  York");
	assert_string_equal(site.country, "US");
	assert_int_equal(site.confidence, 77);
	assert_true(site.has_position && site.lat == 1.5 && site.lon == -2);
	assert_non_null(strstr(site.rule, ":1"));
	assert_true(site_map_find(map, "x", "a.mid.b", &site));
	assert_string_equal(site.country, "DE");
	assert_string_equal(site.city, "Here");
	assert_int_equal(site.confidence, 90);
	assert_false(site.has_position);
	assert_false(site_map_find(map, "x", "mid", &site));
	site_map_free(map);
}

static void
a_canary_is_named(void **state)
{
	char error[256];
	struct site_map *map =
	    map_of(state, "Dead.example,*.dead canary\nx exact a a\n", error);

	assert_non_null(map);
	assert_true(site_map_is_canary(map, "dead.EXAMPLE."));
	assert_true(site_map_is_canary(map, "v6.dead"));
	assert_false(site_map_is_canary(map, "dead"));
	assert_false(site_map_is_canary(map, "x"));
	assert_false(site_map_is_canary(NULL, "dead.example"));
	site_map_free(map);
	assert_null(map_of(state, "* canary\n", error));
	assert_non_null(strstr(error, "a canary needs a name"));
}

static void
a_rule_is_asked_for_its_services_only(void **state)
{
	static const struct {
		const char *service, *site;
		bool declared;
	} cases[] = {
		{ "one", "named", true },
		{ "ONE.", "named", true },
		{ "two.example", "named", true },
		{ "ns.three", "named", true },
		{ "four", "named", false }, /* one name is no scheme */
		{ "three", "any", false },
		{ "on", "any", false },
		{ "", "any", false },
	};
	char error[256];
	struct site_map *map = map_of(state,
	    "one,two.*,*.three prefix a named\nfour exact a named\n"
	    "* exact a any\n",
	    error);
	struct site site;

	assert_non_null(map);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(site_map_find(map, cases[i].service, "a", &site));
		assert_string_equal(site.name, cases[i].site);
		assert_int_equal(site_map_declares(map, cases[i].service),
		    cases[i].declared);
	}
	site_map_free(map);
}

static void
what_is_volatile_is_stripped_before_rules_look(void **state)
{
	static const struct {
		const char *name, *server;
	} cases[] = {
		{ "eqx-AM-ns01-128214", "eqx-am-ns01" },
		{ "sto1@53036", "sto1" },
		{ "a-11111-22222", "a" },
		{ "a-1234", "a-1234" },
		{ "-12345", "" },
	};
	char error[256], server[64];
	struct site_map *map = map_of(state,
	    "* exact sto1 s\n* strip -\\d{5,}$\n* strip @\\d{4,}$\n", error);
	struct site site;

	assert_non_null(map);
	for (size_t i = 0; i < COUNT(cases); i++) {
		site_map_server(map,
		    &(struct site_name){ "x", cases[i].name, 0 }, server,
		    sizeof(server));
		assert_string_equal(server, cases[i].server);
	}
	assert_true(site_map_find(map, "x", "STO1@53036", &site));
	assert_string_equal(site.name, "s");
	site_map_free(map);
}

static void
a_listed_name_decides_wherever_it_stands(void **state)
{
	char error[256];
	struct site_map *map = map_of(state,
	    "k prefix ns pattern\nk listed NS1 first 1 2\n"
	    "k listed ns1 second\n* exact ns late\n* strip \\d$\n",
	    error);
	struct site site;

	assert_non_null(map);
	assert_true(site_map_find(map, "k", "ns1", &site));
	assert_string_equal(site.name, "first");
	assert_true(site_map_find(map, "k", "ns2", &site));
	assert_string_equal(site.name, "pattern");
	assert_true(site_map_find(map, "l", "ns2", &site));
	assert_string_equal(site.name, "late");
	assert_false(site_map_find(map, "l", "xs1", &site));
	site_map_free(map);
}

static void
a_rule_holds_in_its_time(void **state)
{
	static const struct {
		int64_t s;
		const char *site;
	} cases[] = {
		{ 1735689599, "before" }, /* 2024-12-31T23:59:59Z */
		{ 1735689600, "then" }, { 1767225599, "then" },
		{ 1767225600, "after" }, /* 2026-01-01 */
	};
	char error[256];
	struct site_map *map = map_of(state,
	    "* exact a before until=2025-01-01\n"
	    "* exact a then since=2025-01-01 until=2026-01-01\n"
	    "* exact a after\n",
	    error);
	struct site site;

	assert_non_null(map);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(site_map_find_at(map,
		    &(struct site_name){ "x", "a", cases[i].s * 1000000 },
		    &site));
		assert_string_equal(site.name, cases[i].site);
	}
	site_map_free(map);
}

/* The metro table is in every build. */
static void
codes_become_places(void **state)
{
	static const struct {
		const char *name, *city, *country; /* city NULL: no place */
	} cases[] = {
		{ "i.lon", "London", "GB" },
		{ "i.zzz", NULL, "" },
		{ "l.gb-lon", "London", "GB" },
		{ "l.uk-lon", "London", "GB" },
		{ "l.us-lon", NULL, "US" },
		{ "l.de-ber", "Berlin", "DE" },
		{ "s.md-cp", "College Park", "US" },
		{ "t.new-york", "New York", "US" },
	};
	char error[256];
	struct site_map *map = map_of(state,
	    "x regex ^i\\.(...)$ \\1 at=iata:\\1\n"
	    "x regex ^l\\.(.*)$ \\1 at=locode:\\1\n"
	    "x regex ^s\\.(.*)$ \\1 at=state:\\1\n"
	    "x regex ^t\\.(.*)$ \\1 at=town:\\1\n",
	    error);
	struct site site;

	assert_non_null(map);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(site_map_find(map, "x", cases[i].name, &site));
		assert_string_equal(site.name, cases[i].name + 2);
		assert_int_equal(site.has_position, cases[i].city != NULL);
		assert_string_equal(site.country, cases[i].country);
		if (cases[i].city != NULL)
			assert_string_equal(site.city, cases[i].city);
	}
	site_map_free(map);
}

static void
a_place_is_not_taken_from_another_country(void **state)
{
	char error[256];
	struct site_map *map = map_of(state,
	    "x exact a lon country=US at=iata:lon\nx exact a later\n", error);
	struct site site;

	assert_non_null(map);
	assert_true(site_map_find(map, "x", "a", &site));
	assert_string_equal(site.name, "later");
	site_map_free(map);
}

static void
the_shipped_map_is_read_and_has_few_rules_for_each_service(void **state)
{
	char error[256] = "", service[32];
	struct site_map *map = site_map_read("shipped", error, sizeof(error));
	struct site site;

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(map);
	for (char letter = 'a'; letter <= 'm'; letter++) {
		(void)snprintf(
		    service, sizeof(service), "%c.root-servers.net", letter);
		assert_true(site_map_declares(map, service));
	}
	assert_true(site_map_find(
	    map, "k.root-servers.net", "ns9.GB-LON.k.ripe.net", &site));
	assert_string_equal(site.name, "gb-lon");
	assert_string_equal(site.city, "London");
	assert_true(site_map_find(map, "nobody's", "lon1", &site));
	assert_string_equal(site.rule, "hint:code");
	assert_true(site.confidence < 50);
	site_map_free(map);
}

static void
a_pattern_without_end_is_no_match(void **state)
{
	char error[256], name[64];
	struct site_map *map =
	    map_of(state, "* regex ^(a+)+$ s\n* prefix aaa end\n", error);
	struct site site;

	assert_non_null(map);
	memset(name, 'a', sizeof(name));
	name[60] = '!';
	name[61] = '\0';
	assert_true(site_map_find(map, "x", name, &site));
	assert_string_equal(site.name, "end");
	site_map_free(map);
}

static void
a_missing_file_is_told_apart(void **state)
{
	char error[256];

	(void)state;
	assert_null(site_map_read("/nonexistent/map", error, sizeof(error)));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(error, "/nonexistent/map: "));
}

static void
without_a_map_nothing_has_a_site(void **state)
{
	struct site site;

	(void)state;
	assert_false(site_map_find(NULL, "x", "lhr", &site));
	site_map_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_a_line_says_of_a_place_is_in_the_site, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_canary_is_named, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    a_rule_is_asked_for_its_services_only, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    what_is_volatile_is_stripped_before_rules_look, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_listed_name_decides_wherever_it_stands, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_rule_holds_in_its_time, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    codes_become_places, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    a_place_is_not_taken_from_another_country, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_pattern_without_end_is_no_match, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    the_first_line_that_matches_decides, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_position_belongs_to_the_site, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    a_bad_line_is_named_with_its_number_and_reason, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_site_that_grows_too_long_is_no_site, make_file,
		    remove_file),
		cmocka_unit_test(a_missing_file_is_told_apart),
		cmocka_unit_test(
		    the_shipped_map_is_read_and_has_few_rules_for_each_service),
		cmocka_unit_test(without_a_map_nothing_has_a_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
