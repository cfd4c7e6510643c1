/* Proves when letters are mixed, and that what is remembered of servers
 * survives or is given up whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "lib/dns.h"
#include "lib/text.h"
#include "probe/habits.h"
#include "tests/unit/temporary.h"

#define DAY (86400LL * 1000000000)
#define NOW (1795424000LL * 1000000000)

/* What a server does in a round to "soa" and "hostname.bind". */
struct does {
	char what[3];             /* by question: n NOERROR, r REFUSED, - */
	bool changes;             /* the case, where it was mixed */
	enum habit_letters after; /* the round */
};

static void
see(struct habit *h, const char *question, char what, bool changed)
{
	static struct record r;
	bool mixed = habit_mixes(h, false);

	record_init(&r);
	r.type = RECORD_DNS;
	r.proto = PROTO_UDP;
	(void)text_copy(r.question, sizeof(r.question), question);
	(void)text_copy(r.dns.qname, sizeof(r.dns.qname),
	    strcmp(question, "soa") == 0 ? "a.example." : question);
	r.outcome = what == '-' ? OUTCOME_TIMEOUT : OUTCOME_ANSWERED;
	r.dns.rcode = what == 'r' ? 5 : 0;
	if (mixed && changed)
		(void)text_copy(r.reason, sizeof(r.reason), DNS_CASE_CHANGED);
	habit_see(h, &r, mixed);
}

/* A round of a vantage point that forgot all but what it wrote. */
static enum habit_letters
live(const char *folder, const struct does *does, int64_t now)
{
	struct habits habits;
	struct addr addr;
	struct habit *h;
	enum habit_letters letters;

	assert_int_equal(addr_parse(&addr, "192.0.2.1"), 0);
	assert_int_equal(habits_read(&habits, folder), 0);
	assert_non_null(habits_add(&habits, &addr, 53, (struct wall){ now }));
	habits_sort(&habits);
	h = habits_find(&habits, &addr, 53);
	assert_non_null(h);
	see(h, "soa", does->what[0], does->changes);
	see(h, "hostname.bind", does->what[1], does->changes);
	habit_settle(h, (struct wall){ now });
	letters = h->letters;
	assert_int_equal(
	    habits_write(&habits, folder, (struct wall){ now }), 0);
	habits_clear(&habits);
	return letters;
}

static void
letters_are_mixed_where_that_makes_no_difference(void **state)
{
	static const struct {
		const char *name;
		struct does round[10];
	} cases[] = {
		{ "echoes",
		    { { "nn", false, HABIT_TRY }, { "nn", false, HABIT_ECHOES },
			{ "nn", false, HABIT_ECHOES },
			{ "n-", false, HABIT_ECHOES },
			{ "--", false, HABIT_NEW }, { "nn", false, HABIT_TRY },
			{ "nn", false, HABIT_ECHOES },
			{ "nr", false, HABIT_NEW }, { "", false, 0 } } },
		{ "changes",
		    { { "nr", true, HABIT_TRY }, { "nr", true, HABIT_OFF },
			{ "nr", true, HABIT_OFF }, { "", false, 0 } } },
		{ "begins to change",
		    { { "nr", false, HABIT_TRY }, { "nr", false, HABIT_ECHOES },
			{ "nr", true, HABIT_OFF }, { "nr", false, HABIT_OFF },
			{ "", false, 0 } } },
		{ "refuses one",
		    { { "nn", false, HABIT_TRY }, { "nr", false, HABIT_NEW },
			{ "nn", false, HABIT_TRY }, { "nr", false, HABIT_NEW },
			{ "nn", false, HABIT_TRY }, { "nr", false, HABIT_OFF },
			{ "nn", false, HABIT_OFF }, { "", false, 0 } } },
		{ "loses one, by chance",
		    { { "nn", false, HABIT_TRY }, { "-n", false, HABIT_NEW },
			{ "nn", false, HABIT_TRY },
			{ "nn", false, HABIT_ECHOES }, { "", false, 0 } } },
		{ "silent",
		    { { "--", false, HABIT_NEW }, { "--", false, HABIT_NEW },
			{ "", false, 0 } } },
	};
	char folder[TEMPORARY_SIZE];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(temporary_path(folder, "habits.XXXXXX"), 0);
		assert_non_null(mkdtemp(folder));
		for (n = 0; cases[i].round[n].what[0] != '\0'; n++) {
			const struct does *does = &cases[i].round[n];

			if (live(folder, does, NOW + (int64_t)n) != does->after)
				fail_msg("%s: round %zu", cases[i].name, n);
		}
	}
}

static void
what_was_off_is_tried_again_after_thirty_days(void **state)
{
	static const struct does good = { "nn", false, 0 },
				 bad = { "nn", true, 0 };
	char folder[TEMPORARY_SIZE];

	(void)state;
	assert_int_equal(temporary_path(folder, "habits.XXXXXX"), 0);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(live(folder, &bad, NOW), HABIT_TRY);
	assert_int_equal(live(folder, &bad, NOW), HABIT_OFF);
	assert_int_equal(live(folder, &good, NOW + 29 * DAY), HABIT_OFF);
	assert_int_equal(live(folder, &good, NOW + 30 * DAY), HABIT_TRY);
	/* A clock that was wrong makes nothing last for years. */
	assert_int_equal(live(folder, &bad, NOW), HABIT_OFF);
	assert_int_equal(live(folder, &good, NOW - DAY), HABIT_TRY);
}

static void
the_version_is_asked_for_once_a_day(void **state)
{
	static const struct {
		int64_t versioned, now, every;
		bool asks;
	} cases[] = {
		{ 0, NOW, 0, true },
		{ NOW, NOW, 0, false },
		{ NOW, NOW + DAY - 1, 0, false },
		{ NOW, NOW + DAY, 0, true },
		{ NOW, NOW + DAY - DAY / 48, DAY / 24, true },
		{ NOW, NOW + DAY - DAY / 48 - 1, DAY / 24, false },
		{ NOW, NOW - 1, 0, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct habit h = { .versioned = { cases[i].versioned } };

		assert_int_equal(
		    habit_asks_version(&h, (struct wall){ cases[i].now },
			(struct span){ cases[i].every }),
		    cases[i].asks);
	}
}

static void
a_damaged_file_is_given_up_whole(void **state)
{
	static const struct does good = { "nn", false, 0 };
	char folder[TEMPORARY_SIZE], name[TEMPORARY_SIZE + 8];
	struct habits habits;
	struct stat st;
	FILE *file;
	long at;
	int byte;

	(void)state;
	assert_int_equal(temporary_path(folder, "habits.XXXXXX"), 0);
	assert_non_null(mkdtemp(folder));
	(void)live(folder, &good, NOW);
	(void)text_print(name, sizeof(name), "%s/habits", folder);
	assert_int_equal(stat(name, &st), 0);
	for (at = 0; at < st.st_size; at += 3) {
		assert_non_null(file = fopen(name, "r+"));
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		byte = fgetc(file);
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		assert_int_not_equal(fputc(byte ^ 1, file), EOF);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(habits_read(&habits, folder), 0);
		assert_int_equal(habits.old_count, 0);
		habits_clear(&habits);
		assert_non_null(file = fopen(name, "r+"));
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		assert_int_not_equal(fputc(byte, file), EOF);
		assert_int_equal(fclose(file), 0);
	}
	assert_int_equal(habits_read(&habits, folder), 0);
	assert_int_equal(habits.old_count, 1);
	habits_clear(&habits);
}

static void
each_port_of_an_address_is_found_from_its_first(void **state)
{
	static const struct {
		const char *addr;
		uint16_t port;
	} added[] = {
		{ "192.0.2.2", 5353 }, { "2001:db8::1", 53 },
		{ "192.0.2.1", 53 }, { "192.0.2.2", 53 }, { "192.0.2.3", 53 },
		{ "192.0.2.2", 53 }, /* by another name */
	};
	struct habits habits = { 0 };
	struct addr addr;
	size_t i, first;

	(void)state;
	assert_int_equal(addr_parse(&addr, "192.0.2.2"), 0);
	assert_int_equal(habits_first(&habits, &addr), 0);
	for (i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
		assert_int_equal(addr_parse(&addr, added[i].addr), 0);
		assert_non_null(habits_add(
		    &habits, &addr, added[i].port, (struct wall){ NOW }));
	}
	habits_sort(&habits);
	assert_int_equal(habits.count, 5);
	for (i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
		const struct habit *h;

		assert_int_equal(addr_parse(&addr, added[i].addr), 0);
		first = habits_first(&habits, &addr);
		h = habits_find_at(&habits, first, &addr, added[i].port);
		assert_non_null(h);
		assert_int_equal(h->port, added[i].port);
		assert_true(addr_equal(&h->addr, &addr));
		assert_null(habits_find_at(&habits, first, &addr, 54));
	}
	assert_int_equal(addr_parse(&addr, "192.0.2.9"), 0);
	assert_int_equal(habits_first(&habits, &addr), habits.count);
	assert_null(habits_find_at(&habits, habits.count, &addr, 53));
	habits_clear(&habits);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    letters_are_mixed_where_that_makes_no_difference),
		cmocka_unit_test(what_was_off_is_tried_again_after_thirty_days),
		cmocka_unit_test(the_version_is_asked_for_once_a_day),
		cmocka_unit_test(a_damaged_file_is_given_up_whole),
		cmocka_unit_test(
		    each_port_of_an_address_is_found_from_its_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
