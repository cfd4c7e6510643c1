/* Objects are found in arrays, lines, pages and rubbish, whatever is in their
 * strings, and one that is cut costs no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/import_json_stream.h"
#include "lib/text.h"
#include "tests/unit/temporary.h"

static char path[TEMPORARY_SIZE];

static void
put(const char *text, size_t len)
{
	(void)unlink(path); /* of the time before */
	assert_int_equal(temporary_file(path, text, len), 0);
}

/* Objects separated by a bar; "?" a damaged one, "!" one too long. */
static void
expect(const char *what, const char *text, size_t max, const char *want)
{
	struct json_stream *s;
	char got[1024] = "";
	enum json_piece piece;
	const char *object;
	size_t len, at = 0;

	put(text, strlen(text));
	s = json_stream_open(path, max);
	assert_non_null(s);
	while ((piece = json_stream_next(s, &object, &len)) != JSON_PIECE_END) {
		assert_int_not_equal(piece, JSON_PIECE_UNREADABLE);
		if (piece != JSON_PIECE_OBJECT) {
			object = piece == JSON_PIECE_DAMAGED ? "?" : "!";
			len = 1;
		}
		assert_true(at + len + 2 < sizeof(got));
		if (at > 0)
			got[at++] = '|';
		memcpy(got + at, object, len);
		at += len;
	}
	json_stream_close(s);
	if (strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", what, got, want);
}

static void
objects_are_found_in_every_wrapping(void **state)
{
	static const struct {
		const char *what, *text, *want;
	} cases[] = {
		{ "nothing", "", "" },
		{ "an empty array", " [ ]\n", "" },
		{ "an array", "[{\"a\":1},{\"b\":2}]", "{\"a\":1}|{\"b\":2}" },
		{ "an array over lines",
		    "[\n{\n\"a\":\n{\n}\n},\n{\"b\":[\n{}\n]}\n]",
		    "{\n\"a\":\n{\n}\n}|{\"b\":[\n{}\n]}" },
		{ "lines", "{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}" },
		{ "lines of CR LF", "{\"a\":1}\r\n{\"b\":2}",
		    "{\"a\":1}|{\"b\":2}" },
		{ "one behind the other", "{}{}", "{}|{}" },
		{ "record separators", "\x1e{}\n\x1e{}\n", "{}|{}" },
		{ "brackets and quotes in strings",
		    "[{\"a\":\"}]{[\\\"}\\\\\"},{}]",
		    "{\"a\":\"}]{[\\\"}\\\\\"}|{}" },
		{ "a page of an API",
		    "{\"count\":2,\"next\":null,\"previous\":\"x{\\\"\",\n"
		    "\"results\":[{\"a\":1},{\"b\":2}]}",
		    "{\"a\":1}|{\"b\":2}" },
		{ "a probe archive", "{\"objects\":[{\"a\":[{}]},{\"b\":2}]}",
		    "{\"a\":[{}]}|{\"b\":2}" },
		{ "an archive with meta",
		    "{\"meta\":{\"total\":1},\"objects\":[{\"a\":1}]}",
		    "{\"total\":1}|{\"a\":1}" },
		{ "a key that only begins so", "{\"counter\":{\"a\":1}}",
		    "{\"counter\":{\"a\":1}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].what, cases[i].text, 200, cases[i].want);
}

static void
damage_costs_no_other_object(void **state)
{
	static const struct {
		const char *what, *text, *want;
	} cases[] = {
		{ "rubbish between", "{}\nhello world\n{}", "{}|?|?|{}" },
		{ "numbers in an array", "[{},17,{}]", "{}|?|{}" },
		{ "a string in an array", "[\"{\",{}]", "?|{}" },
		{ "a line cut in an object", "{\"a\":{\"b\":1\n{\"c\":2}\n",
		    "?|{\"c\":2}" },
		{ "a line cut in a string", "{\"a\":\"xy\n{\"c\":2}\n",
		    "?|{\"c\":2}" },
		{ "the end cut", "[{\"a\":1},{\"b\":", "{\"a\":1}|?" },
		{ "too long", "[{\"a\":1},{\"b\":\"0123456789012345\"},{}]",
		    "{\"a\":1}|!|{}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].what, cases[i].text, 12, cases[i].want);
}

static void
an_object_may_lie_across_any_two_reads(void **state)
{
	enum { SIZE = 200000 };
	char *text = malloc(SIZE + 1);
	struct json_stream *s;
	const char *object;
	size_t len, at = 0, count = 0, found = 0;

	(void)state;
	while (at + 100 < SIZE) {
		assert_int_equal(
		    text_print(text + at, 100, "{\"n\":%zu,\"s\":\"%.*s}\"}\n",
			count, (int)(count % 61),
			"......................................"
			"......................................"),
		    0);
		at += strlen(text + at);
		count++;
	}
	put(text, at);
	s = json_stream_open(path, 1000);
	assert_non_null(s);
	while (json_stream_next(s, &object, &len) == JSON_PIECE_OBJECT) {
		assert_memory_equal(object, strstr(object, "{\"n\":"), 5);
		assert_int_equal(strtoull(object + 5, NULL, 10), found);
		assert_int_equal(object[len - 1], '}');
		found++;
	}
	json_stream_close(s);
	assert_int_equal(found, count);
	free(text);
}

static void
a_damaged_file_is_unreadable_and_then_at_its_end(void **state)
{
	struct json_stream *s;
	const char *object;
	size_t len;

	(void)state;
	put("\x1f\x8b\x08\x00rubbish", 11);
	s = json_stream_open(path, 1000);
	assert_non_null(s);
	assert_int_equal(
	    json_stream_next(s, &object, &len), JSON_PIECE_UNREADABLE);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(json_stream_next(s, &object, &len), JSON_PIECE_END);
	json_stream_close(s);
	assert_null(json_stream_open("/nonexistent/file", 10));
	assert_int_equal(errno, ENOENT);
}

static int
remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_found_in_every_wrapping),
		cmocka_unit_test(damage_costs_no_other_object),
		cmocka_unit_test(an_object_may_lie_across_any_two_reads),
		cmocka_unit_test(
		    a_damaged_file_is_unreadable_and_then_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, remove_file);
}
