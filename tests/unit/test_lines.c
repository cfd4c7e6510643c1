/* Lines and bytes come out of plain, .gz and .zst files the same, damage and
 * overlong lines are errors, and memory is bounded by the longest line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/lines.h"
#include "lib/text.h"
#include "tests/unit/temporary.h"

static char path[TEMPORARY_SIZE];

static void
put(const void *bytes, size_t len)
{
	(void)unlink(path); /* of the time before */
	assert_int_equal(temporary_file(path, bytes, len), 0);
}

static size_t
gzip(uint8_t *out, size_t size, const char *text, size_t len)
{
	z_stream z = { 0 };
	size_t made;

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)text;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)size;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	made = size - z.avail_out;
	(void)deflateEnd(&z);
	return made;
}

static size_t
zstd(uint8_t *out, size_t size, const char *text, size_t len)
{
	size_t made = ZSTD_compress(out, size, text, len, 3);

	assert_false(ZSTD_isError(made));
	return made;
}

static void
expect_lines(const char *const *want, size_t max)
{
	struct lines *l = lines_open(path, max);
	char *line;
	size_t len;

	assert_non_null(l);
	for (; *want != NULL; want++) {
		assert_int_equal(lines_next(l, &line, &len), 1);
		assert_string_equal(line, *want);
		assert_int_equal(len, strlen(*want));
	}
	assert_int_equal(lines_next(l, &line, &len), 0);
	lines_close(l);
}

static const char text[] = "one\n\nthree \\ \"x\"\nfour, unended";
static const char *const text_lines[] = { "one", "", "three \\ \"x\"",
	"four, unended", NULL };

static void
plain_gzip_and_zstd_files_give_the_same_lines(void **state)
{
	uint8_t made[512];
	size_t len, more;

	(void)state;
	put(text, strlen(text));
	expect_lines(text_lines, 100);
	len = gzip(made, sizeof(made), text, strlen(text));
	put(made, len);
	expect_lines(text_lines, 100);
	len = zstd(made, sizeof(made), text, strlen(text));
	put(made, len);
	expect_lines(text_lines, 100);
	/* Members and frames one behind the other are one text. */
	len = gzip(made, sizeof(made), text, 5);
	more = gzip(made + len, sizeof(made) - len, text + 5, strlen(text) - 5);
	put(made, len + more);
	expect_lines(text_lines, 100);
}

static void
an_empty_file_has_no_line_and_a_missing_one_is_an_error(void **state)
{
	static const char *const none[] = { NULL };

	(void)state;
	put("", 0);
	expect_lines(none, 100);
	(void)unlink(path);
	assert_null(lines_open(path, 100));
	assert_int_equal(errno, ENOENT);
}

static void
a_line_of_the_longest_length_passes_and_one_byte_more_does_not(void **state)
{
	static const char *const ten[] = { "0123456789", "x", NULL };
	struct lines *l;
	char *line;
	size_t len;

	(void)state;
	put("0123456789\nx\n", 13);
	expect_lines(ten, 10);
	l = lines_open(path, 9);
	assert_non_null(l);
	assert_int_equal(lines_next(l, &line, &len), -1);
	assert_int_equal(errno, EMSGSIZE);
	lines_close(l);
}

/* Every prefix of a compressed file but the whole one ends in an error,
 * after lines that are a prefix of the true ones. */
static void
expect_cut_is_seen(const uint8_t *whole, size_t len)
{
	struct lines *l;
	size_t got, line_len, count;
	char *line;
	int status;

	for (got = 5; got < len; got++) {
		put(whole, got);
		l = lines_open(path, 100);
		assert_non_null(l);
		for (count = 0; (status = lines_next(l, &line, &line_len)) == 1;
		     count++)
			assert_string_equal(line, text_lines[count]);
		assert_int_equal(status, -1);
		assert_int_equal(errno, EBADMSG);
		lines_close(l);
	}
}

static void
a_compressed_file_that_was_cut_is_damaged(void **state)
{
	uint8_t made[512];

	(void)state;
	expect_cut_is_seen(made, gzip(made, sizeof(made), text, strlen(text)));
	expect_cut_is_seen(made, zstd(made, sizeof(made), text, strlen(text)));
}

static void
a_changed_byte_of_a_gzip_file_is_damage(void **state)
{
	uint8_t made[512];
	size_t len = gzip(made, sizeof(made), text, strlen(text)), line_len;
	struct lines *l;
	char *line;
	int status;

	(void)state;
	made[len - 6] ^= 1; /* of the checksum */
	put(made, len);
	l = lines_open(path, 100);
	assert_non_null(l);
	while ((status = lines_next(l, &line, &line_len)) == 1)
		;
	assert_int_equal(status, -1);
	lines_close(l);
}

static void
bytes_come_in_pieces_of_any_size(void **state)
{
	enum { SIZE = 300000 };
	uint8_t *made = malloc(SIZE), *back = malloc(SIZE + 1);
	char *big = malloc(SIZE);
	struct lines *l;
	size_t at, piece;
	long got;

	(void)state;
	for (at = 0; at < SIZE; at++)
		big[at] = (char)('a' + (at * at / 7) % 26);
	put(made, gzip(made, SIZE, big, SIZE));
	for (piece = 1000; piece <= 200000; piece *= 5) {
		l = lines_open(path, 0);
		assert_non_null(l);
		for (at = 0;
		     (got = lines_read(l, back + at,
			  piece < SIZE + 1 - at ? piece : SIZE + 1 - at)) > 0;)
			at += (size_t)got;
		assert_int_equal(got, 0);
		assert_int_equal(at, SIZE);
		assert_memory_equal(back, big, SIZE);
		lines_close(l);
	}
	free(made);
	free(back);
	free(big);
}

static int
remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static void
a_byte_order_mark_belongs_to_no_line(void **state)
{
	static const char marked[] = "\xef\xbb\xbfone\n\xef\xbb\xbftwo\n";
	static const char *const lines[] = { "one", "\xef\xbb\xbftwo", NULL };
	static const char *const none[] = { "", NULL };
	uint8_t packed[100];

	(void)state;
	put(marked, strlen(marked));
	expect_lines(lines, 10);
	put(packed, gzip(packed, sizeof(packed), marked, strlen(marked)));
	expect_lines(lines, 10);
	put(marked, 3);
	expect_lines(none, 10);
	put("\xef\xbb\n", 3);
	expect_lines((const char *const[]){ "\xef\xbb", NULL }, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_gzip_and_zstd_files_give_the_same_lines),
		cmocka_unit_test(
		    an_empty_file_has_no_line_and_a_missing_one_is_an_error),
		cmocka_unit_test(
		    a_line_of_the_longest_length_passes_and_one_byte_more_does_not),
		cmocka_unit_test(a_compressed_file_that_was_cut_is_damaged),
		cmocka_unit_test(a_changed_byte_of_a_gzip_file_is_damage),
		cmocka_unit_test(bytes_come_in_pieces_of_any_size),
		cmocka_unit_test(a_byte_order_mark_belongs_to_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, remove_file);
}
