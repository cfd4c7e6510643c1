/* Proves that names become addresses, all at once, and never later than said.
 */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "probe/resolve.h"

/* Before libc's: "two" has two addresses, one of them twice, "slow" and
 * "never" take their time, "dies" takes the process with it. */
static struct addrinfo *
entry(int family, uint8_t last, struct addrinfo *next)
{
	struct sockaddr_storage *address = calloc(1, sizeof(*address));
	struct addrinfo *item = calloc(1, sizeof(*item));
	struct addr addr = { .af = family == AF_INET ? 4 : 6 };

	assert_non_null(address);
	assert_non_null(item);
	addr.bytes[0] = 9;
	addr.bytes[family == AF_INET ? 3 : 15] = last;
	item->ai_addrlen = addr_to_sockaddr(address, &addr, 0);
	item->ai_addr = (struct sockaddr *)address;
	item->ai_family = family;
	item->ai_next = next;
	return item;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **list)
{
	(void)service;
	(void)hints;
	if (strcmp(name, "unknown") == 0)
		return EAI_NONAME;
	if (strcmp(name, "dies") == 0)
		_exit(1);
	if (strcmp(name, "never") == 0)
		(void)sleep(1000);
	if (strcmp(name, "slow") == 0)
		(void)usleep(200000);
	*list = entry(AF_INET, 1, NULL);
	if (strcmp(name, "two") == 0)
		*list = entry(AF_INET, 1, entry(AF_INET6, 2, *list));
	return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list != NULL; list = next) {
		next = list->ai_next;
		free(list->ai_addr);
		free(list);
	}
}

static void
every_name_has_its_distinct_addresses_or_an_error(void **state)
{
	struct resolution names[] = { { .name = "two" }, { .name = "unknown" },
		{ .name = "1.2.3" }, { .name = "one" }, { .name = "x.0x7f" } };

	(void)state;
	assert_int_equal(resolve(names, 5, span_s(50)), 0);
	assert_null(names[0].error);
	assert_int_equal(names[0].count, 2);
	assert_int_equal(names[0].addr[0].af, 4);
	assert_int_equal(names[0].addr[1].af, 6);
	assert_int_equal(names[0].addr[1].bytes[15], 2);
	assert_string_equal(names[1].error, gai_strerror(EAI_NONAME));
	assert_int_equal(names[1].count, 0);
	assert_string_equal(names[2].error, "not an address, and no name");
	assert_int_equal(names[3].count, 1);
	assert_non_null(names[4].error);
	resolve_clear(names, 5);
}

/* One after the other these would take 20 s. */
static void
names_are_asked_for_all_at_once(void **state)
{
	struct resolution names[100];
	struct mono start = mono_now();
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		names[i].name = "slow";
	assert_int_equal(resolve(names, 100, span_s(50)), 0);
	assert_true(mono_since(mono_now(), start).ns < span_s(10).ns);
	for (i = 0; i < 100; i++)
		assert_int_equal(names[i].count, 1);
	resolve_clear(names, 100);
}

static void
who_does_not_answer_is_not_waited_for(void **state)
{
	struct resolution names[40];
	struct mono start = mono_now();
	size_t i;

	(void)state;
	for (i = 0; i < 40; i++)
		names[i].name = i == 0 ? "two" : "never";
	assert_int_equal(resolve(names, 40, span_s(0.5)), 0);
	assert_true(mono_since(mono_now(), start).ns < span_s(20).ns);
	assert_int_equal(names[0].count, 2);
	for (i = 1; i < 40; i++)
		assert_string_equal(
		    names[i].error, "no answer from the resolver in time");
	assert_int_equal(waitpid(-1, NULL, 0), -1); /* none is left */
	resolve_clear(names, 40);
}

static void
a_process_that_dies_leaves_errors(void **state)
{
	struct resolution names[] = { { .name = "dies" }, { .name = "never" } };

	(void)state;
	assert_int_equal(resolve(names, 2, span_s(50)), 0);
	assert_non_null(names[0].error);
	assert_non_null(names[1].error);
	resolve_clear(names, 2);
}

static void
without_names_there_is_no_process(void **state)
{
	struct resolution names[] = { { .name = "127.1" } };

	(void)state;
	assert_int_equal(resolve(names, 0, span_s(1)), 0);
	assert_int_equal(resolve(names, 1, span_s(1)), 0);
	assert_non_null(names[0].error);
	resolve_clear(names, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_name_has_its_distinct_addresses_or_an_error),
		cmocka_unit_test(names_are_asked_for_all_at_once),
		cmocka_unit_test(who_does_not_answer_is_not_waited_for),
		cmocka_unit_test(a_process_that_dies_leaves_errors),
		cmocka_unit_test(without_names_there_is_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
