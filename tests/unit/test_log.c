/* Proves what log lines look like, whatever is put into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "lib/log.h"

/* What write said on standard error. */
static void
capture(char *text, size_t size, void (*say)(void))
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(file);
	assert_int_not_equal(saved, -1);
	assert_int_not_equal(dup2(fileno(file), STDERR_FILENO), -1);
	say();
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	(void)close(saved);
	rewind(file);
	len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	(void)fclose(file);
}

static void
say_reason(void)
{
	errno = ENETUNREACH;
	log_warn("target %s: send", "k-root");
}

static void
say_hostile(void)
{
	log_warnx("name %s", "a\nacprobe: forged \x1b[2J\xc3\xa9 \\092");
}

static void
say_long(void)
{
	static char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	log_warnx("%s", text);
}

static void
say_info(void)
{
	log_info("only with -v");
}

static void
an_error_line_ends_with_its_reason(void **state)
{
	char text[2048];

	(void)state;
	log_init("acprobe", 0);
	capture(text, sizeof(text), say_reason);
	assert_string_equal(
	    text, "acprobe: target k-root: send: Network is unreachable\n");
}

static void
one_event_is_one_line_of_printable_ascii(void **state)
{
	char text[2048];

	(void)state;
	log_init("acprobe", 0);
	capture(text, sizeof(text), say_hostile);
	assert_string_equal(text,
	    "acprobe: name a\\010acprobe: forged \\027[2J\\195\\169 \\092\n");
}

static void
a_line_is_at_most_one_kibibyte(void **state)
{
	char text[4096];

	(void)state;
	capture(text, sizeof(text), say_long);
	assert_true(strlen(text) <= 1024);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void
information_is_for_the_verbose_only(void **state)
{
	char text[256];

	(void)state;
	log_init("acprobe", 0);
	capture(text, sizeof(text), say_info);
	assert_string_equal(text, "");
	log_init("acprobe", 1);
	capture(text, sizeof(text), say_info);
	assert_string_equal(text, "acprobe: only with -v\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_line_ends_with_its_reason),
		cmocka_unit_test(one_event_is_one_line_of_printable_ascii),
		cmocka_unit_test(a_line_is_at_most_one_kibibyte),
		cmocka_unit_test(information_is_for_the_verbose_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
