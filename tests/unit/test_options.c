/* Proves that the command line of acprobe is read as its manual says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <getopt.h>
#include <string.h>
#include <cmocka.h>
#include "lib/limits.h"
#include "lib/log.h"
#include "probe/options.h"

#define WORDS 16

/* Read one line of words. */
static int
read_line(struct options *o, const char *line)
{
	static char text[512];
	char *argv[WORDS + 1] = { NULL }, *word, *rest = text;
	int argc = 0;

	assert_true(strlen(line) < sizeof(text));
	memcpy(text, line, strlen(line) + 1);
	argv[argc++] = (char[]){ "acprobe" };
	while ((word = strtok_r(rest, " ", &rest)) != NULL && argc < WORDS)
		argv[argc++] = word;
	optind = 0; /* of GNU: start anew */
	return options_read(o, argc, argv);
}

static void
defaults_are_those_of_the_manual(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(read_line(&o, "9.9.9.9"), EXIT_DONE);
	assert_int_equal(o.mode, MODE_LOOK);
	assert_int_equal(o.look.target_count, 1);
	assert_string_equal(o.look.targets[0], "9.9.9.9");
	assert_int_equal(o.look.family, 0);
	assert_int_equal(o.look.count, 5);
	assert_int_equal(o.look.flows, 1);
	assert_int_equal(o.look.timeout.ns, 2000000000);
	assert_string_equal(o.look.zone, ".");
	assert_true(o.look.dns && o.look.echo && o.look.trace);
	assert_false(o.look.json || o.look.quiet || o.look.dry_run);
	assert_true(o.look.rate == LIMIT_RATE);
	options_clear(&o);
}

static void
each_option_is_where_it_belongs(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
	    read_line(&o, "-6jqvn -c 7 -i 0.5 -W 1.5 -z example a b"),
	    EXIT_DONE);
	assert_int_equal(o.look.family, 6);
	assert_true(o.look.json && o.look.quiet && o.look.numeric);
	assert_int_equal(o.verbose, 1);
	assert_int_equal(o.look.count, 7);
	assert_int_equal(o.look.interval.ns, 500000000);
	assert_int_equal(o.look.timeout.ns, 1500000000);
	assert_string_equal(o.look.zone, "example");
	assert_int_equal(o.look.target_count, 2);
	assert_int_equal(
	    read_line(&o, "--flows 16 --only trace --rate 250 --dry-run "
			  "--site-map m -S 192.0.2.7 -S 2001:db8::7 a"),
	    EXIT_DONE);
	assert_int_equal(o.look.flows, 16);
	assert_true(o.look.trace && !o.look.dns && !o.look.echo);
	assert_true(o.look.rate == 250);
	assert_true(o.look.dry_run);
	assert_string_equal(o.look.site_map, "m");
	assert_string_equal(o.look.source4, "192.0.2.7");
	assert_string_equal(o.look.source6, "2001:db8::7");
	options_clear(&o);
}

static void
each_form_has_its_mode(void **state)
{
	static const struct {
		const char *line;
		int code;
		enum mode mode;
	} cases[] = {
		{ "-f c", EXIT_DONE, MODE_ROUND },
		{ "-f c --check-config", EXIT_DONE, MODE_CHECK_CONFIG },
		{ "--check-config -f c", EXIT_DONE, MODE_CHECK_CONFIG },
		{ "keygen k", EXIT_DONE, MODE_KEYGEN },
		{ "-h", EXIT_DONE, MODE_HELP },
		{ "-V", EXIT_DONE, MODE_VERSION },
		{ "-h a", EXIT_DONE, MODE_HELP },
		{ "keygen", EXIT_BAD_USAGE, MODE_KEYGEN },
		{ "keygen a b", EXIT_BAD_USAGE, MODE_KEYGEN },
		{ "-f c a", EXIT_BAD_USAGE, MODE_ROUND },
		{ "--check-config", EXIT_BAD_USAGE, MODE_CHECK_CONFIG },
		{ "", EXIT_BAD_USAGE, MODE_LOOK },
	};
	struct options o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = read_line(&o, cases[i].line);

		if (code != cases[i].code || o.mode != cases[i].mode)
			fail_msg(
			    "'%s': %d, mode %d", cases[i].line, code, o.mode);
		options_clear(&o);
	}
}

static void
what_is_opened_is_opened_exactly(void **state)
{
	struct options o;
	struct addr in, out;

	(void)state;
	assert_int_equal(read_line(&o, "--allow-special 203.0.113.0/24 "
				       "--allow-special=2001:db8:53::/48 a"),
	    EXIT_DONE);
	assert_ptr_equal(o.look.manners, &o.manners);
	assert_int_equal(o.manners.allowed.count, 2);
	assert_int_equal(addr_parse(&in, "2001:db8:53::1"), 0);
	assert_int_equal(addr_parse(&out, "2001:db8:54::1"), 0);
	assert_null(manners_refuse(&o.manners, &in));
	assert_non_null(manners_refuse(&o.manners, &out));
	options_clear(&o);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(each_option_is_where_it_belongs),
		cmocka_unit_test(each_form_has_its_mode),
		cmocka_unit_test(what_is_opened_is_opened_exactly),
	};

	log_init("test_options", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
