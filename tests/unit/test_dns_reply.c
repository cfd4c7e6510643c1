/* Proves which replies match a query, and what is read of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/dns.h"
#include "tests/unit/dns_message.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TYPE_CNAME 5
#define TYPE_URI 256

static void
a_reply_matches_on_id_flags_and_question_bytes(void **state)
{
	static const struct {
		const char *what;
		uint16_t id, flags;
		const char *name;
		uint16_t type, class, questions;
		enum dns_match match;
	} cases[] = {
		{ "right", 0x1234, QR, "Id.Server", 16, 3, 1, DNS_MATCH_FULL },
		{ "right, refused", 0x1234, QR | 5, "Id.Server", 16, 3, 1,
		    DNS_MATCH_FULL },
		{ "right, truncated", 0x1234, QR | TC, "Id.Server", 16, 3, 1,
		    DNS_MATCH_FULL },
		{ "another id", 0x1235, QR, "Id.Server", 16, 3, 1,
		    DNS_MATCH_NONE },
		{ "a query", 0x1234, 0, "Id.Server", 16, 3, 1, DNS_MATCH_NONE },
		{ "opcode", 0x1234, QR | 4 << 11, "Id.Server", 16, 3, 1,
		    DNS_MATCH_NONE },
		{ "case", 0x1234, QR, "id.server", 16, 3, 1, DNS_MATCH_CASE },
		{ "name", 0x1234, QR, "hostname.bind", 16, 3, 1,
		    DNS_MATCH_NONE },
		{ "type", 0x1234, QR, "Id.Server", 6, 3, 1, DNS_MATCH_NONE },
		{ "class", 0x1234, QR, "Id.Server", 16, 1, 1, DNS_MATCH_NONE },
		{ "no question, no error", 0x1234, QR, NULL, 0, 0, 0,
		    DNS_MATCH_NONE },
		{ "no question, FORMERR", 0x1234, QR | 1, NULL, 0, 0, 0,
		    DNS_MATCH_HEADER },
		{ "no question, FORMERR, another id", 0x4321, QR | 1, NULL, 0,
		    0, 0, DNS_MATCH_NONE },
		{ "a question that is not there", 0x1234, QR, NULL, 0, 0, 1,
		    DNS_MATCH_HEADER },
		{ "two questions", 0x1234, QR, "Id.Server", 16, 3, 2,
		    DNS_MATCH_HEADER },
	};
	struct dns_query query =
	    query_for("Id.Server", DNS_TYPE_TXT, DNS_CLASS_CH);
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		const uint16_t counts[4] = { cases[i].questions, 0, 0, 0 };
		struct message *m = message_begin(cases[i].flags, counts);
		enum dns_match match;

		writer_u16_at(&m->w, 0, cases[i].id);
		if (cases[i].name != NULL) {
			struct dns_name name = name_of(cases[i].name);

			writer_bytes(&m->w, name.bytes, name.len);
			writer_u16(&m->w, cases[i].type);
			writer_u16(&m->w, cases[i].class);
		}
		match = dns_reply_match(&query, m->bytes, m->w.len);
		if (match != cases[i].match)
			fail_msg("%s: %d", cases[i].what, match);
	}
	for (len = 0; len < DNS_HEADER_LEN; len++) {
		struct message *m = reply_begin(&query, QR | 1, 0, 0);

		assert_int_equal(
		    dns_reply_match(&query, m->bytes, len), DNS_MATCH_NONE);
	}
}

static void
what_can_be_matched_but_not_compared_never_parses(void **state)
{
	static const uint16_t counts[] = { 1, 2, 0xffff };
	struct dns_query query =
	    query_for("id.server", DNS_TYPE_TXT, DNS_CLASS_CH);
	struct dns_reply reply;
	const char *fault;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(counts); i++) {
		const uint16_t all[4] = { counts[i], 0xffff, 0, 0 };
		struct message *m = message_begin(QR | 5, all);

		assert_int_equal(dns_reply_match(&query, m->bytes, m->w.len),
		    DNS_MATCH_HEADER);
		assert_int_equal(
		    parse(&reply, m, &query, &fault), PARSE_MALFORMED);
		assert_string_equal(fault, "question");
	}
}

static void
header_fields_come_out(void **state)
{
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct message *m = reply_begin(&query, 0x85b5, 0, 1);
	struct dns_reply reply;
	const char *fault = "unset";

	(void)state;
	/* Extended rcode 0x12, version 1, DO. */
	opt(m, 0x12018000, "", 0);
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_null(fault);
	assert_int_equal(reply.id, 0x1234);
	assert_true(reply.qr && reply.aa && reply.rd && reply.ra);
	assert_true(reply.ad && reply.cd && !reply.tc);
	assert_int_equal(reply.opcode, 0);
	assert_int_equal(reply.rcode, 0x125);
	assert_int_equal(reply.question_count, 1);
	assert_int_equal(reply.additional_count, 1);
	assert_true(reply.edns);
	assert_int_equal(reply.edns_size, 1232);
	assert_int_equal(reply.edns_version, 1);
	assert_false(reply.nsid.present);
	assert_int_equal(reply.serial, -1);
}

static void
nsid_and_strings_are_kept_raw(void **state)
{
	struct dns_query query =
	    query_for("hostname.bind", DNS_TYPE_TXT, DNS_CLASS_CH);
	struct message *m = reply_begin(&query, QR, 2, 1);
	struct dns_reply reply;
	const char *fault;

	(void)state;
	TXT(m, "\x04"
	       "a\0\x1b"
	       "b\x02"
	       "cd");
	TXT(m, "\x00");
	OPT(m, "\x00\x0a\x00\x02zz"
	       "\x00\x03\x00\x03x\0\xff"
	       "\x00\x03\x00\x01y");
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_int_equal(reply.answer_kept, 2);
	assert_int_equal(reply.answer[0].len, 6);
	assert_memory_equal(reply.answer[0].bytes,
	    "a\0\x1b"
	    "bcd",
	    6);
	assert_true(reply.answer[1].present);
	assert_int_equal(reply.answer[1].len, 0);
	assert_true(reply.nsid.present);
	assert_int_equal(reply.nsid.len, 3);
	assert_int_equal(reply.nsid_len, 3);
	assert_memory_equal(reply.nsid.bytes, "x\0\xff", 3);
	assert_int_equal(reply.nsid_count, 2);
}

static void
cookies_are_kept_where_their_length_is_lawful(void **state)
{
	static const struct {
		size_t len;
		bool kept;
		uint8_t server;
	} cases[] = { { 0, false, 0 }, { 7, false, 0 }, { 8, true, 0 },
		{ 15, false, 0 }, { 16, true, 8 }, { 24, true, 16 },
		{ 40, true, 32 }, { 41, false, 0 } };
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct dns_reply reply;
	const char *fault;
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		char option[64] = { 0, DNS_OPTION_COOKIE, 0,
			(char)cases[i].len };
		struct message *m = reply_begin(&query, QR, 0, 1);

		for (k = 0; k < cases[i].len; k++)
			option[4 + k] = (char)('a' + k);
		opt(m, 0, option, 4 + cases[i].len);
		assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
		assert_int_equal(reply.cookie, cases[i].kept);
		assert_int_equal(reply.server_cookie_len, cases[i].server);
		if (!cases[i].kept)
			continue;
		assert_memory_equal(reply.client_cookie, "abcdefgh", 8);
		assert_memory_equal(
		    reply.server_cookie, &option[12], reply.server_cookie_len);
	}
}

static void
extended_errors_are_kept_up_to_their_limits(void **state)
{
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct message *m = reply_begin(&query, QR, 0, 1);
	char options[600];
	struct writer w = writer_over(options, sizeof(options));
	struct dns_reply reply;
	const char *fault;
	int i;

	(void)state;
	writer_bytes(&w, "\x00\x0f\x00\x01\x00", 5); /* no code */
	writer_bytes(&w, "\x00\x0f\x00\x02\x00\x12", 6);
	writer_bytes(&w,
	    "\x00\x0f\x00\x06\xff\x0f"
	    "a\0b",
	    9);
	writer_u8(&w, 0); /* the end of a C string is no text */
	writer_u16(&w, DNS_OPTION_EDE);
	writer_u16(&w, 2 + LIMIT_EDE_TEXT + 1);
	writer_u16(&w, 24);
	for (i = 0; i <= LIMIT_EDE_TEXT; i++)
		writer_u8(&w, 'x');
	for (i = 0; i < LIMIT_EDE; i++)
		writer_bytes(&w, "\x00\x0f\x00\x02\x00\x09", 6);
	assert_false(writer_failed(&w));
	opt(m, 0, options, w.len);
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_int_equal(reply.ede_count, LIMIT_EDE);
	assert_int_equal(reply.ede[0].code, 18);
	assert_int_equal(reply.ede[0].len, 0);
	assert_int_equal(reply.ede[1].code, 0xff0f);
	assert_int_equal(reply.ede[1].len, 3);
	assert_memory_equal(reply.ede[1].text, "a\0b", 3);
	assert_int_equal(reply.ede[2].len, LIMIT_EDE_TEXT);
	assert_int_equal(reply.ede[3].code, 9);
}

static void
an_empty_nsid_is_there_and_an_absent_one_is_not(void **state)
{
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct message *m = reply_begin(&query, QR, 0, 1);
	struct dns_reply reply;
	const char *fault;

	(void)state;
	OPT(m, "\x00\x03\x00\x00");
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_true(reply.nsid.present);
	assert_int_equal(reply.nsid.len, 0);
	m = reply_begin(&query, QR, 0, 1);
	OPT(m, "");
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_true(reply.edns);
	assert_false(reply.nsid.present);
}

static void
rdata_of_every_known_type_becomes_its_text(void **state)
{
	static const struct {
		uint16_t type;
		const char *rdata;
		size_t len;
		const char *text;
	} cases[] = {
		{ DNS_TYPE_A, "\xc0\x00\x02\x01", 4, "192.0.2.1" },
		{ DNS_TYPE_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
		    16, "2001:db8::1" },
		{ DNS_TYPE_NS, "\x02ns\xc0\x0c", 5, "ns.a.example." },
		{ TYPE_CNAME, "\x01x\x00", 3, "x." },
		{ DNS_TYPE_SOA,
		    "\x02ns\xc0\x0c\x01h\x00"
		    "\xff\xff\xff\xff\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
		    28, "ns.a.example. h. 4294967295 2 3 4 5" },
		{ TYPE_URI, "\x00\x01\xab", 3, "\\# 3 0001ab" },
		{ TYPE_URI, "", 0, "\\# 0" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct dns_query query =
		    query_for("a.example", cases[i].type, DNS_CLASS_IN);
		struct message *m = reply_begin(&query, QR, 1, 0);
		struct dns_reply reply;
		const char *fault;

		rr(m, cases[i].type, DNS_CLASS_IN, cases[i].rdata,
		    cases[i].len);
		assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
		assert_int_equal(reply.answer_kept, 1);
		assert_int_equal(reply.answer[0].len, strlen(cases[i].text));
		assert_memory_equal(
		    reply.answer[0].bytes, cases[i].text, reply.answer[0].len);
		assert_true(
		    reply.serial ==
		    (cases[i].type == DNS_TYPE_SOA ? 0xffffffffLL : -1));
	}
}

static void
other_owners_types_and_classes_are_no_answer(void **state)
{
	struct dns_query query =
	    query_for("id.server", DNS_TYPE_TXT, DNS_CLASS_CH);
	struct message *m = reply_begin(&query, QR, 4, 0);
	struct dns_reply reply;
	const char *fault;

	(void)state;
	rr(m, DNS_TYPE_TXT, DNS_CLASS_IN,
	    "\x01"
	    "a",
	    2);
	rr(m, DNS_TYPE_A, DNS_CLASS_CH, "\x01\x02\x03\x04", 4);
	writer_bytes(&m->w,
	    "\x01x\x00\x00\x10\x00\x03\0\0\0\0\0\x02\x01"
	    "b",
	    15);
	/* The owner in another case is one all the same. */
	writer_bytes(&m->w,
	    "\x02ID\x06SERVER\x00\x00\x10\x00\x03\0\0\0\0\0\x02\x01"
	    "c",
	    23);
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_int_equal(reply.answer_kept, 1);
	assert_memory_equal(reply.answer[0].bytes, "c", 1);
}

static void
an_error_without_a_question_is_read(void **state)
{
	static const uint16_t counts[4];
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct message *m = message_begin(QR | 1, counts);
	struct dns_reply reply;
	const char *fault;

	(void)state;
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_int_equal(reply.rcode, 1);
	assert_int_equal(reply.question_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_reply_matches_on_id_flags_and_question_bytes),
		cmocka_unit_test(
		    what_can_be_matched_but_not_compared_never_parses),
		cmocka_unit_test(header_fields_come_out),
		cmocka_unit_test(nsid_and_strings_are_kept_raw),
		cmocka_unit_test(cookies_are_kept_where_their_length_is_lawful),
		cmocka_unit_test(extended_errors_are_kept_up_to_their_limits),
		cmocka_unit_test(
		    an_empty_nsid_is_there_and_an_absent_one_is_not),
		cmocka_unit_test(rdata_of_every_known_type_becomes_its_text),
		cmocka_unit_test(other_owners_types_and_classes_are_no_answer),
		cmocka_unit_test(an_error_without_a_question_is_read),
	};

	return cmocka_run_group_tests_name("dns_reply", tests, NULL, NULL);
}
