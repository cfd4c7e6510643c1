/* Proves that capture files are written as pcap, and that packets are found in
 * captures of every kind and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <errno.h>
#include <cmocka.h>
#include "lib/evidence.h"
#include "lib/text.h"
#include "tests/unit/temporary.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
/* Ten bytes that begin like IPv4. */
#define PACKET "45000102030405060708"

static char path[TEMPORARY_SIZE];

static int
make_file(void **state)
{
	(void)state;
	return temporary_file(path, "", 0);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void
put(const char *hex)
{
	uint8_t bytes[4096];
	FILE *file = fopen(path, "we");
	size_t len;

	assert_int_equal(text_unhex(bytes, sizeof(bytes), &len, hex), 0);
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

#define BIG                \
	"a1b2c3d4"         \
	"00020004"         \
	"0000000000000000" \
	"0000ffff"
#define LITTLE_NANO        \
	"4d3cb2a1"         \
	"02000400"         \
	"0000000000000000" \
	"ffff0000"
#define BIG_PACKET \
	"00000001" \
	"00000002" \
	"0000000a" \
	"0000000a" PACKET
#define LITTLE_PACKET \
	"01000000"    \
	"02000000"    \
	"0a000000"    \
	"0a000000" PACKET
#define ETHER          \
	"020000000001" \
	"020000000002"
#define NG                 \
	"0a0d0d0a"         \
	"1c000000"         \
	"4d3c2b1a"         \
	"01000000"         \
	"ffffffffffffffff" \
	"1c000000"
#define NG_RAW     \
	"01000000" \
	"14000000" \
	"6500"     \
	"0000"     \
	"ffff0000" \
	"14000000"
#define NG_RAW_NANO        \
	"01000000"         \
	"20000000"         \
	"6500"             \
	"0000"             \
	"ffff0000"         \
	"0900010009000000" \
	"00000000"         \
	"20000000"
#define NG_PACKET(ticks)            \
	"06000000"                  \
	"2c000000"                  \
	"00000000"                  \
	"00000000" ticks "0a000000" \
	"0a000000" PACKET "0000"    \
	"2c000000"

struct capture {
	const char *what, *hex;
	size_t packets;
	int64_t first_ns;
	bool whole;
};

/* clang-format off */
static const struct capture captures[] = {
	{"microseconds, big-endian, raw", BIG "00000065" BIG_PACKET BIG_PACKET,
	    2, 1000002000, true},
	{"nanoseconds, little-endian, raw", LITTLE_NANO "65000000"
	    LITTLE_PACKET, 1, 1000000002, true},
	{"no packet", BIG "00000065", 0, 0, true},
	{"cut in a packet", BIG "00000065" BIG_PACKET "00000001" "00000002"
	    "0000000a" "0000000a" "4500", 1, 1000002000, false},
	{"a length that lies", BIG "00000065" "00000001" "00000002" "ffffffff"
	    "ffffffff" PACKET, 0, 0, false},
	{"Ethernet", BIG "00000001" "00000001" "00000002" "00000018" "00000018"
	    ETHER "0800" PACKET, 1, 1000002000, true},
	{"Ethernet with two tags", BIG "00000001" "00000001" "00000002"
	    "00000020" "00000020" ETHER "88a80001" "81000002" "0800" PACKET,
	    1, 1000002000, true},
	{"ARP over Ethernet", BIG "00000001" "00000001" "00000002" "00000018"
	    "00000018" ETHER "0806" PACKET, 0, 0, true},
	{"Ethernet cut in its header", BIG "00000001" "00000001" "00000002"
	    "00000005" "00000005" "0200000000", 0, 0, true},
	{"Linux cooked", BIG "00000071" "00000001" "00000002" "0000001a"
	    "0000001a" "0000000100060200000000010000" "0800" PACKET,
	    1, 1000002000, true},
	{"a link layer that is not known", BIG "00000093" BIG_PACKET, 0, 0,
	    true},
	{"pcapng in microseconds", NG NG_RAW NG_PACKET("42420f00"), 1,
	    1000002000, true},
	{"pcapng in nanoseconds", NG NG_RAW_NANO NG_PACKET("02ca9a3b"), 1,
	    1000000002, true},
	{"pcapng, a block that lies", NG NG_RAW "06000000" "ffffffff" "00",
	    0, 0, false},
	{"pcapng, a block of length 0", NG NG_RAW "06000000" "00000000"
	    "00000000", 0, 0, false},
	{"pcapng, a frame longer than its block", NG NG_RAW "06000000"
	    "24000000" "00000000" "00000000" "42420f00" "ff000000" "ff000000"
	    "45000000" "24000000", 0, 0, false},
	{"pcapng, interfaces of two link types", NG NG_RAW NG_PACKET("42420f00")
	    "01000000" "14000000" "0100" "0000" "ffff0000" "14000000",
	    1, 1000002000, false},
	{"a time after 2038", BIG "00000065" "f0000000" "00000002" "0000000a"
	    "0000000a" PACKET, 1, 4026531840000002000, true},
};
/* clang-format on */

static void
packets_of_every_kind_of_capture_are_found(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(captures); i++) {
		const struct capture *capture = &captures[i];
		struct evidence_packet packet = { 0 };
		struct evidence_reader r;
		int64_t first = 0;
		size_t found = 0;
		bool whole;

		put(capture->hex);
		if (evidence_open(&r, path) == -1)
			fail_msg("%s: %s", capture->what, r.damage);
		while (evidence_next(&r, &packet) == PARSE_OK) {
			if (found++ == 0)
				first = packet.at.ns;
			if (strstr(capture->what, "cooked") == NULL)
				assert_int_equal(packet.len, 10);
		}
		whole = r.damage[0] == '\0';
		evidence_reader_clear(&r);
		if (found != capture->packets || whole != capture->whole ||
		    first != capture->first_ns)
			fail_msg("%s: %zu packets, %lld, whole %d",
			    capture->what, found, (long long)first, whole);
	}
}

static void
what_is_no_capture_is_refused(void **state)
{
	static const char *const hex[] = { "", "a1b2c3", "00000000",
		"0a0d0d0a1c00000000000000", "a1b2c3d4", PACKET,
		NG NG_PACKET("42420f00") /* of no interface */ };
	struct evidence_reader r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(hex); i++) {
		put(hex[i]);
		errno = 0;
		assert_int_equal(evidence_open(&r, path), -1);
		assert_int_equal(errno, EINVAL);
	}
}

static void
what_was_written_is_read_again(void **state)
{
	struct evidence_packet packet = { 0 };
	struct evidence_reader r;
	struct evidence *e = evidence_create(path);
	uint8_t bytes[65535] = { 0x45 };
	size_t i;

	(void)state;
	assert_non_null(e);
	assert_int_equal(evidence_start(e), 0);
	for (i = 1; i <= 20; i++) {
		if (evidence_room(e) < i * 3000)
			assert_int_equal(evidence_flush(e), 0);
		evidence_add(e, (struct wall){ (int64_t)i * 1000000001 }, bytes,
		    i * 3000);
	}
	assert_int_equal(evidence_left_out(e), 0);
	assert_int_equal(evidence_close(e), 0);
	assert_int_equal(evidence_open(&r, path), 0);
	for (i = 1; i <= 20; i++) {
		assert_int_equal(evidence_next(&r, &packet), PARSE_OK);
		assert_int_equal(packet.at.ns, (int64_t)i * 1000000001);
		assert_int_equal(packet.len, i * 3000);
	}
	assert_int_equal(evidence_next(&r, &packet), PARSE_SHORT);
	assert_string_equal(r.damage, "");
	evidence_reader_clear(&r);
}

static void
the_file_holds_whole_packets_at_any_time(void **state)
{
	struct evidence *e = evidence_create(path);
	uint8_t bytes[65535] = { 0x45 };
	struct stat st;
	off_t size = 24;
	size_t i, len;

	(void)state;
	assert_non_null(e);
	assert_int_equal(evidence_start(e), 0);
	for (i = 0; i < 3; i++) {
		while ((len = evidence_room(e)) > 0) {
			len = len > sizeof(bytes) ? sizeof(bytes) : len;
			evidence_add(e, (struct wall){ 1 }, bytes, len);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_size, size);
		}
		assert_int_equal(evidence_flush(e), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size > size + 65535);
		size = st.st_size;
	}
	assert_int_equal(evidence_left_out(e), 0);
	assert_int_equal(evidence_close(e), 0);
}

static void
a_symbolic_link_is_not_followed(void **state)
{
	char link[TEMPORARY_SIZE];

	(void)state;
	assert_int_equal(temporary_file(link, "", 0), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_null(evidence_create(link));
	assert_int_equal(errno, ELOOP);
	assert_int_equal(unlink(link), 0);
}

static void
a_file_that_was_there_is_ours_alone_from_then_on(void **state)
{
	struct evidence *e;
	struct stat st;

	(void)state;
	put("0000");
	assert_int_equal(chmod(path, 0666), 0);
	assert_non_null(e = evidence_create(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 2);
	assert_int_equal(evidence_start(e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 24);
	assert_int_equal(evidence_close(e), 0);
}

static void
a_device_that_is_full_is_told_once(void **state)
{
	struct evidence *e;

	(void)state;
	if (access("/dev/full", W_OK) == -1)
		skip();
	assert_non_null(e = evidence_create("/dev/full"));
	errno = 0;
	assert_int_equal(evidence_start(e), -1);
	assert_int_equal(errno, ENOSPC);
	evidence_add(e, (struct wall){ 1 }, PACKET, 10);
	assert_int_equal(evidence_close(e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_every_kind_of_capture_are_found),
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(what_was_written_is_read_again),
		cmocka_unit_test(the_file_holds_whole_packets_at_any_time),
		cmocka_unit_test(a_symbolic_link_is_not_followed),
		cmocka_unit_test(
		    a_file_that_was_there_is_ours_alone_from_then_on),
		cmocka_unit_test(a_device_that_is_full_is_told_once),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
