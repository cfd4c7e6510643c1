/* Proves what the traces of a round tell one another of the first routers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "probe/near.h"

static char a[1], b[1], c[1]; /* traces */

/* A path by routers of these numbers, by TTL; 0: silent. */
static void
make(struct record_hop hop[NEAR_TTL + 2], const char *numbers)
{
	int ttl;

	memset(hop, 0, (NEAR_TTL + 2) * sizeof(*hop));
	for (ttl = 1; numbers[ttl - 1] != '\0'; ttl++) {
		hop[ttl].ttl = (uint8_t)ttl;
		hop[ttl].rtt_us = 1000 * ttl;
		if (numbers[ttl - 1] == '0')
			continue;
		hop[ttl].addr.af = 4;
		hop[ttl].addr.bytes[0] = 9;
		hop[ttl].addr.bytes[3] = (uint8_t)numbers[ttl - 1];
	}
}

static enum near_word
asks(struct near *near, char *who, const char *numbers)
{
	struct record_hop hop[NEAR_TTL + 2];
	const struct record_hop *seen;

	make(hop, numbers);
	return near_ask(near, who, PROTO_UDP, &hop[strlen(numbers)], &seen);
}

static void
learns(struct near *near, const char *numbers)
{
	struct record_hop hop[NEAR_TTL + 2];

	make(hop, numbers);
	near_learn(near, PROTO_UDP, hop, (int)strlen(numbers));
}

static void
who_comes_first_asks_and_the_others_wait_for_it(void **state)
{
	struct near *near = near_new();

	(void)state;
	assert_int_equal(asks(near, a, "1234"), NEAR_YOURS);
	assert_int_equal(asks(near, b, "1234"), NEAR_ANOTHERS);
	assert_int_equal(asks(near, c, "1234"), NEAR_ANOTHERS);
	assert_null(near_woken(near));
	assert_int_equal(asks(near, a, "123"), NEAR_YOURS);
	learns(near, "123");
	learns(near, "1234");
	assert_non_null(near_woken(near));
	assert_non_null(near_woken(near));
	assert_null(near_woken(near));
	assert_int_equal(asks(near, b, "1234"), NEAR_SEEN);
	assert_int_equal(asks(near, b, "123"), NEAR_SEEN);
	near_free(near);
}

static void
what_was_seen_is_given_by_ttl(void **state)
{
	struct near *near = near_new();
	const struct record_hop *seen;
	struct record_hop hop[NEAR_TTL + 2];
	int ttl;

	(void)state;
	learns(near, "1234");
	make(hop, "9994");
	assert_int_equal(
	    near_ask(near, a, PROTO_UDP, &hop[4], &seen), NEAR_SEEN);
	for (ttl = 1; ttl <= 4; ttl++) {
		assert_int_equal(seen[ttl].ttl, ttl);
		assert_int_equal(seen[ttl].addr.bytes[3], '0' + ttl);
	}
	near_free(near);
}

static void
another_router_ttl_or_protocol_is_another_path(void **state)
{
	struct near *near = near_new();
	const struct record_hop *seen;
	struct record_hop hop[NEAR_TTL + 2];

	(void)state;
	learns(near, "1234");
	assert_int_equal(asks(near, a, "1235"), NEAR_YOURS);
	assert_int_equal(asks(near, a, "124"), NEAR_YOURS);
	make(hop, "1234");
	assert_int_equal(
	    near_ask(near, a, PROTO_ICMP, &hop[4], &seen), NEAR_YOURS);
	near_free(near);
}

static void
who_leaves_passes_its_turn_on(void **state)
{
	struct near *near = near_new();

	(void)state;
	assert_int_equal(asks(near, a, "1234"), NEAR_YOURS);
	assert_int_equal(asks(near, b, "1234"), NEAR_ANOTHERS);
	near_leave(near, a);
	assert_ptr_equal(near_woken(near), b);
	assert_int_equal(asks(near, b, "1234"), NEAR_YOURS);
	assert_int_equal(asks(near, c, "1234"), NEAR_ANOTHERS);
	near_leave(near, c);
	near_leave(near, b);
	assert_null(near_woken(near)); /* c does not wait any more */
	near_free(near);
}

static void
silence_is_believed_the_second_time(void **state)
{
	struct near *near = near_new();

	(void)state;
	assert_int_equal(asks(near, a, "1034"), NEAR_YOURS);
	assert_int_equal(asks(near, b, "1034"), NEAR_ANOTHERS);
	learns(near, "1034");
	assert_ptr_equal(near_woken(near), b);
	assert_int_equal(asks(near, b, "1034"), NEAR_YOURS);
	assert_int_equal(asks(near, c, "1034"), NEAR_ANOTHERS);
	learns(near, "1034");
	assert_int_equal(asks(near, c, "1034"), NEAR_SEEN);
	/* And what was heard the second time at once. */
	assert_int_equal(asks(near, a, "1235"), NEAR_YOURS);
	learns(near, "1035");
	assert_int_equal(asks(near, b, "1235"), NEAR_YOURS);
	learns(near, "1235");
	assert_int_equal(asks(near, c, "1235"), NEAR_SEEN);
	near_free(near);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    who_comes_first_asks_and_the_others_wait_for_it),
		cmocka_unit_test(what_was_seen_is_given_by_ttl),
		cmocka_unit_test(
		    another_router_ttl_or_protocol_is_another_path),
		cmocka_unit_test(who_leaves_passes_its_turn_on),
		cmocka_unit_test(silence_is_believed_the_second_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
