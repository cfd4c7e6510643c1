/* Proves that a record survives JSON unchanged and that nothing else is
 * taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include "lib/dns.h"
#include "lib/record.h"
#include "lib/text.h"
#include "tests/unit/some_record.h"

#define ROUNDS 5000

static void
every_record_comes_back_as_it_was(void **state)
{
	static struct record r, again;
	static char line[LIMIT_RECORD_LINE];
	char error[128];
	size_t longest = 0;

	(void)state;
	srandom(20261123);
	for (int i = 0; i < ROUNDS; i++) {
		json_t *oracle;
		size_t len;

		some_record(&r);
		len = record_to_json(&r, line, sizeof(line));
		assert_int_not_equal(len, 0);
		assert_int_equal(strlen(line), len);
		for (size_t k = 0; k < len; k++)
			assert_true(line[k] >= 0x20 && line[k] <= 0x7e);
		oracle = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(oracle);
		json_decref(oracle);
		if (record_from_json(&again, line, len, error, sizeof(error)) ==
		    -1)
			fail_msg("%s: %s", error, line);
		assert_memory_equal(&again, &r, sizeof(r));
		longest = len > longest ? len : longest;
	}
	print_message("%d records, the longest %zu bytes\n", ROUNDS, longest);
}

static void
the_largest_record_fits_its_line(void **state)
{
	static struct record r;
	static char line[LIMIT_RECORD_LINE];
	size_t len;

	(void)state;
	record_init(&r);
	memset(r.target, '"', LIMIT_TARGET_NAME);
	memset(r.question, '\\', LIMIT_QUESTION - 1);
	memset(r.reason, '"', LIMIT_REASON - 1);
	memset(r.dns.qname, '\\', LIMIT_QUESTION - 1);
	r.dns.nsid.present = true;
	r.dns.nsid.len = LIMIT_IDENTITY;
	r.dns.answer_count = LIMIT_ANSWERS;
	for (size_t i = 0; i < LIMIT_ANSWERS; i++)
		r.dns.answer[i].len = LIMIT_IDENTITY;
	r.dns.raw_len = LIMIT_RAW_REPLY;
	r.dns.cookie_len = LIMIT_DNS_COOKIE;
	r.dns.ede_count = LIMIT_EDE;
	for (size_t i = 0; i < LIMIT_EDE; i++)
		r.dns.ede[i].len = LIMIT_EDE_TEXT;
	len = record_to_json(&r, line, sizeof(line));
	assert_int_not_equal(len, 0);
	/* One byte less than it needs, NUL included, is refused. */
	assert_int_equal(record_to_json(&r, line, len), 0);
	assert_int_equal(record_to_json(&r, line, len + 1), len);
	r.type = RECORD_TRACE;
	r.hop_count = LIMIT_HOPS;
	for (size_t i = 0; i < LIMIT_HOPS; i++) {
		memset(&r.hop[i], 0xff, sizeof(r.hop[i]));
		r.hop[i].addr.af = 6;
		r.hop[i].rtt_us = LIMIT_RTT_US;
		r.hop[i].icmp_type = r.hop[i].icmp_code = 255;
		r.hop[i].mpls_count = LIMIT_MPLS;
	}
	assert_int_not_equal(record_to_json(&r, line, sizeof(line)), 0);
}

/* A whole line, for the documentation and to be spoilt below. */
static const char good_dns[] =
    "{\"t\":\"2026-11-23T05:31:02.123456Z\",\"type\":\"dns\","
    "\"target\":\"k-root\",\"addr\":\"193.0.14.129\",\"port\":53,\"af\":4,"
    "\"proto\":\"udp\",\"question\":\"soa\",\"flow\":{\"n\":0,"
    "\"src\":\"192.0.2.7\",\"sport\":40001,\"dport\":53,\"label\":null},"
    "\"outcome\":\"answered\",\"reason\":null,\"rtt_us\":8123,"
    "\"stamp\":\"kernel\",\"reply_ttl\":58,\"auth_bits\":48,\"late\":0,"
    "\"dup\":0,\"unwanted\":0,\"conflict\":0,\"retry_of\":null,"
    "\"qname\":\".\",\"qtype\":\"SOA\",\"qclass\":\"IN\",\"rcode\":0,"
    "\"nsid\":\"ns1.gb-lon\\\\000\",\"nsid_hex\":"
    "\"6e73312e67622d6c6f6e00\",\"answer\":[\"a \\\"b\\\" \\\\092\"],"
    "\"serial\":2026112300,\"tc\":false,\"aa\":true,\"size\":97,"
    "\"edns\":true,\"raw\":null}";

static void
keys_stand_in_their_order(void **state)
{
	static struct record r;
	char line[2048], error[128];

	(void)state;
	if (record_from_json(
		&r, good_dns, strlen(good_dns), error, sizeof(error)) == -1)
		fail_msg("%s", error);
	assert_int_equal(r.rtt_us, 8123);
	assert_int_equal(r.dns.nsid.len, 11);
	assert_int_equal(r.dns.answer[0].len, 7);
	assert_int_equal(
	    record_to_json(&r, line, sizeof(line)), strlen(good_dns));
	assert_string_equal(line, good_dns);
}

/* The good line with the first "from" replaced. */
static void
spoil(char *line, size_t size, const char *from, const char *to)
{
	const char *at = strstr(good_dns, from);
	int len;

	if (at == NULL)
		fail_msg("the good line has no %s", from);
	len = snprintf(line, size, "%.*s%s%s", (int)(at - good_dns), good_dns,
	    to, at + strlen(from));
	assert_true(len > 0 && (size_t)len < size);
}

static void
unknown_keys_are_ignored(void **state)
{
	static struct record r;
	char line[2048], error[128];

	(void)state;
	spoil(line, sizeof(line), "\"raw\":null",
	    "\"raw\":null,\"new\":{\"a\":[1,2]},\"colour\":\"blue\"");
	assert_int_equal(
	    record_from_json(&r, line, strlen(line), error, sizeof(error)), 0);
}

static void
a_spoilt_line_is_refused_by_the_keys_name(void **state)
{
	static const struct {
		const char *from, *to, *error;
	} cases[] = {
		{ "\"t\":", "\"T\":", "t: is missing" },
		{ "02.123456Z", "02Z", "t: is not UTC" },
		{ "2026-11-23", "2026-11-31", "t: " },
		{ "2026-11-23", "1999-11-23", "t: is out of range" },
		{ "\"dns\"", "\"http\"", "type: " },
		{ "k-root", "k\\u0007root", "target: " },
		{ "k-root", "", "target: " },
		{ "\"193.0.14.129\"", "\"193.0.14.300\"", "addr: " },
		{ "\"193.0.14.129\"", "null", "af: " },
		{ "\"af\":4", "\"af\":6", "af: " },
		{ "\"port\":53", "\"port\":65536", "port: is out of range" },
		{ "\"port\":53", "\"port\":\"53\"", "port: is no integer" },
		{ "\"port\":53", "\"port\":53.0", "port: is no integer" },
		{ "\"n\":0", "\"n\":64", "n: is out of range" },
		{ "\"flow\":{", "\"flow\":[{", "JSON" },
		{ "\"sport\":40001,", "", "sport: is missing" },
		{ "answered", "timeout", "rtt_us: stands without an answer" },
		{ "answered", "Answered", "outcome: " },
		{ "\"rtt_us\":8123", "\"rtt_us\":-1", "rtt_us: " },
		{ "\"rtt_us\":8123", "\"rtt_us\":1e308", "rtt_us: " },
		{ "\"rtt_us\":8123", "\"rtt_us\":3600000001", "rtt_us: " },
		{ "\"rtt_us\":8123", "\"rtt_us\":NaN", "JSON" },
		{ "\"rtt_us\":8123", "\"rtt_us\":1,\"rtt_us\":2", "JSON" },
		{ "\"reply_ttl\":58", "\"reply_ttl\":300", "reply_ttl: " },
		{ "\"SOA\"", "\"TYPE6\"", "qtype: " },
		{ "\"SOA\"", "\"TYPE006\"", "qtype: " },
		{ "\"SOA\"", "\"TYPE65536\"", "qtype: " },
		{ "\"IN\"", "\"CLASS1\"", "qclass: " },
		{ "6e73312e", "6e73312f", "nsid: is not what nsid_hex says" },
		{ "\"nsid\":\"ns1.gb-lon\\\\000\"", "\"nsid\":null",
		    "nsid: is not what nsid_hex says" },
		{ "6e73312e", "6e73312", "nsid_hex: " },
		{ "\\\\092", "\\\\300", "answer: " },
		{ "[\"a ", "[1,\"a ", "answer: " },
		{ "\"tc\":false", "\"tc\":0", "tc: is no boolean" },
		{ "\"rcode\":0", "\"rcode\":4096", "rcode: " },
		{ "\"raw\":null}", "\"raw\":null} x", "JSON" },
		{ "\"raw\":null", "\"raw\":null,\"ra\":1", "ra: " },
		{ "\"raw\":null", "\"raw\":null,\"cookie\":\"0g\"",
		    "cookie: " },
		{ "\"raw\":null",
		    "\"raw\":null,\"ede\":[{\"code\":65536,\"text\":\"\"}]",
		    "code: is out of range" },
		{ "\"raw\":null", "\"raw\":null,\"ede\":[{\"code\":1}]",
		    "text: is missing" },
		{ "\"raw\":null", "\"raw\":null,\"connect_us\":-2",
		    "connect_us: " },
		{ "\"raw\":null}", "\"raw\":null", "JSON" },
		{ "k-root", "k\xc3\xa9", "not printable ASCII" },
		{ "k-root", "k\\u00e9", "target: " },
		{ "k-root", "k\\u0000", "JSON" },
	};
	static struct record r;
	char line[2048], error[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		spoil(line, sizeof(line), cases[i].from, cases[i].to);
		error[0] = '\0';
		if (record_from_json(
			&r, line, strlen(line), error, sizeof(error)) != -1)
			fail_msg("taken: %s", line);
		if (strncmp(error, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("%zu: \"%s\" instead of \"%s\"", i, error,
			    cases[i].error);
	}
}

static void
no_prefix_of_a_line_is_a_record(void **state)
{
	static struct record r;
	char error[128];

	(void)state;
	for (size_t len = 0; len < strlen(good_dns); len++)
		assert_int_equal(
		    record_from_json(&r, good_dns, len, error, sizeof(error)),
		    -1);
}

static void
put_bytes(struct record_bytes *b, const char *text)
{
	b->present = true;
	b->len = (uint16_t)strlen(text);
	memcpy(b->bytes, text, b->len);
}

static void
the_identity_follows_the_order_of_the_design(void **state)
{
	static const struct {
		const char *question;
		uint16_t qtype;
		enum outcome outcome;
		const char *answer, *nsid; /* NULL: none */
		enum identity_method method;
		const char *identity;
	} cases[] = {
		{ "soa", DNS_TYPE_SOA, OUTCOME_ANSWERED, "a. b. 1", "n1",
		    IDENTITY_NSID, "n1" },
		{ "soa", DNS_TYPE_SOA, OUTCOME_ANSWERED, "a. b. 1", NULL,
		    IDENTITY_NONE, NULL },
		{ "soa", DNS_TYPE_SOA, OUTCOME_ANSWERED, NULL, "",
		    IDENTITY_NONE, NULL },
		{ "soa", DNS_TYPE_SOA, OUTCOME_TIMEOUT, NULL, "n1",
		    IDENTITY_NONE, NULL },
		{ "hostname.bind", DNS_TYPE_TXT, OUTCOME_ANSWERED, "h", "n1",
		    IDENTITY_HOSTNAME_BIND, "h" },
		{ "HOSTNAME.BIND", DNS_TYPE_TXT, OUTCOME_ANSWERED, "h", "n1",
		    IDENTITY_HOSTNAME_BIND, "h" },
		{ "hostname.bind", DNS_TYPE_TXT, OUTCOME_ANSWERED, "", "n1",
		    IDENTITY_NSID, "n1" },
		{ "id.server", DNS_TYPE_TXT, OUTCOME_ANSWERED, "i", NULL,
		    IDENTITY_ID_SERVER, "i" },
		{ "version.bind", DNS_TYPE_TXT, OUTCOME_ANSWERED, "9.18", NULL,
		    IDENTITY_NONE, NULL },
		{ "whoami.example", DNS_TYPE_TXT, OUTCOME_ANSWERED, "w", "n1",
		    IDENTITY_NAME, "w" },
		{ "id.server", DNS_TYPE_TXT, OUTCOME_MALFORMED, "i", "n1",
		    IDENTITY_NONE, NULL },
	};
	static struct record r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct record_bytes *identity;

		record_init(&r);
		(void)text_copy(
		    r.question, sizeof(r.question), cases[i].question);
		r.dns.qtype = cases[i].qtype;
		r.outcome = cases[i].outcome;
		if (cases[i].answer != NULL)
			put_bytes(&r.dns.answer[r.dns.answer_count++],
			    cases[i].answer);
		if (cases[i].nsid != NULL)
			put_bytes(&r.dns.nsid, cases[i].nsid);
		assert_int_equal(
		    record_identity(&r, &identity), cases[i].method);
		if (cases[i].identity == NULL) {
			assert_null(identity);
			continue;
		}
		assert_int_equal(identity->len, strlen(cases[i].identity));
		assert_memory_equal(
		    identity->bytes, cases[i].identity, identity->len);
	}
	assert_string_equal(
	    identity_method_name(IDENTITY_NAME, "whoami.example"),
	    "whoami.example");
	assert_string_equal(identity_method_name(IDENTITY_NSID, "soa"), "nsid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_comes_back_as_it_was),
		cmocka_unit_test(the_largest_record_fits_its_line),
		cmocka_unit_test(keys_stand_in_their_order),
		cmocka_unit_test(unknown_keys_are_ignored),
		cmocka_unit_test(a_spoilt_line_is_refused_by_the_keys_name),
		cmocka_unit_test(no_prefix_of_a_line_is_a_record),
		cmocka_unit_test(the_identity_follows_the_order_of_the_design),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
