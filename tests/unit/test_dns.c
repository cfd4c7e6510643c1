/* Proves what names are as text and on the wire, and what our queries are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/dns.h"
#include "lib/text.h"
#include "tests/unit/dns_message.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- names --- */

static void
names_go_from_text_to_wire_and_back(void **state)
{
	static const struct {
		const char *in, *wire_hex, *out; /* wire NULL: refused */
	} cases[] = {
		{ ".", "00", "." },
		{ "a", "016100", "a." },
		{ "id.server", "0269640673657276657200", "id.server." },
		{ "id.server.", "0269640673657276657200", "id.server." },
		{ "Ab-_9.", "0541622d5f3900", "Ab-_9." },
		{ "a\\.b.c", "03612e62016300", "a\\.b.c." },
		{ "\\000\\255", "0200ff00", "\\000\\255." },
		{ "a\\ b", NULL, NULL },
		{ "a\\032b", "0361206200", "a\\032b." },
		{ "*.x", "012a017800", "\\*.x." },
		{ "\\\\", "015c00", "\\\\." },
		{ "\\\"q", "02227100", "\\\"q." },
		{ "", NULL, NULL },
		{ "..", NULL, NULL },
		{ ".a", NULL, NULL },
		{ "a..b", NULL, NULL },
		{ "a b", NULL, NULL },
		{ "a\tb", NULL, NULL },
		{ "h\xc3\xa9", NULL, NULL },
		{ "a\\", NULL, NULL },
		{ "a\\25", NULL, NULL },
		{ "a\\2x5", NULL, NULL },
		{ "a\\256", NULL, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct dns_name name;
		char hex[2 * LIMIT_DNS_NAME + 1], text[LIMIT_DNS_NAME_TEXT];
		int result = dns_name_from_text(&name, cases[i].in);

		if (result != (cases[i].wire_hex == NULL ? -1 : 0))
			fail_msg("%s: %d", cases[i].in, result);
		if (result == -1)
			continue;
		text_hex(hex, name.bytes, name.len);
		assert_string_equal(hex, cases[i].wire_hex);
		dns_name_to_text(text, sizeof(text), &name);
		assert_string_equal(text, cases[i].out);
	}
}

/* labels of len 'x', dots between */
static const char *
long_name(const int *label_lens)
{
	static char text[2048];
	size_t at = 0;

	for (; *label_lens != 0; label_lens++) {
		memset(&text[at], 'x', (size_t)*label_lens);
		at += (size_t)*label_lens;
		text[at++] = '.';
	}
	text[at] = '\0';
	return text;
}

static void
labels_end_at_63_bytes_and_names_at_255(void **state)
{
	static const struct {
		int labels[8];
		int result;
	} cases[] = {
		{ { 63 }, 0 },
		{ { 64 }, -1 },
		{ { 63, 63, 63, 61 }, 0 },
		{ { 63, 63, 63, 62 }, -1 },
		{ { 63, 63, 63, 63 }, -1 },
	};
	struct dns_name name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    dns_name_from_text(&name, long_name(cases[i].labels)),
		    cases[i].result);
}

static void
longest_name_as_text_fits(void **state)
{
	char in[LIMIT_DNS_NAME_TEXT] = "", out[LIMIT_DNS_NAME_TEXT];
	struct dns_name name;
	size_t at = 0;
	int i;

	(void)state;
	for (i = 0; i < 250; i++) {
		assert_int_equal(text_print(&in[at], sizeof(in) - at,
				     i % 63 == 62 ? ".\\%03d" : "\\%03d", 255),
		    0);
		at = strlen(in);
	}
	name = name_of(in);
	dns_name_to_text(out, sizeof(out), &name);
	assert_memory_equal(in, out, at);
	assert_string_equal(&out[at], ".");
	dns_name_to_text(out, 6, &name); /* cut, not overrun */
	assert_string_equal(out, "\\255");
}

static void
names_differ_by_bytes_but_not_by_ascii_case(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "Hostname.BIND", "hostname.bind.", true },
		{ "hostname.bind", "hostname.bin", false },
		{ "hostname.bind", "hostname\\.bind", false },
		{ ".", ".", true },
		{ ".", "a", false },
		{ "\\193", "\\225", false }, /* only ASCII */
		{ "\\064", "\\096", false }, /* @ and ` */
		{ "\\091", "\\123", false }, /* [ and { */
		{ "Z", "z", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct dns_name a = name_of(cases[i].a);
		struct dns_name b = name_of(cases[i].b);

		assert_int_equal(dns_name_equal(&a, &b), cases[i].equal);
	}
}

static void
compressed_names_are_read_only_backwards(void **state)
{
	static const struct {
		const char *what, *hex;
		size_t at; /* where the name begins */
		enum parse_result result;
		const char *text;
		size_t end;
	} cases[] = {
		{ "root", "00", 0, PARSE_OK, ".", 1 },
		{ "plain", "016100ff", 0, PARSE_OK, "a.", 3 },
		{ "pointer", "016100c000ff", 3, PARSE_OK, "a.", 5 },
		{ "label, then pointer", "0161000162c000", 3, PARSE_OK, "b.a.",
		    7 },
		{ "two jumps", "0161000162c000c003", 7, PARSE_OK, "b.a.", 9 },
		{ "into a name's middle", "0161016200c002", 5, PARSE_OK, "b.",
		    7 },
		{ "to itself", "016100c003", 3, PARSE_MALFORMED, NULL, 0 },
		{ "forward", "c0020161 00", 0, PARSE_MALFORMED, NULL, 0 },
		{ "past the end", "016100ffff", 3, PARSE_MALFORMED, NULL, 0 },
		{ "into its own labels", "0161c000", 0, PARSE_MALFORMED, NULL,
		    0 },
		{ "ping-pong", "c002c000", 2, PARSE_MALFORMED, NULL, 0 },
		{ "label kind 10", "80616200", 0, PARSE_MALFORMED, NULL, 0 },
		{ "label kind 01", "41616200", 0, PARSE_MALFORMED, NULL, 0 },
		{ "nothing", "", 0, PARSE_SHORT, NULL, 0 },
		{ "no end", "0161", 0, PARSE_SHORT, NULL, 0 },
		{ "cut label", "0361", 0, PARSE_SHORT, NULL, 0 },
		{ "half a pointer", "016100c0", 3, PARSE_SHORT, NULL, 0 },
	};
	size_t i, len, j, k;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		char hex[64], text[LIMIT_DNS_NAME_TEXT];
		uint8_t bytes[32];
		struct dns_name name;
		struct cursor c;
		enum parse_result result;

		for (j = k = 0; cases[i].hex[j] != '\0'; j++)
			if (cases[i].hex[j] != ' ')
				hex[k++] = cases[i].hex[j];
		hex[k] = '\0';
		assert_int_equal(
		    text_unhex(bytes, sizeof(bytes), &len, hex), 0);
		c = cursor_over(bytes, len);
		cursor_seek(&c, cases[i].at);
		result = dns_name_read(&name, &c);
		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].what, result);
		if (result != PARSE_OK)
			continue;
		dns_name_to_text(text, sizeof(text), &name);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(cursor_at(&c), cases[i].end);
	}
}

static void
a_compressed_name_also_ends_at_255_bytes(void **state)
{
	uint8_t bytes[400];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct dns_name name;
	struct cursor c;
	size_t start;
	int i;

	(void)state;
	/* 127 one-byte labels and the root: the longest name of all. */
	for (i = 0; i < 127; i++)
		writer_u16(&w, 0x0161);
	writer_u8(&w, 0);
	c = cursor_over(bytes, w.len);
	assert_int_equal(dns_name_read(&name, &c), PARSE_OK);
	assert_int_equal(name.len, 255);
	start = w.len;
	writer_u16(&w, 0x0162);
	writer_u16(&w, 0xc000);
	c = cursor_over(bytes, w.len);
	cursor_seek(&c, start);
	assert_int_equal(dns_name_read(&name, &c), PARSE_MALFORMED);
}

static void
a_name_has_at_most_127_pointers(void **state)
{
	uint8_t bytes[600] = { 0 };
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct dns_name name;
	struct cursor c;
	int i;

	(void)state;
	writer_u8(&w, 0);
	for (i = 0; i < 128; i++) /* each points to the one before */
		writer_u16(&w, (uint16_t)(0xc000 | (i == 0 ? 0 : 2 * i - 1)));
	c = cursor_over(bytes, w.len);
	cursor_seek(&c, 1 + 2 * 126);
	assert_int_equal(dns_name_read(&name, &c), PARSE_OK);
	c = cursor_over(bytes, w.len);
	cursor_seek(&c, 1 + 2 * 127);
	assert_int_equal(dns_name_read(&name, &c), PARSE_MALFORMED);
}

/* --- queries --- */

static void
queries_are_exactly_these_bytes(void **state)
{
	static const struct {
		bool rd, edns, nsid, dnssec_ok;
		const char *hex;
	} cases[] = {
		{ false, true, true, false,
		    "12340000000100000000000108686f73746e616d650462696e64000010"
		    "00"
		    "03"
		    "00002904d000000000000400030000" },
		{ false, true, false, true,
		    "12340000000100000000000108686f73746e616d650462696e64000010"
		    "00"
		    "03"
		    "00002904d0000080000000" },
		{ true, false, false, false,
		    "12340100000100000000000008686f73746e616d650462696e64000010"
		    "00"
		    "03" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		uint8_t bytes[512];
		char hex[1025];
		struct writer w = writer_over(bytes, sizeof(bytes));
		struct dns_query query =
		    query_for("hostname.bind", DNS_TYPE_TXT, DNS_CLASS_CH);

		query.rd = cases[i].rd;
		query.edns = cases[i].edns;
		query.nsid = cases[i].nsid;
		query.dnssec_ok = cases[i].dnssec_ok;
		dns_query_write(&w, &query);
		assert_false(writer_failed(&w));
		text_hex(hex, bytes, w.len);
		assert_string_equal(hex, cases[i].hex);
	}
}

static void
both_halves_of_a_cookie_are_one_option(void **state)
{
	static const char *const tail[] = {
		"00002904d000000000000c"
		"000a00080102030405060708",
		"00002904d0000000000014"
		"000a001001020304050607081112131415161718",
		"00002904d000000000002c"
		"000a0028010203040506070811121314151617180000000000000000"
		"00000000000000000000000000000000",
	};
	static const uint8_t lens[] = { 0, 8, 32 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(tail); i++) {
		uint8_t bytes[512];
		char hex[1025];
		struct writer w = writer_over(bytes, sizeof(bytes));
		struct dns_query query =
		    query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);

		query.nsid = false;
		query.cookie = true;
		memcpy(query.client_cookie, "\1\2\3\4\5\6\7\10", 8);
		memcpy(query.server_cookie, "\21\22\23\24\25\26\27\30", 8);
		query.server_cookie_len = lens[i];
		dns_query_write(&w, &query);
		assert_false(writer_failed(&w));
		text_hex(hex, &bytes[17], w.len - 17);
		assert_string_equal(hex, tail[i]);
	}
}

static void
questions_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: refused */
		uint16_t type, class;
		bool rd;
	} cases[] = {
		{ "whoami.example", "whoami.example", 16, 1, false },
		{ "WhoAmI.Example.", "whoami.example", 16, 1, false },
		{ "txt:whoami.example", "whoami.example", 16, 1, false },
		{ "a:example.com", "a:example.com", 1, 1, false },
		{ "in:A:example.com", "a:example.com", 1, 1, false },
		{ "id.server", "id.server", 16, 3, false },
		{ "ch:txt:ID.server.", "id.server", 16, 3, false },
		{ "in:id.server", "in:id.server", 16, 1, false },
		{ "a:id.server", "a:id.server", 1, 1, false },
		{ "ch:authors.bind", "ch:authors.bind", 16, 3, false },
		{ "rd:debug.opendns.com", "rd:debug.opendns.com", 16, 1, true },
		{ "RD:in:mx:x", "rd:mx:x", 15, 1, true },
		{ "type65280:x", "type65280:x", 65280, 1, false },
		{ "class7:x", "class7:x", 16, 7, false },
		{ "ns:.", "ns:.", 2, 1, false },
		{ "a\\058b.x", "a\\058b.x", 16, 1, false },
		{ "txt:soa", "txt:soa", 16, 1, false },
		{ "txt:echo.", "txt:echo", 16, 1, false },
		{ "txt:service", "txt:service", 16, 1, false },
		{ "", NULL, 0, 0, false },
		{ "a:", NULL, 0, 0, false },
		{ ":x", NULL, 0, 0, false },
		{ "foo:x", NULL, 0, 0, false },
		{ "a:in:x", NULL, 0, 0, false },
		{ "a:a:x", NULL, 0, 0, false },
		{ "in:rd:x", NULL, 0, 0, false },
		{ "rd:rd:x", NULL, 0, 0, false },
		{ "type6:x", NULL, 0, 0, false },
		{ "type0:x", NULL, 0, 0, false },
		{ "aaaaaaaaaaaaaaaaaaaa:x", NULL, 0, 0, false },
		{ "a..b", NULL, 0, 0, false },
	};
	struct dns_asked asked, again;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int result = dns_asked_from_text(&asked, cases[i].text);

		if (result != (cases[i].name == NULL ? -1 : 0))
			fail_msg("%s: %d", cases[i].text, result);
		if (result == -1)
			continue;
		assert_string_equal(asked.name, cases[i].name);
		assert_int_equal(asked.question.type, cases[i].type);
		assert_int_equal(asked.question.class, cases[i].class);
		assert_int_equal(asked.rd, cases[i].rd);
		assert_int_equal(dns_asked_from_text(&again, asked.name), 0);
		assert_string_equal(again.name, asked.name);
		assert_int_equal(again.question.class, asked.question.class);
	}
}

/* The examples of RFC 7873 and what kdig +cookie sends. */
static void
size_and_cookie_are_sent_as_asked(void **state)
{
	uint8_t bytes[512];
	char hex[1025];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);

	(void)state;
	query.udp_size = 4096;
	query.cookie = true;
	memcpy(query.client_cookie, "\x24\x64\xc4\xab\xcf\x10\xc9\x57", 8);
	dns_query_write(&w, &query);
	assert_false(writer_failed(&w));
	text_hex(hex, bytes, w.len);
	assert_string_equal(hex, "123400000001000000000001"
				 "0000060001"
				 "00002910000000000000100"
				 "00a00082464c4abcf10c957"
				 "00030000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_from_text_to_wire_and_back),
		cmocka_unit_test(labels_end_at_63_bytes_and_names_at_255),
		cmocka_unit_test(longest_name_as_text_fits),
		cmocka_unit_test(names_differ_by_bytes_but_not_by_ascii_case),
		cmocka_unit_test(compressed_names_are_read_only_backwards),
		cmocka_unit_test(a_compressed_name_also_ends_at_255_bytes),
		cmocka_unit_test(a_name_has_at_most_127_pointers),
		cmocka_unit_test(queries_are_exactly_these_bytes),
		cmocka_unit_test(both_halves_of_a_cookie_are_one_option),
		cmocka_unit_test(questions_are_read_as_people_write_them),
		cmocka_unit_test(size_and_cookie_are_sent_as_asked),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
