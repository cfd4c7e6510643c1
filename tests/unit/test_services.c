/* Proves which names a service is asked for, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include "lib/services.h"
#include "lib/services_item.h"
#include "tests/unit/temporary.h"

static const struct service *
find(const struct services *services, const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return services_find(services, &addr);
}

static void
the_shipped_table_knows_who_is_named_otherwise(void **state)
{
	static const struct {
		const char *addr, *name, *best; /* NULL: not there */
	} cases[] = {
		{ "1.1.1.1", "cloudflare", "id.server" },
		{ "2606:4700:4700::1001", "cloudflare", "id.server" },
		{ "9.9.9.9", "quad9", "nsid" },
		{ "208.67.222.222", "opendns", "rd:debug.opendns.com" },
		{ "193.0.14.129", "k.root-servers.net", "nsid" },
		{ "2001:500:2f::f", "f.root-servers.net", "nsid" },
		{ "192.0.2.1", NULL, NULL },
	};
	char error[256];
	struct services *services = services_read(NULL, error, sizeof(error));
	size_t i;

	(void)state;
	assert_non_null(services);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct service *s = find(services, cases[i].addr);

		if (cases[i].name == NULL) {
			assert_null(s);
			continue;
		}
		assert_non_null(s);
		assert_string_equal(s->name, cases[i].name);
		assert_string_equal(s->method[0], cases[i].best);
	}
	services_free(services);
}

static struct services *
read_text(const char *text, char *error, size_t size)
{
	char path[TEMPORARY_SIZE];
	struct services *services;

	assert_int_equal(temporary_file(path, text, strlen(text)), 0);
	services = services_read(path, error, size);
	(void)unlink(path);
	return services;
}

static void
the_operators_lines_come_first(void **state)
{
	char error[256];
	struct services *services = read_text(
	    "# ours\n\nours 1.1.1.1,192.0.2.1\tTXT:WhoAmI.example.,nsid"
	    " # best\n",
	    error, sizeof(error));
	const struct service *s;

	(void)state;
	assert_non_null(services);
	s = find(services, "1.1.1.1");
	assert_string_equal(s->name, "ours");
	assert_int_equal(s->method_count, 2);
	assert_string_equal(s->method[0], "whoami.example");
	assert_true(service_asks(s->method[0]));
	assert_false(service_asks(s->method[1]));
	assert_ptr_equal(s, find(services, "192.0.2.1"));
	assert_string_equal(find(services, "1.0.0.1")->name, "cloudflare");
	services_free(services);
}

/* The hints of Debian's dns-root-data, where they are installed. */
static void
every_address_of_the_root_is_in_the_shipped_table(void **state)
{
	FILE *hints = fopen("/usr/share/dns/root.hints", "re");
	char line[256], name[64], type[8], text[64], error[256];
	struct services *services = services_read(NULL, error, sizeof(error));
	const struct service *s;
	int seen = 0;

	(void)state;
	assert_non_null(services);
	while (hints != NULL && fgets(line, sizeof(line), hints) != NULL) {
		if (sscanf(line, "%63s %*d %7s %63s", name, type, text) != 3 ||
		    type[0] != 'A')
			continue;
		assert_non_null(s = find(services, text));
		assert_int_equal(
		    strncasecmp(s->name, name, strlen(s->name)), 0);
		seen++;
	}
	services_free(services);
	if (hints == NULL)
		skip();
	(void)fclose(hints);
	assert_int_equal(seen, 26);
}

static void
the_name_among_several_answers_is_told(void **state)
{
	char error[256];
	struct services *services =
	    read_text("ours 192.0.2.1 a:x.example,debug.example=server,nsid\n",
		error, sizeof(error));
	const char(*order)[LIMIT_QUESTION];
	struct addr addr;

	(void)state;
	assert_non_null(services);
	assert_int_equal(addr_parse(&addr, "192.0.2.1"), 0);
	assert_int_equal(services_order(services, &addr, &order), 3);
	assert_string_equal(order[1], "debug.example");
	assert_string_equal(
	    services_begins(services, &addr, "debug.example"), "server");
	assert_null(services_begins(services, &addr, "a:x.example"));
	assert_null(services_begins(services, &addr, "nsid"));
	assert_int_equal(addr_parse(&addr, "208.67.220.220"), 0);
	assert_string_equal(
	    services_begins(services, &addr, "rd:debug.opendns.com"), "server");
	services_free(services);
}

static void
a_mark_says_that_letters_come_back(void **state)
{
	char error[256];
	struct services *services =
	    read_text("a 192.0.2.1 nsid 0x20 # yes\nb 192.0.2.2 nsid # 0x20\n",
		error, sizeof(error));

	(void)state;
	assert_non_null(services);
	assert_true(find(services, "192.0.2.1")->echoes_case);
	assert_false(find(services, "192.0.2.2")->echoes_case);
	assert_false(find(services, "1.1.1.1")->echoes_case);
	services_free(services);
}

static void
a_bad_line_is_named(void **state)
{
	static const char *const lines[] = { "a\n", "a 1.1.1.1\n",
		"a 1.1.1 nsid\n", "a 1.1.1.1, nsid\n", "a 1.1.1.1 foo:x\n",
		"a 1.1.1.1 nsid,\n", "a 1.1.1.1 x.example=\n",
		"a 1.1.1.1 nsid more\n", "a 1.1.1.1 nsid 0x20 more\n",
		"a 1.1.1.1 a,b,c,d,e,f,g,h,i\n" };
	char error[256], text[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)snprintf(text, sizeof(text), "# x\n%s", lines[i]);
		assert_null(read_text(text, error, sizeof(error)));
		assert_non_null(strstr(error, ":2: "));
	}
	assert_null(services_read("/nowhere/services", error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_shipped_table_knows_who_is_named_otherwise),
		cmocka_unit_test(the_operators_lines_come_first),
		cmocka_unit_test(
		    every_address_of_the_root_is_in_the_shipped_table),
		cmocka_unit_test(the_name_among_several_answers_is_told),
		cmocka_unit_test(a_mark_says_that_letters_come_back),
		cmocka_unit_test(a_bad_line_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
