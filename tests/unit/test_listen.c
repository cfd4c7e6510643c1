/* Connections are counted by address and end at their deadlines; receipts and
 * refusals are JSON whatever is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/listen_answer.h"
#include "collector/listen_peers.h"
#include "lib/limits.h"
#include "lib/text.h"

/* ingest.c's, without the database behind it. */
int
ingest_verdict_status(enum ingest_verdict verdict)
{
	static const int statuses[INGEST_VERDICTS] = {
		[INGEST_STORED] = 201,
		[INGEST_DUPLICATE] = 200,
		[INGEST_CONFLICT] = 409,
		[INGEST_UNKNOWN_VP] = 403,
		[INGEST_BAD_SIGNATURE] = 401,
		[INGEST_MALFORMED] = 400,
		[INGEST_TOO_BIG] = 413,
		[INGEST_BAD_CODEC] = 415,
		[INGEST_BAD_RECORD] = 422,
		[INGEST_REVOKED] = 422,
		[INGEST_OVER_QUOTA] = 429,
		[INGEST_BUSY] = 503,
		[INGEST_FULL] = 507,
		[INGEST_BROKEN] = 500,
	};

	return statuses[verdict];
}

const char *
ingest_verdict_name(enum ingest_verdict verdict)
{
	return verdict == INGEST_BUSY ? "busy" : "other";
}

static struct sockaddr_storage
from(const char *text)
{
	struct sockaddr_storage sa;
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	(void)addr_to_sockaddr(&sa, &addr, 1234);
	return sa;
}

static struct peer *
join(struct peers *peers, const char *text)
{
	struct sockaddr_storage sa = from(text);
	const struct sockaddr *a = (const struct sockaddr *)&sa;

	if (!peers_may_join(peers, a))
		return NULL;
	return peers_join(peers, -1, a, mono_now());
}

static void
an_address_has_its_share_of_the_connections(void **state)
{
	struct peers peers;
	struct peer *first;

	(void)state;
	assert_int_equal(peers_init(&peers, 6, 2), 0);
	first = join(&peers, "192.0.2.1");
	assert_non_null(first);
	assert_non_null(join(&peers, "192.0.2.1"));
	assert_null(join(&peers, "192.0.2.1"));
	/* As a socket of both families sees the same one. */
	assert_null(join(&peers, "::ffff:192.0.2.1"));
	assert_non_null(join(&peers, "192.0.2.2"));
	/* One IPv6 subscriber has a /64. */
	assert_non_null(join(&peers, "2001:db8::1"));
	assert_non_null(join(&peers, "2001:db8::ffff:2"));
	assert_null(join(&peers, "2001:db8::3"));
	assert_non_null(join(&peers, "2001:db8:0:1::1"));
	assert_int_equal(peers.count, 6);
	/* None is free now, for nobody. */
	assert_null(join(&peers, "198.51.100.1"));
	peers_leave(&peers, first);
	assert_int_equal(peers.count, 5);
	assert_non_null(join(&peers, "192.0.2.1"));
	peers_clear(&peers);
}

static void
a_peer_is_shut_down_at_its_deadline_and_once(void **state)
{
	struct sockaddr_storage sa = from("192.0.2.1");
	struct mono now = mono_now();
	struct peers peers;
	int early[2], late[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, early), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, late), 0);
	assert_int_equal(peers_init(&peers, 4, 4), 0);
	assert_non_null(peers_join(&peers, early[0],
	    (const struct sockaddr *)&sa, mono_add(now, span_s(1))));
	assert_non_null(peers_join(&peers, late[0],
	    (const struct sockaddr *)&sa, mono_add(now, span_s(2))));
	assert_int_equal(peers_expire(&peers, now), 0);
	assert_int_equal(peers_expire(&peers, mono_add(now, span_s(1))), 1);
	assert_int_equal(read(early[1], &byte, 1), 0);
	assert_int_equal(recv(late[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(peers_expire(&peers, mono_add(now, span_s(1))), 0);
	assert_int_equal(peers_expire(&peers, mono_add(now, span_s(3))), 1);
	for (int i = 0; i < 2; i++) {
		(void)close(early[i]);
		(void)close(late[i]);
	}
	peers_clear(&peers);
}

static void
a_receipt_names_what_is_stored(void **state)
{
	struct ingest_result result = { .verdict = INGEST_STORED };
	struct answer answer;

	(void)state;
	(void)text_copy(result.line.vp, sizeof(result.line.vp), "lon1");
	(void)text_copy(result.line.spool, sizeof(result.line.spool), "5a5a");
	(void)text_copy(result.line.sha256, sizeof(result.line.sha256), "ab");
	result.line.number = 7;
	answer_verdict(&answer, &result);
	assert_int_equal(answer.status, 201);
	assert_string_equal(answer.body,
	    "{\"sha256\":\"ab\",\"vp\":\"lon1\",\"spool\":\"5a5a\","
	    "\"number\":7,\"stored\":true}\n");
	assert_int_equal(answer.retry_after_s, 0);
	result.verdict = INGEST_DUPLICATE;
	answer_verdict(&answer, &result);
	assert_int_equal(answer.status, 200);
}

static void
a_reason_stays_inside_its_string(void **state)
{
	struct answer answer;

	(void)state;
	answer_refuse(&answer, 400, "a \"quote\", a \\, \x1b[2J and\r\nmore");
	assert_string_equal(answer.body,
	    "{\"error\":\"a \\\"quote\\\", a \\\\, [2J andmore\"}\n");
}

static void
a_reason_of_any_length_fits(void **state)
{
	struct answer answer;
	char reason[5000];

	(void)state;
	memset(reason, '"', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	answer_refuse(&answer, 400, reason);
	assert_true(strlen(answer.body) < sizeof(answer.body));
	assert_string_equal(
	    answer.body + strlen(answer.body) - strlen("\\\"\"}\n"),
	    "\\\"\"}\n");
}

static void
those_sent_away_are_spread_over_the_time_to_come_back(void **state)
{
	struct ingest_result result = { .verdict = INGEST_BUSY };
	struct answer answer;
	unsigned lowest = LIMIT_RETRY_AFTER_S, highest = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		answer_refuse(&answer, i % 2 == 0 ? 503 : 507, "full");
		assert_in_range(answer.retry_after_s, 1, LIMIT_RETRY_AFTER_S);
		if (answer.retry_after_s < lowest)
			lowest = answer.retry_after_s;
		if (answer.retry_after_s > highest)
			highest = answer.retry_after_s;
	}
	assert_true(lowest < LIMIT_RETRY_AFTER_S / 10);
	assert_true(highest > LIMIT_RETRY_AFTER_S / 10 * 9);
	/* The lock that another process holds is free soon. */
	answer_verdict(&answer, &result);
	assert_int_equal(answer.status, 503);
	assert_in_range(answer.retry_after_s, 1, 60);
	answer_refuse(&answer, 400, "no");
	assert_int_equal(answer.retry_after_s, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_its_share_of_the_connections),
		cmocka_unit_test(a_peer_is_shut_down_at_its_deadline_and_once),
		cmocka_unit_test(a_receipt_names_what_is_stored),
		cmocka_unit_test(a_reason_stays_inside_its_string),
		cmocka_unit_test(a_reason_of_any_length_fits),
		cmocka_unit_test(
		    those_sent_away_are_spread_over_the_time_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
