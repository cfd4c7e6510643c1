/* Proves where a probe may send and where never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "probe/manners.h"
#include "tests/unit/temporary.h"

static const char *
refuses(struct manners *m, const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return manners_refuse(m, &addr);
}

static void
what_is_not_reachable_by_all_is_refused_until_opened(void **state)
{
	static const struct {
		const char *addr, *open;
	} cases[] = {
		{ "10.1.2.3", "10.0.0.0/8" },
		{ "127.0.0.1", "127.0.0.0/8" },
		{ "203.0.113.53", "203.0.113.53" },
		{ "169.254.1.1", "169.254.0.0/16" },
		{ "::1", "::1/128" },
		{ "fd00::1", "fd00::/8" },
		{ "2001:db8::1", "2001:db8::/32" },
		{ "fe80::1", "fe80::/10" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manners m = { 0 };

		if (refuses(&m, cases[i].addr) == NULL)
			fail_msg("%s is open", cases[i].addr);
		assert_null(manners_allow(&m, cases[i].open));
		if (refuses(&m, cases[i].addr) != NULL)
			fail_msg("%s stays closed", cases[i].addr);
		manners_clear(&m);
	}
}

static void
a_prefix_opens_what_it_covers_and_nothing_more(void **state)
{
	struct manners m = { 0 };

	(void)state;
	assert_null(manners_allow(&m, "203.0.113.128/25"));
	assert_null(refuses(&m, "203.0.113.128"));
	assert_non_null(refuses(&m, "203.0.113.127"));
	assert_non_null(refuses(&m, "198.51.100.1"));
	assert_non_null(refuses(&m, "2001:db8::1"));
	manners_clear(&m);
}

static void
public_addresses_are_open(void **state)
{
	static const char *const open[] = { "9.9.9.9", "193.0.14.129",
		"192.175.48.1", "2001:7fd::1", "2620:fe::fe",
		"2620:4f:8000::1" };
	struct manners m = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_null(refuses(&m, open[i]));
}

static void
some_prefixes_are_never_opened(void **state)
{
	static const char *const never[] = { "0.0.0.0/8", "0.0.0.0/0", "::/0",
		"240.0.0.0/4", "224.0.0.1", "255.255.255.255", "::ffff:0:0/96",
		"64:ff9b::/96", "2002::/16", "ff02::/16", "192.0.0.0/2", "",
		"x", "10.0.0.1/8", "10.0.0.0/33", "fe80::1%eth0",
		"10.0.0.0/-1" };
	struct manners m = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (manners_allow(&m, never[i]) == NULL)
			fail_msg("'%s' is taken", never[i]);
	}
	assert_int_equal(m.allowed.count, 0);
}

static int
read_blocklist(struct manners *m, const char *text, char *error)
{
	char path[TEMPORARY_SIZE];
	int status;

	assert_int_equal(temporary_file(path, text, strlen(text)), 0);
	status = manners_read_blocklist(m, path, error, 512);
	assert_int_equal(unlink(path), 0);
	return status;
}

static void
a_blocklist_wins_over_what_was_opened(void **state)
{
	struct manners m = { 0 };
	char error[512];

	(void)state;
	assert_null(manners_allow(&m, "203.0.113.0/24"));
	assert_int_equal(read_blocklist(&m,
			     "# comment\n\n203.0.113.0/25 # half\n"
			     "\t9.9.9.9\r\n2620:fe::/48",
			     error),
	    0);
	assert_string_equal(refuses(&m, "203.0.113.53"), "on the blocklist");
	assert_null(refuses(&m, "203.0.113.200"));
	assert_string_equal(refuses(&m, "9.9.9.9"), "on the blocklist");
	assert_null(refuses(&m, "9.9.9.10"));
	assert_string_equal(refuses(&m, "2620:fe::9"), "on the blocklist");
	manners_clear(&m);
}

static void
a_bad_line_of_a_blocklist_is_named(void **state)
{
	static const char *const bad[] = { "9.9.9.9\n1.2.3\n", "#\n9.9.9.9/33",
		"9.9.9.0/24\n9.9.9.1/24\n", "\nexample.com\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct manners m = { 0 };
		char error[512] = "";

		assert_int_equal(read_blocklist(&m, bad[i], error), -1);
		assert_non_null(strstr(error, ":2: not a prefix"));
		manners_clear(&m);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_is_not_reachable_by_all_is_refused_until_opened),
		cmocka_unit_test(
		    a_prefix_opens_what_it_covers_and_nothing_more),
		cmocka_unit_test(public_addresses_are_open),
		cmocka_unit_test(some_prefixes_are_never_opened),
		cmocka_unit_test(a_blocklist_wins_over_what_was_opened),
		cmocka_unit_test(a_bad_line_of_a_blocklist_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
