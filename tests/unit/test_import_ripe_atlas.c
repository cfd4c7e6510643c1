/* A RIPE Atlas result of any form becomes the records that its packets and
 * its errors justify, and the same result has one name and one digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/import_ripe_atlas_result.h"

/* id.server CH TXT "JNB", as of 2015. */
#define ABUF "GzWEAAABAAEAAAAAAmlkBnNlcnZlcgAAEAADwAwAEAADAAAAPAAEA0pOQg=="
/* Header only: NOTIMP, no question. */
#define ABUF_HEADER "NSSAhAAAAAAAAAAA"
/* aaaa ripe.net with OPT, asked. */
#define QBUF "CcsAAAABAAAAAAABBHJpcGUDbmV0AAAcAAEAACkCAAAAgAAAAAAAAAA="
#define IDS \
	"\"type\":\"dns\",\"prb_id\":7,\"msm_id\":8,\"timestamp\":1426896503,"
#define PING                                                               \
	"{\"type\":\"ping\",\"prb_id\":7,\"msm_id\":8,\"proto\":\"ICMP\"," \
	"\"timestamp\":1426896503,\"dst_addr\":\"192.0.2.1\",\"ttl\":55,"
#define TRACE                                                  \
	"{\"type\":\"traceroute\",\"prb_id\":7,\"msm_id\":8,"  \
	"\"timestamp\":1426896503,\"dst_addr\":\"192.0.2.9\"," \
	"\"proto\":\"UDP\",\"paris_id\":3,"

static struct atlas_result result;

static enum atlas_fault
read_text(const char *text)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	enum atlas_fault fault;

	assert_non_null(object);
	fault = atlas_result_read(&result, object);
	json_decref(object);
	return fault;
}

static void
the_abuf_names_question_answer_and_rcode(void **state)
{
	const struct record *r = &result.records[0];
	const struct record_bytes *name;

	(void)state;
	assert_int_equal(
	    read_text(
		"{" IDS "\"af\":4,\"dst_addr\":\"173.245.58.117\","
		"\"src_addr\":\"10.0.0.1\",\"proto\":\"UDP\","
		"\"result\":{\"abuf\":\"" ABUF "\",\"rt\":65.7256,\"answers\":["
		"{\"RDATA\":\"LIE\"}]}}"),
	    ATLAS_OK);
	assert_int_equal(result.probe, 7);
	assert_int_equal(result.measurement, 8);
	assert_int_equal(result.number, 142689650300);
	assert_int_equal(result.count, 1);
	assert_int_equal(wall_to_us(r->t), 1426896503000000);
	assert_string_equal(r->question, "id.server");
	assert_string_equal(r->dns.qname, "id.server.");
	assert_int_equal(r->dns.qtype, 16);
	assert_int_equal(r->dns.qclass, 3);
	assert_int_equal(r->outcome, OUTCOME_ANSWERED);
	assert_int_equal(r->rtt_us, 65726);
	assert_int_equal(r->stamp, STAMP_USER);
	assert_int_equal(r->dns.rcode, 0);
	assert_int_equal(r->dns.aa, 1);
	assert_int_equal(r->dns.size, 43);
	assert_int_equal(r->port, 53);
	assert_int_equal(r->flow.src.af, 4);
	assert_int_equal(r->flow.sport, -1);
	assert_int_equal(record_identity(r, &name), IDENTITY_ID_SERVER);
	assert_int_equal(name->len, 3);
	assert_memory_equal(name->bytes, "JNB", 3);
}

static void
each_error_form_is_a_record_of_its_outcome(void **state)
{
	static const struct {
		const char *error;
		enum outcome outcome;
		const char *reason;
	} cases[] = {
		{ "{\"timeout\":5000}", OUTCOME_TIMEOUT, "" },
		{ "{\"TUCONNECT\":\"connect: Connection refused\"}",
		    OUTCOME_REFUSED, "TUCONNECT: connect: Connection refused" },
		{ "{\"TUCONNECT\":\"Connection timed out\"}", OUTCOME_TIMEOUT,
		    "TUCONNECT: Connection timed out" },
		{ "{\"TUCONNECT\":\"No route to host\"}", OUTCOME_UNREACHABLE,
		    "TUCONNECT: No route to host" },
		{ "{\"TUCONNECT\":\"strange\"}", OUTCOME_UNREACHABLE,
		    "TUCONNECT: strange" },
		{ "{\"nameserver\":\"no local resolvers found\"}",
		    OUTCOME_UNSENT, "nameserver: no local resolvers found" },
		{ "{\"getaddrinfo\":\"Name does not resolve\"}", OUTCOME_UNSENT,
		    "getaddrinfo: Name does not resolve" },
		{ "{\"socket\":\"Address family not supported\"}",
		    OUTCOME_UNSENT, "socket: Address family not supported" },
		{ "{\"senderror\":\"Connection refused\"}", OUTCOME_REFUSED,
		    "senderror: Connection refused" },
		{ "{\"never seen\":\"\\u001b[2J\"}", OUTCOME_UNREACHABLE,
		    "never seen: ?[2J" },
		{ "{}", OUTCOME_UNREACHABLE, "error" },
		{ "\"odd\"", OUTCOME_UNREACHABLE, "error: odd" },
		{ "{\"socket\":1}", OUTCOME_UNSENT, "socket" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(snprintf(text, sizeof(text),
				"{" IDS "\"dst_addr\":\"192.0.2.1\","
				"\"error\":%s}",
				cases[i].error) < (int)sizeof(text));
		assert_int_equal(read_text(text), ATLAS_OK);
		assert_int_equal(result.count, 1);
		assert_string_equal(result.records[0].reason, cases[i].reason);
		assert_int_equal(result.records[0].outcome, cases[i].outcome);
		assert_int_equal(result.records[0].rtt_us, -1);
		assert_string_equal(result.records[0].question, "");
	}
}

static void
what_cannot_be_read_says_why(void **state)
{
	static const struct {
		const char *text;
		enum atlas_fault fault;
	} cases[] = {
		{ "[]", ATLAS_NOT_JSON },
		{ "{\"type\":\"ntp\",\"prb_id\":1}", ATLAS_OTHER_TYPE },
		{ "{\"type\":\"ping\",\"prb_id\":1}", ATLAS_NO_IDS },
		{ PING "\"sent\":3,\"rcvd\":3,\"avg\":\"58.0\"}",
		    ATLAS_ONLY_TOTALS },
		{ TRACE "\"result\":[]}", ATLAS_NO_HOPS },
		{ TRACE "\"result\":[{\"hop\":0,\"result\":[]}]}",
		    ATLAS_NO_HOPS },
		{ TRACE "\"result\":7}", ATLAS_NO_HOPS },
		{ "{}", ATLAS_NO_IDS },
		{ "{\"prb_id\":-1,\"msm_id\":1,\"timestamp\":1426896503}",
		    ATLAS_NO_IDS },
		{ "{\"prb_id\":1,\"msm_id\":1,\"timestamp\":1}", ATLAS_NO_IDS },
		{ "{\"prb_id\":1,\"msm_id\":1,\"timestamp\":9e99}",
		    ATLAS_NO_IDS },
		{ "{\"prb_id\":1,\"msm_id\":1,\"timestamp\":99999999999}",
		    ATLAS_NO_IDS },
		{ "{\"prb_id\":99999999999,\"msm_id\":1,"
		  "\"timestamp\":1426896503}",
		    ATLAS_NO_IDS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_text(cases[i].text), cases[i].fault);
}

static void
an_answer_that_cannot_be_read_leaves_the_others(void **state)
{
	(void)state;
	assert_int_equal(
	    read_text(
		"{" IDS "\"resultset\":["
		"{\"dst_addr\":\"192.0.2.1\",\"time\":1426896504,"
		"\"result\":{\"abuf\":\"" ABUF "\",\"rt\":1}},"
		"{\"dst_addr\":\"192.0.2.2\",\"result\":{\"rt\":1}},"
		"{\"dst_addr\":\"192.0.2.3\",\"result\":{\"abuf\":\"%%\"}},"
		"17,"
		"{\"dst_addr\":\"2001:db8::1\",\"time\":1426999999,"
		"\"error\":{\"timeout\":1}}]}"),
	    ATLAS_OK);
	assert_int_equal(result.count, 2);
	assert_int_equal(result.unread[ATLAS_NO_ANSWER], 2);
	assert_int_equal(result.unread[ATLAS_BAD_ABUF], 1);
	assert_int_equal(wall_to_us(result.records[0].t), 1426896504000000);
	/* A time far from the result's own is not believed. */
	assert_int_equal(wall_to_us(result.records[1].t), 1426896503000000);
	assert_int_equal(result.records[1].addr.af, 6);
}

static void
more_answers_than_there_can_be_are_refused_whole(void **state)
{
	char text[4096] = "{" IDS "\"resultset\":[0";
	size_t at = strlen(text);

	(void)state;
	for (int i = 1; i < LIMIT_ATLAS_ANSWERS; i++, at += 2)
		memcpy(text + at, ",0", 3);
	memcpy(text + at, "]}", 3);
	assert_int_equal(read_text(text), ATLAS_OK);
	assert_int_equal(result.unread[ATLAS_NO_ANSWER], LIMIT_ATLAS_ANSWERS);
	memcpy(text + at, ",0]}", 5);
	assert_int_equal(read_text(text), ATLAS_TOO_MANY);
}

static void
a_reply_that_does_not_parse_is_malformed_and_kept(void **state)
{
	static const struct {
		const char *abuf, *reason;
	} cases[] = {
		{ "GzWE", "dns header" },
		{ "GzWEAAABAAEAAAAAAmlkBnNlcnZlcgAAEAAD", "dns count" },
		{ "GzUEAAABAAAAAAAAAmlkBnNlcnZlcgAAEAAD", "dns header" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(snprintf(text, sizeof(text),
				"{" IDS "\"dst_addr\":\"192.0.2.1\","
				"\"result\":{\"rt\":3,\"abuf\":\"%s\"}}",
				cases[i].abuf) < (int)sizeof(text));
		assert_int_equal(read_text(text), ATLAS_OK);
		assert_int_equal(result.records[0].outcome, OUTCOME_MALFORMED);
		assert_string_equal(result.records[0].reason, cases[i].reason);
		assert_int_equal(result.records[0].rtt_us, -1);
		assert_true(result.records[0].dns.raw_len > 0);
	}
}

static void
a_missing_or_absurd_rtt_is_unknown_and_the_answer_stays(void **state)
{
	static const char *const rtts[] = { "\"x\":1", "\"rt\":null",
		"\"rt\":\"3\"", "\"rt\":-1", "\"rt\":1e308" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rtts) / sizeof(rtts[0]); i++) {
		assert_true(snprintf(text, sizeof(text),
				"{" IDS "\"dst_addr\":\"192.0.2.1\","
				"\"result\":{%s,\"abuf\":\"" ABUF "\"}}",
				rtts[i]) < (int)sizeof(text));
		assert_int_equal(read_text(text), ATLAS_OK);
		assert_int_equal(result.records[0].outcome, OUTCOME_ANSWERED);
		assert_int_equal(result.records[0].rtt_us, -1);
		assert_int_equal(result.records[0].stamp, STAMP_NONE);
	}
}

static void
the_question_comes_from_abuf_or_qbuf_or_is_given(void **state)
{
	struct atlas_question q;

	(void)state;
	assert_int_equal(
	    read_text("{" IDS "\"dst_addr\":\"192.0.2.1\","
		      "\"result\":{\"abuf\":\"" ABUF_HEADER "\",\"rt\":1}}"),
	    ATLAS_OK);
	assert_string_equal(result.records[0].question, "");
	assert_int_equal(result.records[0].outcome, OUTCOME_ANSWERED);
	assert_int_equal(result.records[0].dns.rcode, 4);
	atlas_result_question(&result, &q);
	assert_string_equal(q.name, "");
	assert_int_equal(atlas_question_parse(&q, "Hostname.Bind"), 0);
	atlas_result_set_question(&result, &q);
	assert_string_equal(result.records[0].question, "hostname.bind");
	assert_int_equal(result.records[0].dns.qclass, 3);

	assert_int_equal(
	    read_text("{" IDS "\"dst_addr\":\"192.0.2.1\","
		      "\"qbuf\":\"" QBUF "\",\"error\":{\"timeout\":1}}"),
	    ATLAS_OK);
	assert_string_equal(result.records[0].question, "ripe.net/aaaa");
	assert_string_equal(result.records[0].dns.qname, "ripe.net.");
	atlas_result_question(&result, &q);
	assert_string_equal(q.name, "ripe.net/aaaa");
	assert_int_equal(atlas_question_parse(&q, "soa"), 0);
	assert_string_equal(q.name, "soa");
	assert_int_equal(q.qtype, 6);
	assert_int_equal(atlas_question_parse(&q, "a..b"), -1);
}

static void
the_digest_covers_what_is_read_and_nothing_beside_it(void **state)
{
	static const char *const same =
	    "{" IDS "\"dst_addr\":\"192.0.2.1\",\"lts\":3,\"stored\":1,"
	    "\"result\":{\"rt\":5.0,\"answers\":[1],\"abuf\":\"" ABUF "\"}}";
	static const char *const other =
	    "{" IDS "\"dst_addr\":\"192.0.2.1\","
	    "\"result\":{\"abuf\":\"" ABUF "\",\"rt\":5.1}}";
	uint8_t first[SIGN_SHA256_LEN];

	(void)state;
	assert_int_equal(
	    read_text("{" IDS "\"dst_addr\":\"192.0.2.1\","
		      "\"result\":{\"abuf\":\"" ABUF "\",\"rt\":5}}"),
	    ATLAS_OK);
	memcpy(first, result.sha256, sizeof(first));
	assert_int_equal(read_text(same), ATLAS_OK);
	assert_memory_equal(first, result.sha256, sizeof(first));
	assert_int_equal(read_text(other), ATLAS_OK);
	assert_memory_not_equal(first, result.sha256, sizeof(first));
}

static void
results_of_one_time_are_told_apart_by_subid(void **state)
{
	(void)state;
	assert_int_equal(
	    read_text("{" IDS "\"subid\":2,\"submax\":3,\"fw\":\"4560\","
		      "\"error\":{\"timeout\":1}}"),
	    ATLAS_OK);
	assert_int_equal(result.number, 142689650302);
	assert_int_equal(result.records[0].addr.af, 0);
}

static void
each_packet_of_a_ping_is_a_record(void **state)
{
	const struct record *r = result.records;

	(void)state;
	assert_int_equal(
	    read_text(PING "\"avg\":1,\"result\":[{\"x\":\"*\"},"
			   "{\"dup\":1,\"rtt\":36.4},"
			   "{\"rtt\":27.768,\"ttl\":54,\"srcaddr\":"
			   "\"10.0.0.7\"},{\"rtt\":28,\"dup\":1},"
			   "{\"rtt\":27.5},{\"error\":\"sendto failed: "
			   "Network is unreachable\"},{}]}"),
	    ATLAS_OK);
	assert_int_equal(result.count, 4);
	assert_int_equal(result.unread[ATLAS_NO_REPLY], 1);
	assert_int_equal(r[0].outcome, OUTCOME_TIMEOUT);
	assert_int_equal(r[0].late, 1);
	assert_int_equal(r[0].reply_ttl, -1);
	assert_int_equal(r[1].outcome, OUTCOME_ANSWERED);
	assert_int_equal(r[1].rtt_us, 27768);
	assert_int_equal(r[1].reply_ttl, 54);
	assert_int_equal(r[1].dup, 1);
	assert_int_equal(r[1].flow.src.af, 4);
	assert_int_equal(r[2].reply_ttl, 55);
	assert_int_equal(r[2].proto, PROTO_ICMP);
	assert_string_equal(r[2].question, "echo");
	assert_int_equal(r[3].outcome, OUTCOME_UNSENT);
	assert_string_equal(
	    r[3].reason, "sendto failed: Network is unreachable");
}

static void
a_traceroute_is_one_record_with_the_quickest_packet_of_each_hop(void **state)
{
	const struct record *r = &result.records[0];

	(void)state;
	assert_int_equal(
	    read_text(TRACE
		"\"result\":[{\"hop\":1,\"result\":[{\"from\":\"10.0.0.1\","
		"\"rtt\":2.5},{\"from\":\"10.0.0.1\",\"rtt\":2.25,"
		"\"ittl\":0},{\"late\":2,\"from\":\"10.0.0.1\"}]},"
		"{\"hop\":2,\"result\":[{\"x\":\"*\"},{\"x\":\"*\"}]},"
		"{\"hop\":3,\"result\":[{\"from\":\"10.0.3.1\",\"rtt\":9,"
		"\"icmpext\":{\"obj\":[{\"mpls\":[{\"label\":300,\"exp\":1,"
		"\"s\":1,\"ttl\":2},{\"label\":-1}]}]}},"
		"{\"from\":\"10.0.3.2\",\"rtt\":8}]},"
		"{\"hop\":4,\"result\":[{\"from\":\"192.0.2.9\","
		"\"rtt\":9.5}]}]}"),
	    ATLAS_OK);
	assert_int_equal(result.count, 1);
	assert_int_equal(r->type, RECORD_TRACE);
	assert_int_equal(r->outcome, OUTCOME_ANSWERED);
	assert_int_equal(r->rtt_us, 9500);
	assert_int_equal(r->flow.n, 3);
	assert_int_equal(r->late, 1);
	assert_int_equal(r->hop_count, 5);
	assert_int_equal(r->hop[0].rtt_us, 2250);
	assert_int_equal(r->hop[0].icmp_type, 11);
	assert_int_equal(r->hop[0].quoted_ttl, 0);
	assert_int_equal(r->hop[1].ttl, 2);
	assert_int_equal(r->hop[1].addr.af, 0);
	assert_int_equal(r->hop[2].mpls_count, 1);
	assert_int_equal(r->hop[2].mpls[0], 300 << 12 | 1 << 9 | 1 << 8 | 2);
	assert_int_equal(r->hop[2].quoted_ttl, 1);
	assert_int_equal(r->hop[3].ttl, 3);
	assert_int_equal(r->hop[4].icmp_type, -1);
}

static void
the_end_of_a_traceroute_is_its_outcome(void **state)
{
	static const struct {
		const char *hops;
		enum outcome outcome;
		const char *reason;
	} cases[] = {
		{ "{\"hop\":1,\"result\":[{\"x\":\"*\"}]},"
		  "{\"hop\":255,\"result\":[{\"x\":\"*\"}]}",
		    OUTCOME_TIMEOUT, "" },
		{ "{\"hop\":1,\"result\":[{\"from\":\"10.0.0.1\","
		  "\"rtt\":1,\"err\":\"A\"}]}",
		    OUTCOME_UNREACHABLE, "icmp 3/13" },
		{ "{\"hop\":1,\"result\":[{\"from\":\"192.0.2.9\","
		  "\"rtt\":1,\"err\":\"p\"}]}",
		    OUTCOME_REFUSED, "icmp 3/3" },
		{ "{\"hop\":1,\"result\":[{\"from\":\"10.0.0.1\","
		  "\"rtt\":1,\"err\":10}]}",
		    OUTCOME_UNREACHABLE, "icmp 3/10" },
		{ "{\"hop\":1,\"result\":[{\"from\":\"10.0.0.1\","
		  "\"rtt\":1,\"err\":\"?\"}]}",
		    OUTCOME_TIMEOUT, "" },
		{ "{\"error\":\"name resolution failed\\u0007\"}",
		    OUTCOME_UNSENT, "name resolution failed?" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(
		    snprintf(text, sizeof(text), TRACE "\"result\":[%s]}",
			cases[i].hops) < (int)sizeof(text));
		assert_int_equal(read_text(text), ATLAS_OK);
		assert_int_equal(result.count, 1);
		assert_int_equal(result.records[0].outcome, cases[i].outcome);
		assert_string_equal(result.records[0].reason, cases[i].reason);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_abuf_names_question_answer_and_rcode),
		cmocka_unit_test(each_error_form_is_a_record_of_its_outcome),
		cmocka_unit_test(what_cannot_be_read_says_why),
		cmocka_unit_test(
		    an_answer_that_cannot_be_read_leaves_the_others),
		cmocka_unit_test(
		    more_answers_than_there_can_be_are_refused_whole),
		cmocka_unit_test(
		    a_reply_that_does_not_parse_is_malformed_and_kept),
		cmocka_unit_test(
		    a_missing_or_absurd_rtt_is_unknown_and_the_answer_stays),
		cmocka_unit_test(
		    the_question_comes_from_abuf_or_qbuf_or_is_given),
		cmocka_unit_test(
		    the_digest_covers_what_is_read_and_nothing_beside_it),
		cmocka_unit_test(results_of_one_time_are_told_apart_by_subid),
		cmocka_unit_test(each_packet_of_a_ping_is_a_record),
		cmocka_unit_test(
		    a_traceroute_is_one_record_with_the_quickest_packet_of_each_hop),
		cmocka_unit_test(the_end_of_a_traceroute_is_its_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
