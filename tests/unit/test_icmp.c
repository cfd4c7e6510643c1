/* Proves that echoes keep their checksum and errors give what they quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/icmp.h"
#include "lib/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define IP4(protocol)        \
	"4500003c00004000"   \
	"01" protocol "0000" \
	"c0000201"           \
	"c6336401"
#define UDP    \
	"a1b2" \
	"0035" \
	"0020" \
	"beef"
#define ECHO4  \
	"0800" \
	"abcd" \
	"1111" \
	"2222"

static void
checksum_is_rfc_1071s(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5,
		0xf6, 0xf7 };
	static uint8_t ones[65535];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	/* The example of RFC 1071 section 3: the sum is ddf2. */
	assert_int_equal(checksum_fold(checksum_add(0, bytes, 8)), 0x220d);
	/* In pieces of even length it is the same. */
	assert_int_equal(checksum_fold(checksum_add(
			     checksum_add(0, bytes, 4), &bytes[4], 4)),
	    0x220d);
	/* An odd byte is the high half of a word. */
	assert_int_equal(
	    checksum_fold(checksum_add(0, "\x12\x34\x56", 3)), 0x97cb);
	assert_int_equal(checksum_fold(0), 0xffff);
	assert_int_equal(
	    checksum_fold(checksum_add(0, ones, sizeof(ones))), 0x00ff);
}

static void
pseudo_header_is_rfc_8200s(void **state)
{
	struct addr src, dst;
	uint8_t bytes[40] = { 0 };
	struct writer w = writer_over(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(addr_parse(&src, "2001:db8::1"), 0);
	assert_int_equal(addr_parse(&dst, "fe80::ffff:2"), 0);
	writer_bytes(&w, src.bytes, 16);
	writer_bytes(&w, dst.bytes, 16);
	writer_u32(&w, 0x12345);
	writer_u32(&w, 58);
	assert_int_equal(
	    checksum_fold(checksum_pseudo6(&src, &dst, 0x12345, 58)),
	    checksum_fold(checksum_add(0, bytes, sizeof(bytes))));
}

/* Does the receiver's sum over the message come out right? */
static bool
checksum_is_good(const struct writer *w, const struct icmp_echo *echo)
{
	uint32_t sum = 0;

	if (echo->af == 6)
		sum = checksum_pseudo6(
		    echo->src, echo->dst, (uint32_t)w->len, 58);
	return checksum_fold(checksum_add(sum, w->bytes, w->len)) == 0;
}

static void
an_echo_has_the_checksum_asked_for_whatever_its_sequence(void **state)
{
	static const uint16_t cksums[] = { 1, 0x1234, 0x8000, 0xfffe };
	static const char payload[] = "\xff\xff\x00\x01token678";
	struct addr src, dst;
	uint8_t bytes[64];
	uint32_t seq;
	size_t i, af;

	(void)state;
	assert_int_equal(addr_parse(&src, "2001:db8::1"), 0);
	assert_int_equal(addr_parse(&dst, "2001:db8:ffff::2"), 0);
	for (af = 4; af <= 6; af += 2)
		for (i = 0; i < COUNT(cksums); i++)
			for (seq = 0; seq <= 0xffff; seq += 0x101) {
				struct icmp_echo echo = { .af = (uint8_t)af,
					.id = 0xfedc,
					.seq = (uint16_t)seq,
					.cksum = cksums[i],
					.src = &src,
					.dst = &dst,
					.payload = payload,
					.payload_len = 12 };
				struct writer w =
				    writer_over(bytes, sizeof(bytes));

				icmp_echo_write(&w, &echo);
				assert_false(writer_failed(&w));
				assert_int_equal(w.len, 8 + 12 + 2);
				assert_true(checksum_is_good(&w, &echo));
				assert_int_equal(
				    bytes[2] << 8 | bytes[3], cksums[i]);
			}
	assert_memory_equal(bytes, "\x80\x00\xff\xfe\xfe\xdc\xff\xff", 8);
	assert_memory_equal(&bytes[8], payload, 12);
}

static void
an_echo_that_cannot_be_is_not_written(void **state)
{
	uint8_t bytes[64];
	struct icmp_echo echo = { .af = 4, .cksum = 1, .payload = "abc" };
	struct writer w = writer_over(bytes, sizeof(bytes));

	(void)state;
	echo.payload_len = 3;
	icmp_echo_write(&w, &echo);
	assert_true(writer_failed(&w));
	assert_int_equal(w.len, 0);
	w = writer_over(bytes, 11);
	echo.payload_len = 2;
	icmp_echo_write(&w, &echo);
	assert_true(writer_failed(&w));
}

static void
the_errors_we_read_are_these(void **state)
{
	static const struct {
		int af;
		uint8_t types[5];
	} errors[] = { { 4, { 3, 11, 12 } }, { 6, { 1, 2, 3, 4 } } };
	size_t i;
	int type;

	(void)state;
	for (i = 0; i < COUNT(errors); i++)
		for (type = 0; type < 256; type++) {
			bool expected =
			    type != 0 && memchr(errors[i].types, type,
					     sizeof(errors[i].types)) != NULL;

			assert_int_equal(
			    icmp_is_error(errors[i].af, (uint8_t)type),
			    expected);
		}
}

static enum parse_result
read_hex(struct icmp_message *m, int af, const char *hex)
{
	static uint8_t bytes[2048];
	size_t len;

	assert_int_equal(text_unhex(bytes, sizeof(bytes), &len, hex), 0);
	return icmp_read(m, af, bytes, len);
}

static void
echo_replies_give_id_sequence_and_payload(void **state)
{
	struct icmp_message m;

	(void)state;
	assert_int_equal(
	    read_hex(&m, 4, "0000ffff123456780102030405"), PARSE_OK);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.seq, 0x5678);
	assert_int_equal(m.payload_len, 5);
	assert_memory_equal(m.payload, "\1\2\3\4\5", 5);
	assert_false(m.quote.present);
	assert_int_equal(read_hex(&m, 6, "8100ffff12345678"), PARSE_OK);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.payload_len, 0);
	assert_int_equal(read_hex(&m, 4, "0000ffff123456"), PARSE_SHORT);
	assert_int_equal(read_hex(&m, 4, "000000"), PARSE_SHORT);
	assert_int_equal(read_hex(&m, 4, ""), PARSE_SHORT);
}

static void
requests_and_the_other_familys_replies_are_no_replies(void **state)
{
	static const struct {
		int af;
		const char *hex;
	} cases[] = {
		{ 4, "0800ffff12345678" },
		{ 6, "8000ffff12345678" },
		{ 4, "8100ffff12345678" },
		{ 6, "0000ffff12345678" },
		{ 4, "0500ffff12345678" IP4("11") UDP }, /* redirect */
		{ 4, "0400ffff12345678" IP4("11") UDP }, /* source quench */
		{ 6, "8900ffff" },
	};
	struct icmp_message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    read_hex(&m, cases[i].af, cases[i].hex), PARSE_OK);
		assert_int_equal(m.id, -1);
		assert_int_equal(m.seq, -1);
		assert_null(m.payload);
		assert_false(m.quote.present);
	}
}

/* clang-format off */
#define TIME4 "0b00" "0000" "00000000"
#define TIME6 "0300" "0000" "00000000"
#define HEADER6(next) "60012345" "0010" next "01" \
	"20010db8000000000000000000000001" "20010db8000000000000000000000002"

static const struct {
	const char *what;
	int af;
	const char *hex;
	bool present;
	int protocol, ttl, label, sport, dport, id, seq, cksum;
	size_t payload_len;
} quotes[] = {
	{"nothing", 4, TIME4, false, 0, -1, -1, -1, -1, -1, -1, -1, 0},
	{"half a header", 4, TIME4 "4500003c00004000", false,
	    0, -1, -1, -1, -1, -1, -1, -1, 0},
	{"a header alone", 4, TIME4 IP4("11"), true,
	    17, 1, -1, -1, -1, -1, -1, -1, 0},
	{"three bytes of UDP", 4, TIME4 IP4("11") "a1b200", true,
	    17, 1, -1, -1, -1, -1, -1, -1, 0},
	{"ports", 4, TIME4 IP4("11") "a1b20035", true,
	    17, 1, -1, 0xa1b2, 53, -1, -1, -1, 0},
	{"eight bytes", 4, TIME4 IP4("11") UDP, true,
	    17, 1, -1, 0xa1b2, 53, -1, -1, 0xbeef, 0},
	{"a payload", 4, TIME4 IP4("11") UDP "aabbcc", true,
	    17, 1, -1, 0xa1b2, 53, -1, -1, 0xbeef, 3},
	{"half an echo", 4, TIME4 IP4("01") "0800abcd", true,
	    1, 1, -1, -1, -1, -1, -1, 0xabcd, 0},
	{"an echo", 4, TIME4 IP4("01") ECHO4 "aa", true,
	    1, 1, -1, -1, -1, 0x1111, 0x2222, 0xabcd, 1},
	{"another ICMP message", 4, TIME4 IP4("01") "0000abcd11112222", true,
	    1, 1, -1, -1, -1, -1, -1, -1, 0},
	{"three bytes of TCP", 4, TIME4 IP4("06") "a1b200", true,
	    6, 1, -1, -1, -1, -1, -1, -1, 0},
	{"two bytes of an echo", 4, TIME4 IP4("01") "0800", true,
	    1, 1, -1, -1, -1, -1, -1, -1, 0},
	{"TCP ports and sequence", 4, TIME4 IP4("06") "a1b2005011112222", true,
	    6, 1, -1, 0xa1b2, 80, -1, -1, -1, 0},
	{"TCP with options and payload", 4, TIME4 IP4("06")
	    "a1b2005011112222333344446002ffff0000000001020304aabb", true,
	    6, 1, -1, 0xa1b2, 80, -1, -1, -1, 2},
	{"TCP whose offset lies", 4, TIME4 IP4("06")
	    "a1b2005011112222333344444002ffff00000000aabb", true,
	    6, 1, -1, 0xa1b2, 80, -1, -1, -1, 0},
	{"another protocol", 4, TIME4 IP4("2f") "a1b20035", true,
	    47, 1, -1, -1, -1, -1, -1, -1, 0},
	{"IHL 15", 4, TIME4 "4f00003c000040000111" "0000c0000201c6336401" UDP,
	    false, 0, -1, -1, -1, -1, -1, -1, -1, 0},
	{"IHL 0", 4, TIME4 "4000003c000040000111" "0000c0000201c6336401" UDP,
	    false, 0, -1, -1, -1, -1, -1, -1, -1, 0},
	{"IHL 6", 4, TIME4
	    "4600003c000040000111" "0000c0000201c6336401" "00000000" UDP,
	    true, 17, 1, -1, 0xa1b2, 53, -1, -1, 0xbeef, 0},
	{"total length 1500 of 28", 4, TIME4
	    "450005dc000040000111" "0000c0000201c6336401" UDP,
	    true, 17, 1, -1, 0xa1b2, 53, -1, -1, 0xbeef, 0},
	{"a fragment has no ports", 4, TIME4
	    "4500003c000000020111" "0000c0000201c6336401" UDP,
	    true, 17, 1, -1, -1, -1, -1, -1, -1, 0},
	{"IPv6 in ICMP", 4, TIME4 HEADER6("11") UDP, false,
	    0, -1, -1, -1, -1, -1, -1, -1, 0},

	{"IPv6 UDP", 6, TIME6 HEADER6("11") UDP "aabb", true,
	    17, 1, 0x12345, 0xa1b2, 53, -1, -1, 0xbeef, 2},
	{"IPv6 echo", 6, TIME6 HEADER6("3a") "8000abcd11112222", true,
	    58, 1, 0x12345, -1, -1, 0x1111, 0x2222, 0xabcd, 0},
	{"IPv6 with an extension header", 6,
	    TIME6 HEADER6("3c") "1100000000000000" UDP, true,
	    17, 1, 0x12345, 0xa1b2, 53, -1, -1, 0xbeef, 0},
	{"IPv6 cut", 6, TIME6 "6001234500101101", false,
	    0, -1, -1, -1, -1, -1, -1, -1, 0},
	{"IPv4 in ICMPv6", 6, TIME6 IP4("11") UDP, false,
	    0, -1, -1, -1, -1, -1, -1, -1, 0},
	{"too big, MTU 0", 6, "0200000000000000" HEADER6("11") UDP, true,
	    17, 1, 0x12345, 0xa1b2, 53, -1, -1, 0xbeef, 0},
};
/* clang-format on */

static void
a_quote_gives_what_is_there_and_no_more(void **state)
{
	struct icmp_message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(quotes); i++) {
		struct icmp_quote *q = &m.quote;

		assert_int_equal(
		    read_hex(&m, quotes[i].af, quotes[i].hex), PARSE_OK);
		if (q->present != quotes[i].present ||
		    q->protocol != quotes[i].protocol ||
		    q->ttl != quotes[i].ttl || q->label != quotes[i].label)
			fail_msg("%s: header", quotes[i].what);
		if (q->sport != quotes[i].sport ||
		    q->dport != quotes[i].dport ||
		    q->cksum != quotes[i].cksum || q->icmp_id != quotes[i].id ||
		    q->icmp_seq != quotes[i].seq)
			fail_msg("%s: transport", quotes[i].what);
		if (q->payload_len != quotes[i].payload_len)
			fail_msg("%s: payload", quotes[i].what);
		assert_false(m.extended);
		assert_false(m.extension_bad);
		if (q->present)
			assert_true(
			    addr_is_set(&q->src) && q->src.af == quotes[i].af);
	}
	assert_int_equal(read_hex(&m, 4, "0b000000000000"), PARSE_SHORT);
}

/* --- extensions --- */

struct error_case {
	const char *what;
	int af;
	uint8_t length;   /* the attribute */
	size_t padded_to; /* the quote */
	const char *extension;
	bool sum; /* put a right checksum in */
	bool extended, bad;
	uint8_t mpls_count;
	uint32_t mpls;
};

#define STACK  \
	"0008" \
	"0101" \
	"186a1101" /* label 100001, S, ttl 1 */
#define NEXT   \
	"0008" \
	"0101" \
	"000c8001"

static const struct error_case extensions[] = {
	{ "compliant", 4, 32, 128, "20000000" STACK, true, true, false, 1,
	    0x186a1101 },
	{ "compliant, no checksum", 4, 32, 128, "20000000" STACK, false, true,
	    false, 1, 0x186a1101 },
	{ "compliant, wrong checksum", 4, 32, 128, "20001234" STACK, false,
	    true, true, 0, 0 },
	{ "compliant, wrong version", 4, 32, 128, "30000000" STACK, false, true,
	    true, 0, 0 },
	{ "compliant, a longer quote", 4, 40, 160, "20000000" STACK, true, true,
	    false, 1, 0x186a1101 },
	{ "compliant IPv6", 6, 16, 128, "20000000" STACK, true, true, false, 1,
	    0x186a1101 },
	{ "old router", 4, 0, 128, "20000000" STACK, true, true, false, 1,
	    0x186a1101 },
	{ "old router, version in the low half", 4, 0, 128, "02000000" STACK,
	    true, true, false, 1, 0x186a1101 },
	{ "old router IPv6", 6, 0, 128, "20000000" STACK, true, true, false, 1,
	    0x186a1101 },
	{ "a quote that only looks like one", 4, 0, 128, "20001234" STACK,
	    false, false, false, 0, 0 },
	{ "a long quote", 4, 0, 128, "45000000" STACK, false, false, false, 0,
	    0 },
	{ "length without an extension", 4, 32, 128, "", false, false, false, 0,
	    0 },
	{ "length beyond the end", 4, 255, 128, "20000000" STACK, false, true,
	    true, 0, 0 },
	{ "length of 68, but a sure extension at 128, as seen of a real router",
	    4, 17, 128, "20000000" STACK, true, true, false, 1, 0x186a1101 },
	{ "length of 68, and what may be one at 128", 4, 17, 128,
	    "20000000" STACK, false, true, true, 0, 0 },
	{ "two stacks", 4, 32, 128, "20000000" STACK NEXT, true, true, false, 2,
	    0x186a1101 },
	{ "another class first", 4, 32, 128,
	    "20000000"
	    "00080200aabbccdd" STACK,
	    true, true, false, 1, 0x186a1101 },
	{ "no object", 4, 32, 128, "20000000", true, true, false, 0, 0 },
	{ "object of length 0", 4, 32, 128,
	    "20000000"
	    "00000101" STACK,
	    true, true, true, 0, 0 },
	{ "object of length 3", 4, 32, 128,
	    "20000000"
	    "00030101" STACK,
	    true, true, true, 0, 0 },
	{ "object of length 65535", 4, 32, 128,
	    "20000000"
	    "ffff0101" STACK,
	    true, true, true, 0, 0 },
	{ "good object, then a bad one", 4, 32, 128,
	    "20000000" STACK "00000101", true, true, true, 1, 0x186a1101 },
	{ "half an entry", 4, 32, 128,
	    "20000000"
	    "00060101"
	    "1234",
	    true, true, true, 0, 0 },
	{ "half an object", 4, 32, 128,
	    "20000000"
	    "0008",
	    true, true, true, 0, 0 },
	{ "nine entries", 4, 32, 128,
	    "20000000"
	    "00280101"
	    "186a1101"
	    "00000101"
	    "00000101"
	    "00000101"
	    "00000101"
	    "00000101"
	    "00000101"
	    "00000101"
	    "00000101",
	    true, true, false, LIMIT_MPLS, 0x186a1101 },
};

/* A time-exceeded message as the case says; returns its length. */
static size_t
error_make(uint8_t *bytes, size_t size, const struct error_case *e)
{
	struct writer w = writer_over(bytes, size);
	size_t len, at;
	uint8_t part[128];

	writer_u32(&w, e->af == 4 ? 0x0b000000 : 0x03000000);
	writer_u8(&w, e->af == 4 ? 0 : e->length);
	writer_u8(&w, e->af == 4 ? e->length : 0);
	writer_u16(&w, 0);
	assert_int_equal(text_unhex(part, sizeof(part), &len,
			     e->af == 4 ? IP4("11") UDP : HEADER6("11") UDP),
	    0);
	writer_bytes(&w, part, len);
	writer_zeros(&w, e->padded_to - len);
	at = w.len;
	assert_int_equal(text_unhex(part, sizeof(part), &len, e->extension), 0);
	writer_bytes(&w, part, len);
	if (e->sum)
		writer_u16_at(
		    &w, at + 2, checksum_fold(checksum_add(0, part, len)));
	assert_false(writer_failed(&w));
	return w.len;
}

static void
extensions_are_read_and_lies_cost_the_extension_only(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(extensions); i++) {
		const struct error_case *e = &extensions[i];
		uint8_t bytes[512];
		size_t len = error_make(bytes, sizeof(bytes), e);
		struct icmp_message m;

		assert_int_equal(icmp_read(&m, e->af, bytes, len), PARSE_OK);
		if (m.extended != e->extended || m.extension_bad != e->bad)
			fail_msg(
			    "%s: %d %d", e->what, m.extended, m.extension_bad);
		if (m.mpls_count != e->mpls_count || m.mpls[0] != e->mpls)
			fail_msg("%s: %d labels", e->what, m.mpls_count);
		/* The hop is kept in every case. */
		assert_true(m.quote.present);
		assert_int_equal(m.quote.sport, 0xa1b2);
		assert_int_equal(m.quote.cksum, 0xbeef);
	}
}

static void
at_most_sixteen_objects_are_looked_at(void **state)
{
	int count;

	(void)state;
	for (count = LIMIT_ICMP_OBJECTS; count <= LIMIT_ICMP_OBJECTS + 1;
	     count++) {
		struct error_case e = {
			.af = 4, .length = 32, .padded_to = 128
		};
		uint8_t bytes[512];
		char hex[256] = "20000000";
		struct icmp_message m;
		size_t len;
		int i;

		for (i = 0; i < count; i++)
			assert_int_equal(
			    text_print(&hex[8 + 8 * i],
				sizeof(hex) - 8 - 8 * (size_t)i, "00040900"),
			    0);
		e.extension = hex;
		len = error_make(bytes, sizeof(bytes), &e);
		assert_int_equal(icmp_read(&m, 4, bytes, len), PARSE_OK);
		assert_int_equal(m.extension_bad, count > LIMIT_ICMP_OBJECTS);
	}
}

static void
a_quoted_payload_ends_where_the_extension_begins(void **state)
{
	uint8_t bytes[512];
	size_t len = error_make(bytes, sizeof(bytes), &extensions[0]);
	struct icmp_message m;

	(void)state;
	assert_int_equal(icmp_read(&m, 4, bytes, len), PARSE_OK);
	assert_int_equal(m.quote.payload_len, 128 - 20 - 8);
	assert_ptr_equal(m.quote.payload, &bytes[8 + 20 + 8]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_is_rfc_1071s),
		cmocka_unit_test(pseudo_header_is_rfc_8200s),
		cmocka_unit_test(
		    an_echo_has_the_checksum_asked_for_whatever_its_sequence),
		cmocka_unit_test(an_echo_that_cannot_be_is_not_written),
		cmocka_unit_test(the_errors_we_read_are_these),
		cmocka_unit_test(echo_replies_give_id_sequence_and_payload),
		cmocka_unit_test(
		    requests_and_the_other_familys_replies_are_no_replies),
		cmocka_unit_test(a_quote_gives_what_is_there_and_no_more),
		cmocka_unit_test(
		    extensions_are_read_and_lies_cost_the_extension_only),
		cmocka_unit_test(at_most_sixteen_objects_are_looked_at),
		cmocka_unit_test(
		    a_quoted_payload_ends_where_the_extension_begins),
	};

	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
