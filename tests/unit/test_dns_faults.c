/* Proves what is wrong with a reply, what is read of it all the same, and where
 * reading ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "lib/dns.h"
#include "tests/unit/dns_message.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define LIMIT_MS 25 /* sanitizers take their time; clang may run them */
#else
#define LIMIT_MS 5
#endif

/* Every fault, one message each: rdata of an answer, or of OPT. */
static void
every_fault_is_named(void **state)
{
	static const struct {
		const char *fault;
		uint16_t type;
		const char *rdata;
		size_t len;
	} cases[] = {
		{ "txt", DNS_TYPE_TXT,
		    "\xff"
		    "AAAA",
		    5 },
		{ "txt", DNS_TYPE_TXT, "", 0 },
		{ "txt", DNS_TYPE_TXT,
		    "\x01"
		    "a\x01",
		    3 },
		{ "soa", DNS_TYPE_SOA, "\x00\x00\0\0\0\1", 6 },
		{ "soa", DNS_TYPE_SOA,
		    "\x00\x00\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0", 23 },
		{ "soa", DNS_TYPE_SOA, "", 0 },
		{ "rdata", DNS_TYPE_A, "\x01\x02\x03", 3 },
		{ "rdata", DNS_TYPE_A, "\x01\x02\x03\x04\x05", 5 },
		{ "rdata", DNS_TYPE_AAAA, "\x01\x02\x03\x04", 4 },
		{ "rdata", DNS_TYPE_NS, "\xc0\xff", 2 },
		{ "rdata", DNS_TYPE_NS, "\x01x\x00\x00", 4 },
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
		if (parse(&reply, m, &query, &fault) != PARSE_MALFORMED ||
		    strcmp(fault, cases[i].fault) != 0)
			fail_msg("%zu: not %s", i, cases[i].fault);
		assert_int_equal(reply.answer_kept, 0);
		/* The same with TC set is no fault. */
		writer_u16_at(&m->w, 2, QR | TC);
		assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
		assert_null(fault);
	}
}

static void
the_answer_survives_what_is_wrong_behind_it(void **state)
{
	static const struct {
		const char *fault;
		int opts; /* in the additional section */
		const char *tail;
		size_t len;
	} cases[] = {
		{ "edns", 1,
		    "\x00\x00\x29\x04\xd0\0\0\0\0\x00\x06\x00\x03\x40\x00"
		    "ab",
		    17 },
		{ "edns", 1, "\x00\x00\x29\x04\xd0\0\0\0\0\x00\x03\x00\x03\x00",
		    14 },
		{ "edns", 1, "\x01o\x00\x00\x29\x04\xd0\0\0\0\0\x00\x00", 13 },
		{ "opt2", 2,
		    "\x00\x00\x29\x04\xd0\0\0\0\0\x00\x00"
		    "\x00\x00\x29\x04\xd0\0\0\0\0\x00\x00",
		    22 },
		{ "rdlen", 1,
		    "\x00\x00\x29\x04\xd0\0\0\0\0\xff\xff"
		    "AAAA",
		    15 },
		{ "rdlen", 1, "\x00\x00\x29", 3 },
		{ "name", 1, "\xc0\xff", 2 },
		{ "name", 1, "\x80\x61", 2 },
		{ "count", 1, "", 0 },
		{ "trailing", 0, "\x00", 1 },
	};
	struct dns_query query =
	    query_for("id.server", DNS_TYPE_TXT, DNS_CLASS_CH);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct message *m =
		    reply_begin(&query, QR, 1, (uint16_t)cases[i].opts);
		struct dns_reply reply;
		const char *fault = NULL;

		TXT(m, "\x04"
		       "ams1");
		writer_bytes(&m->w, cases[i].tail, cases[i].len);
		assert_int_equal(
		    parse(&reply, m, &query, &fault), PARSE_MALFORMED);
		if (strcmp(fault, cases[i].fault) != 0)
			fail_msg("%zu: %s, not %s", i, fault, cases[i].fault);
		assert_int_equal(reply.answer_kept, 1);
		assert_memory_equal(reply.answer[0].bytes, "ams1", 4);
	}
}

static void
opt_outside_the_additional_section_is_a_fault(void **state)
{
	struct dns_query query =
	    query_for("id.server", DNS_TYPE_TXT, DNS_CLASS_CH);
	struct message *m = reply_begin(&query, QR, 1, 0);
	struct dns_reply reply;
	const char *fault;

	(void)state;
	OPT(m, "\x00\x03\x00\x01x");
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_MALFORMED);
	assert_string_equal(fault, "edns");
	assert_false(reply.nsid.present);
}

static void
every_prefix_of_a_reply_but_itself_is_refused(void **state)
{
	struct dns_query query =
	    query_for("hostname.bind", DNS_TYPE_TXT, DNS_CLASS_CH);
	struct message *m = reply_begin(&query, QR, 1, 1);
	struct dns_reply reply;
	const char *fault;
	size_t len;

	(void)state;
	TXT(m, "\x04"
	       "ams1");
	OPT(m, "\x00\x03\x00\x01x");
	for (len = 0; len < m->w.len; len++) {
		assert_int_not_equal(dns_reply_parse(&reply, m->bytes, len,
					 &query.question, &fault),
		    PARSE_OK);
		assert_non_null(fault);
	}
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
}

static void
the_first_serial_stands_and_a_bad_second_soa_is_a_fault(void **state)
{
	static const char soa[] = "\0\0"
				  "\0\0\0\7\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
	static const char later[] = "\0\0"
				    "\0\0\0\x9\0\0\0\2\0\0\0\3\0\0\0\4"
				    "\0\0\0\5";
	struct dns_query query =
	    query_for("a.example", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct message *m = reply_begin(&query, QR, 3, 0);
	struct dns_reply reply;
	const char *fault;

	(void)state;
	rr(m, DNS_TYPE_SOA, DNS_CLASS_IN, soa, 22);
	rr(m, DNS_TYPE_SOA, DNS_CLASS_IN, later, 22);
	rr(m, DNS_TYPE_SOA, DNS_CLASS_IN, soa, 21);
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_MALFORMED);
	assert_string_equal(fault, "soa");
	assert_int_equal(reply.answer_kept, 2);
	assert_true(reply.serial == 7);
	assert_false(reply.answer[2].present);
}

static void
kept_bytes_end_at_their_limits(void **state)
{
	struct dns_query query =
	    query_for("id.server", DNS_TYPE_TXT, DNS_CLASS_CH);
	struct message *m = reply_begin(&query, QR, LIMIT_ANSWERS + 1, 1);
	char strings[3 * 256], option[4 + 60000];
	struct writer w = writer_over(option, sizeof(option));
	struct dns_reply reply;
	const char *fault;
	int i;

	(void)state;
	memset(strings, 'a', sizeof(strings));
	strings[0] = strings[256] = strings[512] = (char)0xff;
	rr(m, DNS_TYPE_TXT, DNS_CLASS_CH, strings, sizeof(strings));
	for (i = 0; i < LIMIT_ANSWERS; i++)
		TXT(m, "\x01"
		       "b");
	writer_u16(&w, DNS_OPTION_NSID);
	writer_u16(&w, 60000);
	memset(&option[4], 'N', 60000);
	opt(m, 0, option, sizeof(option));
	assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
	assert_int_equal(reply.answer_kept, LIMIT_ANSWERS);
	assert_int_equal(reply.answer[0].len, LIMIT_IDENTITY);
	assert_int_equal(reply.nsid.len, LIMIT_IDENTITY);
	assert_int_equal(reply.nsid_len, 60000);
}

static void
options_and_records_are_looked_at_up_to_their_limits(void **state)
{
	struct dns_query query = query_for(".", DNS_TYPE_SOA, DNS_CLASS_IN);
	int extra;

	(void)state;
	for (extra = -1; extra <= 0; extra++) {
		char options[4 * (LIMIT_DNS_OPTIONS + 1)] = { 0 };
		int before = LIMIT_DNS_OPTIONS + extra, i;
		struct message *m = reply_begin(&query, QR, 0, 1);
		struct dns_reply reply;
		const char *fault;

		for (i = 0; i < before; i++)
			options[4 * i + 1] = 10;
		options[4 * i + 1] = DNS_OPTION_NSID;
		opt(m, 0, options, 4 * (size_t)(before + 1));
		assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
		assert_int_equal(reply.nsid.present, extra == -1);

		before = LIMIT_DNS_RECORDS + extra;
		m = reply_begin(&query, QR, 0, (uint16_t)(before + 1));
		for (i = 0; i < before; i++)
			rr(m, DNS_TYPE_A, DNS_CLASS_IN, "abcd", 4);
		OPT(m, "\x00\x03\x00\x00");
		assert_int_equal(parse(&reply, m, &query, &fault), PARSE_OK);
		assert_int_equal(reply.nsid.present, extra == -1);
	}
}

/* The dearest messages of 64 KB: each owner the longest of names by way of
 * the most pointers, each answer with two such names in its rdata. */
static void
the_dearest_message_takes_milliseconds_at_most(void **state)
{
	struct dns_query query =
	    query_for("a.example", DNS_TYPE_SOA, DNS_CLASS_IN);
	struct message *m = reply_begin(&query, QR, 65535, 0);
	struct timespec from, to;
	struct dns_reply reply;
	const char *fault;
	double ms = 1e9, this;
	size_t target = 0;
	int i;

	(void)state;
	writer_u8(&m->w, 1); /* an owner of 127 labels and 126 pointers */
	writer_u8(&m->w, 'z');
	target = m->w.len;
	writer_u8(&m->w, 0);
	writer_u16(&m->w, DNS_TYPE_TXT);
	writer_u16(&m->w, DNS_CLASS_IN);
	writer_u32(&m->w, 0);
	writer_u16(&m->w, 126 * 4);
	for (i = 0; i < 126; i++) {
		size_t here = m->w.len;

		writer_u16(&m->w, 0x0162);
		writer_u16(&m->w, (uint16_t)(0xc000 | target));
		target = here;
	}
	while (m->w.len < sizeof(m->bytes) - 64) {
		writer_u16(&m->w, (uint16_t)(0xc000 | target));
		writer_u16(&m->w, DNS_TYPE_SOA);
		writer_u16(&m->w, DNS_CLASS_IN);
		writer_u32(&m->w, 0);
		writer_u16(&m->w, 24);
		writer_u16(&m->w, (uint16_t)(0xc000 | target));
		writer_u16(&m->w, (uint16_t)(0xc000 | target));
		writer_zeros(&m->w, 20);
	}
	for (i = 0; i < 5;
	     i++) { /* the best of five: caches are cold at first */
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		(void)parse(&reply, m, &query, &fault);
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		this = (double)(to.tv_sec - from.tv_sec) * 1e3 +
		       (double)(to.tv_nsec - from.tv_nsec) / 1e6;
		ms = this < ms ? this : ms;
	}
	printf("# %.3f ms\n", ms);
	assert_true(reply.serial == 0);
	assert_true(ms < LIMIT_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_is_named),
		cmocka_unit_test(the_answer_survives_what_is_wrong_behind_it),
		cmocka_unit_test(opt_outside_the_additional_section_is_a_fault),
		cmocka_unit_test(every_prefix_of_a_reply_but_itself_is_refused),
		cmocka_unit_test(
		    the_first_serial_stands_and_a_bad_second_soa_is_a_fault),
		cmocka_unit_test(kept_bytes_end_at_their_limits),
		cmocka_unit_test(
		    options_and_records_are_looked_at_up_to_their_limits),
		cmocka_unit_test(
		    the_dearest_message_takes_milliseconds_at_most),
	};

	return cmocka_run_group_tests_name("dns_faults", tests, NULL, NULL);
}
