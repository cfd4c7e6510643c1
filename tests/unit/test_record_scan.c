/* Proves that the quick reader of records takes what the writer writes, and
 * nothing that the careful reader, over jansson, would read otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/record_json.h"
#include "tests/unit/some_record.h"

#define RECORDS 4000
#define MUTATIONS 40 /* of each of RECORDS / 10: jansson is slow */

static struct record made, quick, careful;
static char line[LIMIT_RECORD_LINE + 2], other[LIMIT_RECORD_LINE + 2];

static void
what_the_writer_writes_is_taken_and_says_the_same(void **state)
{
	char error[128];

	(void)state;
	srandom(20261124);
	for (int i = 0; i < RECORDS; i++) {
		size_t len;

		some_record(&made);
		len = record_to_json(&made, line, sizeof(line));
		if (!record_scan(&quick, line, len))
			fail_msg("left to the other: %s", line);
		assert_memory_equal(&quick, &made, sizeof(made));
		assert_int_equal(
		    record_parse(&careful, line, len, error, sizeof(error)), 0);
		assert_memory_equal(&careful, &made, sizeof(made));
	}
}

/* Half of what is damaged is left with its structure: pieces that a careless
 * scanner would let pass. */
static size_t
damage(const char *from, size_t len, char *to)
{
	static const char *const pieces[] = { "\"", "\\", "null", "true", "0",
		"00", "-", "-0", "1e3", "1.0", " ", ",", "{}", "[]", "}", "]",
		"\\u0041", "\\/", "\\n", "\xc3\xa9", "\x7f", "\x01",
		"99999999999999999999", "\"late\":0,", "\"x\":1,", "::", "/",
		"A", "Z", ":60", "\\\\065" };
	const char *piece = pieces[below(COUNT(pieces))];
	size_t at = below((uint32_t)len + 1), piece_len = strlen(piece);
	size_t gone = below(3) == 0 ? below(4) : 0;

	if (below(3) == 0) {
		piece = &"0123456789abcdefgtr{}[]:,\"\\"[below(28)];
		piece_len = 1;
		gone = 1;
	}
	gone = gone > len - at ? len - at : gone;
	memcpy(to, from, at);
	memcpy(to + at, piece, piece_len);
	memcpy(to + at + piece_len, from + at + gone, len - at - gone);
	return len + piece_len - gone;
}

static void
what_is_taken_is_what_the_careful_reader_makes_of_it(void **state)
{
	char error[128];
	int taken = 0, both = 0;

	(void)state;
	srandom(20261125);
	for (int i = 0; i < RECORDS / 10 * MUTATIONS; i++) {
		size_t len, damaged;
		int status;

		if (i % MUTATIONS == 0)
			some_record(&made);
		len = record_to_json(&made, line, sizeof(line) - 32);
		damaged = damage(line, len, other);
		status = record_parse(
		    &careful, other, damaged, error, sizeof(error));
		both += status == 0;
		if (!record_scan(&quick, other, damaged))
			continue;
		taken++;
		if (status == -1)
			fail_msg("%s: %.*s", error, (int)damaged, other);
		assert_memory_equal(&quick, &careful, sizeof(quick));
	}
	print_message("%d damaged, %d valid all the same, %d of them taken\n",
	    RECORDS / 10 * MUTATIONS, both, taken);
	/* Else it proves nothing. */
	assert_true(taken > 100 && both > taken);
}

/* Lists that are full, and one element more at their beginning. */
static void
a_list_takes_no_more_than_its_limit(void **state)
{
	static const struct {
		enum record_type type;
		const char *list, *element;
	} cases[] = {
		{ RECORD_DNS, "\"answer\":[", "\"x\"," },
		{ RECORD_DNS, "\"ede\":[", "{\"code\":1,\"text\":\"\"}," },
		{ RECORD_TRACE, "\"mpls\":[",
		    "{\"label\":1,\"exp\":0,\"s\":0,\"ttl\":1}," },
		{ RECORD_TRACE, "\"hops\":[",
		    "{\"ttl\":1,\"addr\":null,\"rtt_us\":null,\"icmp\":null,"
		    "\"quoted_ttl\":null,\"mpls\":null,\"auth_bits\":0}," },
	};

	(void)state;
	srandom(20261128);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const size_t more = strlen(cases[i].element);
		size_t len;
		char *at;

		do
			some_record(&made);
		while (made.type != cases[i].type);
		made.dns.answer_count = LIMIT_ANSWERS;
		made.dns.ede_count = LIMIT_EDE;
		made.hop_count = LIMIT_HOPS;
		for (size_t k = 0; k < LIMIT_HOPS; k++) {
			if (made.hop[k].ttl == 0)
				made.hop[k] = made.hop[0];
			made.hop[k].mpls_count = LIMIT_MPLS;
		}
		len = record_to_json(&made, line, sizeof(line) - 256);
		assert_true(record_scan(&quick, line, len));
		at = strstr(line, cases[i].list);
		assert_non_null(at);
		at += strlen(cases[i].list);
		memmove(at + more, at, len - (size_t)(at - line));
		memcpy(at, cases[i].element, more);
		assert_false(record_scan(&quick, line, len + more));
	}
}

static void
a_line_cut_short_is_not_taken(void **state)
{
	(void)state;
	srandom(20261126);
	for (int i = 0; i < 50; i++) {
		size_t len;

		some_record(&made);
		len = record_to_json(&made, line, sizeof(line));
		for (size_t cut = 0; cut < len; cut++)
			assert_false(record_scan(&quick, line, cut));
		line[len] = ' ';
		assert_false(record_scan(&quick, line, len + 1));
	}
}

static void
other_forms_of_json_are_read_by_the_careful_reader(void **state)
{
	char error[128];
	size_t len;

	(void)state;
	srandom(20261127);
	for (int i = 0; i < 100; i++) {
		some_record(&made);
		len = record_to_json(&made, line, sizeof(line));
		/* A key of a later version, and a space. */
		memmove(line + 16, line + 1, len);
		memcpy(line, "{ \"later\": [],  ", 16);
		assert_false(record_scan(&quick, line, len + 15));
		assert_int_equal(record_from_json(&quick, line, len + 15, error,
				     sizeof(error)),
		    0);
		assert_memory_equal(&quick, &made, sizeof(made));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_the_writer_writes_is_taken_and_says_the_same),
		cmocka_unit_test(
		    what_is_taken_is_what_the_careful_reader_makes_of_it),
		cmocka_unit_test(a_list_takes_no_more_than_its_limit),
		cmocka_unit_test(a_line_cut_short_is_not_taken),
		cmocka_unit_test(
		    other_forms_of_json_are_read_by_the_careful_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
