/* Proves that lists in a cell are whole, and counts in the order of the most.
 */
#include "analysis/tallies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
add(struct tallies *t, struct names *names, const char *name, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tallies_add(t, names_put(names, name));
}

static void
the_most_is_first_then_the_name(void **state)
{
	struct tallies t = { 0 };
	struct names names = { 0 };
	struct list list = { 0 };

	(void)state;
	add(&t, &names, "WAW", 1);
	add(&t, &names, "AMS", 8);
	add(&t, &names, "LHR", 40);
	add(&t, &names, "HKG", 17);
	add(&t, &names, "LHR", 6);
	add(&t, &names, "CDG", 1);
	tallies_add(&t, -1);
	tallies_list(&list, &t, &names);
	assert_string_equal(list.text, "LHR 46, HKG 17, AMS 8, CDG 1, WAW 1");
	free(list.text);
	free(t.items);
	names_clear(&names);
}

static void
a_list_is_whole_however_long(void **state)
{
	struct tallies t = { 0 };
	struct names names = { 0 };
	struct list list = { 0 };
	char name[64], *rest;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(
		    name, sizeof(name), "ns%04d.a-long-name.example", i);
		add(&t, &names, name, 2);
	}
	tallies_list(&list, &t, &names);
	assert_int_equal(list.len, strlen(list.text));
	rest = list.text;
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name),
		    "%sns%04d.a-long-name.example 2", i == 0 ? "" : ", ", i);
		assert_memory_equal(rest, name, strlen(name));
		rest += strlen(name);
	}
	assert_string_equal(rest, "");
	free(list.text);
	free(t.items);
	names_clear(&names);
}

static void
a_list_that_begins_anew_is_empty(void **state)
{
	struct list list = { 0 };

	(void)state;
	list_begin(&list);
	assert_null(list.text);
	list_add(&list, "; ", "a");
	list_add(&list, "; ", "b");
	assert_string_equal(list.text, "a; b");
	list_begin(&list);
	assert_string_equal(list.text, "");
	list_add(&list, "; ", "c");
	assert_string_equal(list.text, "c");
	free(list.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_is_first_then_the_name),
		cmocka_unit_test(a_list_is_whole_however_long),
		cmocka_unit_test(a_list_that_begins_anew_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
