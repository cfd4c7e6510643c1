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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	char path[64];
};

static int
make_file(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_site_map.XXXXXX");
	if ((fd = mkstemp(f->path)) == -1)
		return -1;
	(void)close(fd);
	*state = f;
	return 0;
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
		{ "* exact a 0123456789012345678901234567890123456789"
		  "012345678901234567890123",
		    "63" },
	};
	struct fixture *f = *state;
	char text[512], error[256], where[80];

	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)snprintf(text, sizeof(text), "# one\n%s\n* exact c d\n",
		    cases[i].line);
		assert_null(map_of(state, text, error));
		assert_int_equal(errno, EINVAL);
		(void)snprintf(where, sizeof(where), "%s:2: ", f->path);
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
		cmocka_unit_test(without_a_map_nothing_has_a_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
