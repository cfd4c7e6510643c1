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

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROUNDS 5000

static uint32_t
below(uint32_t bound)
{
	return (uint32_t)random() % bound;
}

/* One of -1 and 0..max. */
static int32_t
maybe(uint32_t max)
{
	return below(4) == 0 ? -1 : (int32_t)below(max + 1);
}

static struct addr
some_addr(bool may_be_none)
{
	struct addr a = { 0 };
	uint8_t bytes[16];

	if (may_be_none && below(5) == 0)
		return a;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(below(3) ? below(256) : 0);
	return addr_from_bytes(below(2) ? 4 : 6, bytes);
}

static void
some_text(char *text, size_t size)
{
	size_t len = 1 + below((uint32_t)size - 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(0x20 + below(0x5f));
	text[len] = '\0';
}

static void
some_bytes(struct record_bytes *b)
{
	b->present = true;
	b->len = (uint16_t)(below(9) == 0 ? LIMIT_IDENTITY : below(40));
	for (size_t i = 0; i < b->len; i++)
		b->bytes[i] = (uint8_t)below(256);
}

static void
some_flow(struct record *r)
{
	r->flow.n = (int)below(LIMIT_FLOWS);
	r->flow.src = some_addr(true);
	r->flow.label = maybe(0xfffff);
	r->flow.moved = below(2);
	if (r->proto == PROTO_ICMP) {
		r->flow.icmp_id = maybe(65535);
		r->flow.cksum = maybe(65535);
	} else {
		r->flow.sport = maybe(65535);
		r->flow.dport = maybe(65535);
	}
}

static void
some_dns(struct record_dns *d)
{
	static const uint16_t types[] = { 1, 2, 6, 16, 28, 0, 65280, 65535 };

	some_text(d->qname, sizeof(d->qname));
	d->qtype = types[below(COUNT(types))];
	d->qclass = (uint16_t)(below(2) ? below(5) : below(65536));
	d->rcode = maybe(4095);
	if (below(3) > 0) {
		some_bytes(&d->nsid);
		d->nsid_len = d->nsid.len;
		if (below(3) == 0)
			d->nsid_len += 1 + below(1000);
	}
	d->answer_count = (uint8_t)below(LIMIT_ANSWERS + 1);
	for (size_t i = 0; i < d->answer_count; i++)
		some_bytes(&d->answer[i]);
	d->serial = below(2) ? (int64_t)UINT32_MAX - below(9) : -1;
	d->tc = (int8_t)maybe(1);
	d->aa = (int8_t)maybe(1);
	d->edns = (int8_t)maybe(1);
	d->size = maybe(LIMIT_DNS_MESSAGE);
	d->raw_len = (uint16_t)(below(3) ? 0 : below(LIMIT_RAW_REPLY + 1));
	for (size_t i = 0; i < d->raw_len; i++)
		d->raw[i] = (uint8_t)below(256);
}

/* Keys that are there only where they say something. */
static void
some_dns_more(struct record_dns *d)
{
	d->ra = (int8_t)maybe(1);
	d->ad = (int8_t)maybe(1);
	d->cookie_len = (int8_t)maybe(LIMIT_DNS_COOKIE);
	for (int i = 0; i < d->cookie_len; i++)
		d->cookie[i] = (uint8_t)below(256);
	d->ede_count = (uint8_t)below(LIMIT_EDE + 1);
	for (size_t i = 0; i < d->ede_count; i++) {
		d->ede[i].code = (uint16_t)below(65536);
		d->ede[i].len = (uint8_t)below(LIMIT_EDE_TEXT + 1);
		for (size_t k = 0; k < d->ede[i].len; k++)
			d->ede[i].text[k] = (uint8_t)below(256);
	}
	d->connect_us = maybe(INT32_MAX);
}

static void
some_hop(struct record_hop *h)
{
	h->ttl = (uint8_t)(1 + below(255));
	h->addr = some_addr(true);
	h->rtt_us = maybe(INT32_MAX);
	h->icmp_type = (int16_t)maybe(255);
	if (h->icmp_type != -1)
		h->icmp_code = (int16_t)below(256);
	h->quoted_ttl = (int16_t)maybe(255);
	h->mpls_count = (uint8_t)below(LIMIT_MPLS + 1);
	for (size_t i = 0; i < h->mpls_count; i++)
		h->mpls[i] = below(65536) << 16 | below(65536);
	h->auth_bits = (uint8_t)below(256);
}

static void
some_record(struct record *r)
{
	record_init(r);
	r->t =
	    wall_from_us(LIMIT_TIME_MIN_US +
			 (int64_t)below(INT32_MAX) * 1000000 + below(1000000));
	r->type = (enum record_type)below(3);
	some_text(r->target, sizeof(r->target));
	r->addr = some_addr(true);
	r->port = maybe(65535);
	r->proto = (enum proto)below(3);
	some_text(r->question, sizeof(r->question));
	some_flow(r);
	r->outcome = (enum outcome)below(OUTCOME_COUNT);
	if (below(2))
		some_text(r->reason, sizeof(r->reason));
	if (r->outcome == OUTCOME_ANSWERED)
		r->rtt_us = maybe(INT32_MAX);
	r->stamp = (enum stamp_source)below(3);
	r->reply_ttl = (int16_t)maybe(255);
	r->auth_bits = (int16_t)maybe(INT16_MAX);
	r->late = below(LIMIT_UNWANTED + 1);
	r->dup = below(LIMIT_UNWANTED + 1);
	r->unwanted = below(LIMIT_UNWANTED + 1);
	r->conflict = below(LIMIT_UNWANTED + 1);
	r->retry_of = maybe(LIMIT_BATCH_RECORDS - 1);
	if (r->type == RECORD_DNS) {
		some_dns(&r->dns);
		some_dns_more(&r->dns);
	}
	if (r->type == RECORD_TRACE) {
		r->hop_count = (uint8_t)below(LIMIT_HOPS + 1);
		for (size_t i = 0; i < r->hop_count; i++)
			some_hop(&r->hop[i]);
	}
}

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
