/* Proves that IPv4 and IPv6 headers are read to where the transport begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/ip_header.h"
#include "lib/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define V4         \
	"c0000201" \
	"c6336401" /* 192.0.2.1, 198.51.100.1 */
#define V6                                 \
	"20010db8000000000000000000000001" \
	"20010db8000000000000000000000002"

struct header_case {
	const char *what, *hex;
	enum parse_result result;
	struct ip_header ip; /* but for the addresses */
	size_t end;
};

/* clang-format off */
static const struct header_case cases[] = {
	{"IPv4 UDP", "4500001c000040003f110000" V4, PARSE_OK,
	    {.af = 4, .protocol = 17, .ttl = 63, .label = -1,
	    .total_len = 28}, 20},
	{"IPv4 with options, tos and a lying length",
	    "47b8ffff0000000001010000" V4 "0102030405060708" "aa", PARSE_OK,
	    {.af = 4, .protocol = 1, .ttl = 1, .tos = 0xb8, .label = -1,
	    .total_len = 0xffff}, 28},
	{"IPv4 first fragment", "4500001c000020003f110000" V4, PARSE_OK,
	    {.af = 4, .protocol = 17, .ttl = 63, .label = -1,
	    .total_len = 28}, 20},
	{"IPv4 later fragment", "4500001c000000013f110000" V4, PARSE_OK,
	    {.af = 4, .protocol = 17, .ttl = 63, .label = -1,
	    .total_len = 28, .fragment = true}, 20},
	{"IPv4 IHL 4", "4400001c000040003f110000" V4, PARSE_MALFORMED,
	    {0}, 0},
	{"IPv4 IHL 0", "4000001c000040003f110000" V4, PARSE_MALFORMED,
	    {0}, 0},
	{"IPv4 IHL 15 of 28 bytes",
	    "4f00001c000040003f110000" V4 "0000000000000000", PARSE_SHORT,
	    {0}, 0},
	{"IPv4 cut", "4500001c000040003f110000c0000201c63364", PARSE_SHORT,
	    {0}, 0},
	{"nothing", "", PARSE_SHORT, {0}, 0},
	{"version 5", "5500001c000040003f110000" V4, PARSE_MALFORMED,
	    {0}, 0},
	{"version 0", "00", PARSE_MALFORMED, {0}, 0},

	{"IPv6 UDP", "6ab12345000811ff" V6 "0000", PARSE_OK,
	    {.af = 6, .protocol = 17, .ttl = 255, .tos = 0xab,
	    .label = 0x12345, .total_len = 48}, 40},
	{"IPv6 cut", "60000000000811ff20010db8", PARSE_SHORT, {0}, 0},
	{"IPv6 hop-by-hop, destination options, ICMPv6",
	    "6000000000000001" V6 "3c00000000000000"
	    "3a01000000000000" "0000000000000000", PARSE_OK,
	    {.af = 6, .protocol = 58, .ttl = 1, .total_len = 40}, 64},
	{"IPv6 authentication header counts in words",
	    "6000000000003301" V6 "11010000000000000000000000",
	    PARSE_OK,
	    {.af = 6, .protocol = 17, .ttl = 1, .total_len = 40}, 52},
	{"IPv6 first fragment", "6000000000002c01" V6 "1100000100000007",
	    PARSE_OK,
	    {.af = 6, .protocol = 17, .ttl = 1, .total_len = 40}, 48},
	{"IPv6 later fragment: what follows is no header",
	    "6000000000002c01" V6 "2b00000900000007" "ffff", PARSE_OK,
	    {.af = 6, .protocol = 43, .ttl = 1, .total_len = 40,
	    .fragment = true}, 48},
	{"IPv6 no next header", "6000000000003b01" V6, PARSE_OK,
	    {.af = 6, .protocol = 59, .ttl = 1, .total_len = 40}, 40},
	{"IPv6 extension longer than the packet",
	    "6000000000003c01" V6 "11ff000000000000", PARSE_SHORT, {0}, 0},
	{"IPv6 extension cut", "6000000000003c01" V6 "11", PARSE_SHORT,
	    {0}, 0},
	{"IPv6 eight extensions", "6000000000003c01" V6
	    "3c00000000000000" "3c00000000000000" "3c00000000000000"
	    "3c00000000000000" "3c00000000000000" "3c00000000000000"
	    "3c00000000000000" "1100000000000000", PARSE_OK,
	    {.af = 6, .protocol = 17, .ttl = 1, .total_len = 40}, 104},
	{"IPv6 nine extensions", "6000000000003c01" V6
	    "3c00000000000000" "3c00000000000000" "3c00000000000000"
	    "3c00000000000000" "3c00000000000000" "3c00000000000000"
	    "3c00000000000000" "3c00000000000000" "1100000000000000",
	    PARSE_MALFORMED, {0}, 0},
};
/* clang-format on */

static void
check_fields(const struct header_case *expected, const struct ip_header *ip)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	assert_int_equal(ip->af, expected->ip.af);
	assert_string_equal(addr_format(src, &ip->src),
	    ip->af == 4 ? "192.0.2.1" : "2001:db8::1");
	assert_string_equal(addr_format(dst, &ip->dst),
	    ip->af == 4 ? "198.51.100.1" : "2001:db8::2");
	assert_int_equal(ip->protocol, expected->ip.protocol);
	assert_int_equal(ip->ttl, expected->ip.ttl);
	assert_int_equal(ip->tos, expected->ip.tos);
	assert_int_equal(ip->label, expected->ip.label);
	assert_int_equal(ip->total_len, expected->ip.total_len);
	assert_int_equal(ip->fragment, expected->ip.fragment);
}

static void
headers_are_read_to_the_transport_or_refused(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		uint8_t bytes[256];
		struct ip_header ip;
		struct cursor c;
		enum parse_result result;

		assert_int_equal(
		    text_unhex(bytes, sizeof(bytes), &len, cases[i].hex), 0);
		c = cursor_over(bytes, len);
		result = ip_header_read(&ip, &c);
		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].what, result);
		if (result != PARSE_OK)
			continue;
		check_fields(&cases[i], &ip);
		assert_int_equal(cursor_at(&c), cases[i].end);
	}
}

static void
every_cut_of_a_good_header_is_short(void **state)
{
	size_t i, len, cut;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		uint8_t bytes[256];

		if (cases[i].result != PARSE_OK)
			continue;
		assert_int_equal(
		    text_unhex(bytes, sizeof(bytes), &len, cases[i].hex), 0);
		for (cut = 0; cut < cases[i].end; cut++) {
			struct cursor c = cursor_over(bytes, cut);
			struct ip_header ip;

			assert_int_equal(ip_header_read(&ip, &c), PARSE_SHORT);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read_to_the_transport_or_refused),
		cmocka_unit_test(every_cut_of_a_good_header_is_short),
	};

	return cmocka_run_group_tests_name("ip_header", tests, NULL, NULL);
}
