/* Proves which configurations are taken, what they then say, and that each
 * refusal names file, line and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include "lib/conf.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct conf_key keys[] = {
	{ "vp", CONF_STRING, true, 0, 0 },
	{ "every", CONF_SPAN, false, 1, 86400 },
	{ "allow", CONF_STRINGS, false, 0, 0 },
	{ "port", CONF_INT, false, 1, 65535 },
	{ "lat", CONF_DOUBLE, false, -90, 90 },
	{ "quiet", CONF_BOOL, false, 0, 0 },
	{ 0 },
};
static const struct conf_key target_keys[] = {
	{ "address", CONF_STRINGS, true, 0, 0 },
	{ "trace", CONF_BOOL, false, 0, 0 },
	{ "port", CONF_INT, false, 1, 65535 },
	{ 0 },
};
static const struct conf_schema schema = { keys, "target", target_keys };

static struct conf *
read_text(const char *text)
{
	char error[256] = "";
	struct conf *conf =
	    conf_read_text(text, "x.conf", &schema, error, sizeof(error));

	if (conf == NULL)
		fail_msg("%s", error);
	return conf;
}

static void
values_are_what_was_written(void **state)
{
	struct conf *conf = read_text(
	    "# a comment with $ and \"\n"
	    "vp = \"lon1\"   // another\n"
	    "every = 5m /* and\n another */\n"
	    "allow = { \"203.0.113.0/24\", 2001:db8::/32 }\n"
	    "port = 8443\nlat=-51.5\nquiet = yes\n"
	    "target \"k root\" { address = { 192.0.2.1, \"2001:db8::1\" }\n"
	    "  trace = true }\n"
	    "target b { address = 'b.example@5353' port = 53 }\n");
	const struct conf_section *top = conf_top(conf);
	const struct conf_section *a = conf_section(conf, 0);
	const struct conf_section *b = conf_section(conf, 1);

	(void)state;
	assert_string_equal(conf_string(top, "vp", NULL), "lon1");
	assert_int_equal(conf_span(top, "every", span_s(0)).ns, 300000000000);
	assert_int_equal(conf_strings(top, "allow"), 2);
	assert_string_equal(
	    conf_strings_item(top, "allow", 1), "2001:db8::/32");
	assert_null(conf_strings_item(top, "allow", 2));
	assert_int_equal(conf_int(top, "port", 0), 8443);
	assert_true(conf_double(top, "lat", 0) < -51.49);
	assert_true(conf_bool(top, "quiet", false));
	assert_int_equal(conf_section_count(conf), 2);
	assert_null(conf_section(conf, 2));
	assert_string_equal(conf_title(a), "k root");
	assert_int_equal(conf_strings(a, "address"), 2);
	assert_true(conf_bool(a, "trace", false));
	assert_false(conf_has(a, "port"));
	assert_int_equal(conf_int(a, "port", 99), 99);
	assert_string_equal(
	    conf_strings_item(b, "address", 0), "b.example@5353");
	assert_int_equal(conf_int(b, "port", 99), 53);
	conf_free(conf);
	conf_free(NULL);
}

static void
what_is_not_there_has_the_fallback(void **state)
{
	struct conf *conf = read_text("vp = a");
	const struct conf_section *top = conf_top(conf);

	(void)state;
	assert_int_equal(conf_strings(top, "allow"), 0);
	assert_int_equal(conf_int(top, "port", 7), 7);
	assert_int_equal(conf_span(top, "every", span_s(3)).ns, 3000000000);
	assert_true(conf_bool(top, "quiet", true));
	assert_true(conf_double(top, "lat", 1.5) > 1.4);
	assert_int_equal(conf_section_count(conf), 0);
	conf_free(conf);
}

static void
a_refusal_names_file_line_and_reason(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "x.conf: vp: is missing" },
		{ "vp = a\nvp = b", "x.conf:2: vp: is set twice" },
		{ "vp = a\nallow = a\nallow = b",
		    "x.conf:3: allow: is set twice" },
		{ "vp = a\nallow += { b }",
		    "x.conf:2: \"+\" and \"+=\" are not allowed" },
		{ "vp = \"${HOME}\"",
		    "x.conf:1: \"$\" is not allowed in a value" },
		{ "vp = ${HOME}", "x.conf:1: \"$\" is not allowed in a value" },
		{ "vp = '$'", "x.conf:1: \"$\" is not allowed in a value" },
		{ "vp = a\ncolour = b", "x.conf:2: colour: no such key" },
		{ "vp = a\n\ntarget t { address = b\ncolour = b }",
		    "x.conf:4: colour: no such key" },
		{ "vp = a\naddress = b", "x.conf:2: address: no such key" },
		{ "vp = a\nzone z { }",
		    "x.conf:2: zone: is no section, and \"=\" is missing for "
		    "a key" },
		{ "vp = a\ntarget t { }", "x.conf:2: address: is missing" },
		{ "vp = a\ntarget t { address = b }\ntarget t { address = c }",
		    "x.conf:3: found duplicate title 't'" },
		{ "vp = a\ntarget t { address = b address = c }",
		    "x.conf:2: address: is set twice" },
		{ "vp = a\ntarget t { target u { address = b } }",
		    "x.conf:2: a section inside a section" },
		{ "vp = a\ntarget t { address = b",
		    "x.conf:2: \"}\" is missing at the end" },
		{ "vp = a }", "x.conf:1: a key or section is missing" },
		{ "vp = a\nport = 0", "x.conf:2: port: is out of range" },
		{ "vp = a\nport = 65536", "x.conf:2: port: is out of range" },
		{ "vp = a\nport = 0x35", "x.conf:2: port: is no whole number" },
		{ "vp = a\nport = 5.5", "x.conf:2: port: is no whole number" },
		{ "vp = a\nport = { 5 }", "x.conf:2: unexpected token '{'" },
		{ "vp = a\nlat = nan", "x.conf:2: lat: is no number" },
		{ "vp = a\nlat = 91", "x.conf:2: lat: is out of range" },
		{ "vp = a\nevery = 5x",
		    "x.conf:2: every: is no length of time such as \"5m\"" },
		{ "vp = a\nevery = 0", "x.conf:2: every: is out of range" },
		{ "vp = a\nquiet = maybe",
		    "x.conf:2: quiet: is neither true nor false" },
		{ "vp = a\nallow = { \"\" }",
		    "x.conf:2: allow: has an empty item" },
		{ "vp = a\nallow = { b c }",
		    "x.conf:2: a list is not finished" },
		{ "vp = a\nallow = { b", "x.conf:2: a list is not finished" },
		{ "vp = \"a\nb\"", "x.conf:1: string has no end" },
		{ "vp = \"a", "x.conf:1: string has no end" },
		{ "vp = 'a\\", "x.conf:1: string has no end" },
		{ "vp = a /* b", "x.conf:1: comment has no end" },
		{ "vp = \"\\n\"", "x.conf:1: vp: is not printable ASCII" },
		{ "vp = \"\\x1b[2J\"", "x.conf:1: vp: is not printable ASCII" },
		{ "vp = \xc3\xa9",
		    "x.conf:1: a character that is not printable ASCII" },
		{ "vp = *",
		    "x.conf:1: a character that needs quotes around it" },
		{ "vp = a*b",
		    "x.conf:1: a character that needs quotes around it" },
		{ "vp =", "x.conf:1: a value is missing" },
		{ "vp", "x.conf:1: \"=\" is missing" },
		{ "= a", "x.conf:1: a key or section is missing" },
		{ "include(\"/etc/passwd\")",
		    "x.conf:1: a character that needs quotes around it" },
		{ "vp = a\ntarget \"\" { address = b }",
		    "x.conf:2: title is empty, too long or not printable" },
	};
	char error[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		error[0] = '\0';
		if (conf_read_text(cases[i].text, "x.conf", &schema, error,
			sizeof(error)) != NULL)
			fail_msg("taken: %s", cases[i].text);
		assert_string_equal(error, cases[i].error);
	}
	/* None of them leaves a state behind. */
	conf_free(read_text("vp = a"));
}

static void
the_environment_is_never_looked_at(void **state)
{
	struct conf *conf;

	(void)state;
	assert_int_equal(setenv("vp", "evil", 1), 0);
	conf = read_text("vp = \"vp\"");
	assert_string_equal(conf_string(conf_top(conf), "vp", NULL), "vp");
	conf_free(conf);
}

static void
a_program_can_refuse_a_value_too(void **state)
{
	struct conf *conf = read_text("vp = a\ntarget t {\n address = b }");
	char error[128];

	(void)state;
	conf_complain(conf_section(conf, 0), "address", error, sizeof(error),
	    "no address");
	assert_string_equal(error, "x.conf:3: address: no address");
	conf_free(conf);
}

static void
a_file_that_cannot_be_read_says_so(void **state)
{
	char error[128];

	(void)state;
	assert_null(
	    conf_read("/nowhere/x.conf", &schema, error, sizeof(error)));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(
	    error, "/nowhere/x.conf: No such file or directory");
	assert_null(conf_read("/dev/null", &schema, error, sizeof(error)));
	assert_int_equal(errno, EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_what_was_written),
		cmocka_unit_test(what_is_not_there_has_the_fallback),
		cmocka_unit_test(a_refusal_names_file_line_and_reason),
		cmocka_unit_test(the_environment_is_never_looked_at),
		cmocka_unit_test(a_program_can_refuse_a_value_too),
		cmocka_unit_test(a_file_that_cannot_be_read_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
