/* Proves which rounds find a path changed or due, and that what is remembered
 * survives, or is given up whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/dns.h"
#include "lib/text.h"
#include "probe/paths.h"
#include "tests/unit/temporary.h"

#define HOUR (3600LL * 1000000000)
#define NOW (1795424000LL * 1000000000)
#define NAMES 3

static const struct path_order no_order = { NULL, 0 };

/* One round of a lane: the names that soa, hostname.bind and id.server give
 * (NULL: not answered; "": answered without one), and the round trip. */
struct seen {
	const char *name[NAMES];
	int64_t rtt_us;
	enum path_change change;
};

static void
name_it(struct record *r, int question, const char *name)
{
	static const char *const questions[NAMES] = { "soa", "hostname.bind",
		"id.server" };
	struct record_bytes *bytes = &r->dns.nsid;

	(void)text_copy(r->question, sizeof(r->question), questions[question]);
	r->dns.qtype = question == 0 ? DNS_TYPE_SOA : DNS_TYPE_TXT;
	if (name[0] == '\0')
		return;
	if (question > 0) {
		bytes = &r->dns.answer[0];
		r->dns.answer_count = 1;
	}
	bytes->present = true;
	bytes->len = (uint16_t)strlen(name);
	memcpy(bytes->bytes, name, bytes->len);
}

static void
see(struct path *path, int question, const struct seen *seen)
{
	static struct record r;
	const char *name = seen->name[question];

	record_init(&r);
	r.type = RECORD_DNS;
	r.proto = PROTO_UDP;
	r.outcome = name == NULL ? OUTCOME_TIMEOUT : OUTCOME_ANSWERED;
	r.rtt_us = name == NULL ? -1 : seen->rtt_us + question * 10;
	name_it(&r, question, name == NULL ? "" : name);
	path_see(path, &r, &no_order);
}

/* The next round's path, with the memory of the one before. */
static void
next_round(struct path *path)
{
	struct path_memory memory = path->memory;

	memset(path, 0, sizeof(*path));
	path->memory = memory;
	path->over = PROTO_UDP;
	path->least_us = -1;
	path->best.rank = SIZE_MAX;
}

static void
rounds(const struct seen *seen, size_t count)
{
	struct path path = { .memory.mode_us = -1 };
	enum path_change change;
	size_t i;
	int j;

	for (i = 0; i < count; i++) {
		next_round(&path);
		for (j = 0; j < NAMES; j++)
			see(&path, j, &seen[i]);
		change = path_judge(&path, (struct wall){ NOW });
		if (change != seen[i].change)
			fail_msg("round %zu: %s", i, path_change_name(change));
	}
}

#define ROUNDS(table) rounds(table, sizeof(table) / sizeof((table)[0]))

static void
another_instance_is_a_change_and_the_same_is_none(void **state)
{
	static const struct seen lane[] = {
		{ { "a", "A", "" }, 50000, PATH_SAME },
		{ { "a", "A", "" }, 50100, PATH_SAME },
		{ { "b", "B", "" }, 50000, PATH_INSTANCE },
		{ { "b", "B", "" }, 50000, PATH_SAME },
		{ { "a", "A", "" }, 50000, PATH_INSTANCE },
	};

	(void)state;
	ROUNDS(lane);
}

static void
a_lost_answer_is_no_change_of_the_name(void **state)
{
	static const struct seen lane[] = {
		{ { "a", "A", "" }, 50000, PATH_SAME },
		{ { NULL, "A", "" }, 50000, PATH_SAME },
		{ { "a", NULL, NULL }, 50000, PATH_SAME },
		{ { NULL, "B", "" }, 50000, PATH_SAME },
		{ { "b", NULL, "" }, 50000, PATH_INSTANCE },
	};

	(void)state;
	ROUNDS(lane);
}

static void
an_answer_that_no_longer_names_an_instance_is_a_change(void **state)
{
	static const struct seen lane[] = {
		{ { "a", "A", "" }, 50000, PATH_SAME },
		{ { "", "", "" }, 50000, PATH_INSTANCE },
		{ { "", "", "" }, 50000, PATH_SAME },
		{ { "a", "", "" }, 50000, PATH_INSTANCE },
		{ { "", "A", "" }, 50000, PATH_INSTANCE },
		{ { "", "A", "" }, 50000, PATH_SAME },
		{ { "", "B", "" }, 50000, PATH_INSTANCE },
	};

	(void)state;
	ROUNDS(lane);
}

static void
silence_is_a_change_and_so_is_its_end(void **state)
{
	static const struct seen lane[] = {
		{ { "a", "A", "" }, 50000, PATH_SAME },
		{ { NULL, NULL, NULL }, 0, PATH_SILENCE },
		{ { NULL, NULL, NULL }, 0, PATH_SAME },
		{ { "a", "A", "" }, 50000, PATH_SILENCE },
		{ { "a", "A", "" }, 50000, PATH_SAME },
	};

	(void)state;
	ROUNDS(lane);
}

static void
another_round_trip_is_a_change_beyond_a_tenth(void **state)
{
	static const struct seen far[] = {
		{ { "a", "", "" }, 50000, PATH_SAME },
		{ { "a", "", "" }, 54900, PATH_SAME },
		{ { "a", "", "" }, 62000, PATH_RTT },
		{ { "a", "", "" }, 62000, PATH_SAME },
		{ { "a", "", "" }, 20000, PATH_RTT },
		{ { "b", "", "" }, 200000, PATH_INSTANCE },
		{ { "b", "", "" }, 200000, PATH_SAME },
		{ { "b", "", "" }, 225000, PATH_RTT },
		{ { "b", "", "" }, 200000, PATH_RTT },
	};
	static const struct seen near[] = {
		{ { "a", "", "" }, 500, PATH_SAME },
		{ { "a", "", "" }, 1400, PATH_SAME },
		{ { "a", "", "" }, 500, PATH_SAME },
		{ { "a", "", "" }, 4000, PATH_RTT },
	};

	(void)state;
	ROUNDS(far);
	ROUNDS(near);
}

static void
a_lane_that_always_jumps_is_no_news_after_a_while(void **state)
{
	struct path path = { .memory.mode_us = -1 };
	struct seen seen = { { "a", "A", "" }, 0, PATH_SAME };
	int i, late = 0, all = 0;

	(void)state;
	for (i = 0; i < 100; i++) {
		next_round(&path);
		seen.rtt_us = i % 2 == 0 ? 10000 : 20000;
		see(&path, 0, &seen);
		if (path_judge(&path, (struct wall){ NOW }) == PATH_RTT) {
			all++;
			late += i >= 15;
		}
	}
	assert_in_range(all, 5, 15);
	assert_int_equal(late, 0);
}

static void
what_was_not_asked_changes_nothing(void **state)
{
	static const struct seen once = { { "a", "A", "" }, 50000, PATH_SAME };
	struct path path = { .memory.mode_us = -1 };
	struct path_memory before;

	(void)state;
	next_round(&path);
	see(&path, 0, &once);
	(void)path_judge(&path, (struct wall){ NOW });
	before = path.memory;
	next_round(&path);
	assert_int_equal(path_judge(&path, (struct wall){ NOW }), PATH_SAME);
	assert_memory_equal(&before, &path.memory, sizeof(before));
}

static void
a_change_is_owed_until_the_path_is_traced(void **state)
{
	static const struct seen a = { { "a", "A", "" }, 50000, PATH_SAME };
	static const struct seen b = { { "b", "B", "" }, 50000, PATH_SAME };
	struct path path = { .memory.mode_us = -1 };
	struct record trace;

	(void)state;
	next_round(&path);
	see(&path, 0, &a);
	(void)path_judge(&path, (struct wall){ NOW });
	path_settle(&path, (struct wall){ NOW });
	assert_int_equal(path.memory.owed.ns, 0);
	next_round(&path);
	see(&path, 0, &b);
	(void)path_judge(&path, (struct wall){ NOW + 1 });
	path_settle(&path, (struct wall){ NOW + 1 });
	assert_int_equal(path.memory.owed.ns, NOW + 1);
	next_round(&path);
	see(&path, 0, &b);
	(void)path_judge(&path, (struct wall){ NOW + 2 });
	assert_int_equal(path.memory.owed.ns, NOW + 1);
	record_init(&trace);
	trace.type = RECORD_TRACE;
	trace.outcome = OUTCOME_UNSENT;
	path_see(&path, &trace, &no_order);
	path_settle(&path, (struct wall){ NOW + 2 });
	assert_int_equal(path.memory.owed.ns, NOW + 1);
	trace.outcome = OUTCOME_TIMEOUT;
	path_see(&path, &trace, &no_order);
	path_settle(&path, (struct wall){ NOW + 3 });
	assert_int_equal(path.memory.owed.ns, 0);
	assert_int_equal(path.memory.traced.ns, NOW + 3);
}

static void
a_path_is_due_when_never_traced_after_its_period_or_a_step_back(void **state)
{
	static const struct {
		int64_t traced, now;
		bool due;
	} cases[] = {
		{ 0, NOW, true },
		{ NOW, NOW, false },
		{ NOW, NOW + HOUR - 1, false },
		{ NOW, NOW + HOUR, true },
		{ NOW, NOW - 1, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct path path = { .memory.traced = { cases[i].traced } };

		assert_int_equal(
		    path_is_due(&path, (struct wall){ cases[i].now },
			(struct span){ HOUR }),
		    cases[i].due);
	}
}

/* --- the file --- */

static char folder[TEMPORARY_SIZE];

static void
fill(struct path_memory *m, int i)
{
	*m = (struct path_memory){ .traced = { NOW - i * HOUR },
		.owed = { i % 2 == 0 ? 0 : NOW },
		.known = i != 3,
		.silent = i == 2,
		.method = 0x0123456789abcdef + (uint64_t)i,
		.instance = UINT64_MAX - (uint64_t)i,
		.mode_us = i == 1 ? -1 : 5000 * i,
		.deviation_us = 7 * i };
}

static const char *const addresses[] = { "203.0.113.9", "2001:db8::1",
	"192.0.2.7", "203.0.113.10" };
#define ADDRESSES 4

static void
store(const char *path)
{
	struct paths paths = { 0 };
	struct addr addr;
	int i;

	for (i = 0; i < ADDRESSES; i++) {
		assert_int_equal(addr_parse(&addr, addresses[i]), 0);
		fill(&paths_add(&paths, &addr, (uint16_t)(53 + i), "t")->memory,
		    i);
	}
	paths_sort(&paths);
	assert_int_equal(paths_write(&paths, path, (struct wall){ NOW },
			     (struct span){ HOUR }),
	    0);
	paths_clear(&paths);
}

/* How many of those stored are remembered, each as it was. */
static int
remembered(struct paths *paths)
{
	struct path_memory expected;
	struct addr addr;
	int i, count = 0;

	for (i = 0; i < ADDRESSES; i++) {
		const struct path *path;

		assert_int_equal(addr_parse(&addr, addresses[i]), 0);
		path = paths_add(paths, &addr, (uint16_t)(53 + i), "t");
		fill(&expected, i);
		if (path->memory.traced.ns == 0)
			continue;
		assert_memory_equal(&path->memory, &expected, sizeof(expected));
		count++;
	}
	return count;
}

static int
remembered_in(const char *path)
{
	struct paths paths;
	int count;

	assert_int_equal(paths_read(&paths, path), 0);
	count = remembered(&paths);
	paths_clear(&paths);
	return count;
}

static void
what_is_written_is_read_again(void **state)
{
	(void)state;
	assert_int_equal(remembered_in(folder), 0);
	store(folder);
	assert_int_equal(remembered_in(folder), ADDRESSES);
	assert_int_equal(remembered_in("/nonexistent"), 0);
}

static void
what_is_not_there_now_is_kept_for_a_while(void **state)
{
	struct paths paths;
	struct addr addr;

	(void)state;
	store(folder);
	assert_int_equal(paths_read(&paths, folder), 0);
	assert_int_equal(addr_parse(&addr, addresses[0]), 0);
	assert_non_null(paths_add(&paths, &addr, 53, "t"));
	paths_sort(&paths);
	assert_int_equal(paths_write(&paths, folder, (struct wall){ NOW },
			     (struct span){ 2 * HOUR + 1 }),
	    0);
	paths_clear(&paths);
	assert_int_equal(remembered_in(folder), 3);
}

static void
a_file_with_any_byte_changed_or_missing_is_given_up_whole(void **state)
{
	char name[TEMPORARY_SIZE + 8];
	struct stat st;
	FILE *file;
	long at;
	int byte;

	(void)state;
	(void)text_print(name, sizeof(name), "%s/paths", folder);
	store(folder);
	assert_int_equal(stat(name, &st), 0);
	for (at = 0; at < st.st_size; at += 7) {
		assert_non_null(file = fopen(name, "r+"));
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		byte = fgetc(file) ^ 1;
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		assert_int_not_equal(fputc(byte, file), EOF);
		assert_int_equal(fclose(file), 0);
		/* But for the last line's end, which says nothing. */
		if (at < st.st_size - 1)
			assert_int_equal(remembered_in(folder), 0);
		store(folder);
	}
	for (at = 0; at < st.st_size - 1; at += 11) {
		assert_int_equal(truncate(name, at), 0);
		assert_int_equal(remembered_in(folder), 0);
		store(folder);
	}
	assert_int_equal(remembered_in(folder), ADDRESSES);
}

static int
make_folder(void **state)
{
	(void)state;
	return temporary_path(folder, "paths.XXXXXX") == -1 ||
		       mkdtemp(folder) == NULL
		   ? -1
		   : 0;
}

static int
remove_folder(void **state)
{
	char name[TEMPORARY_SIZE + 8];

	(void)state;
	(void)text_print(name, sizeof(name), "%s/paths", folder);
	(void)unlink(name);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    another_instance_is_a_change_and_the_same_is_none),
		cmocka_unit_test(a_lost_answer_is_no_change_of_the_name),
		cmocka_unit_test(
		    an_answer_that_no_longer_names_an_instance_is_a_change),
		cmocka_unit_test(silence_is_a_change_and_so_is_its_end),
		cmocka_unit_test(another_round_trip_is_a_change_beyond_a_tenth),
		cmocka_unit_test(
		    a_lane_that_always_jumps_is_no_news_after_a_while),
		cmocka_unit_test(what_was_not_asked_changes_nothing),
		cmocka_unit_test(a_change_is_owed_until_the_path_is_traced),
		cmocka_unit_test(
		    a_path_is_due_when_never_traced_after_its_period_or_a_step_back),
		cmocka_unit_test_setup_teardown(
		    what_is_written_is_read_again, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
		    what_is_not_there_now_is_kept_for_a_while, make_folder,
		    remove_folder),
		cmocka_unit_test_setup_teardown(
		    a_file_with_any_byte_changed_or_missing_is_given_up_whole,
		    make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
