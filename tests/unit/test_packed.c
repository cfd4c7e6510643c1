/* Proves that a record comes out of its packing as it went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "probe/packed.h"

/* What is left of a record of before must not shine through. */
static void
assert_same(const struct record *record)
{
	struct packed *packed = packed_new(record);
	struct record *again = malloc(sizeof(*again));

	assert_non_null(packed);
	assert_non_null(again);
	memset(again, 0x5a, sizeof(*again));
	packed_restore(again, packed);
	assert_memory_equal(again, record, packed_extent(record->type));
	free(again);
	free(packed);
}

static void
an_answer_is_the_same(void **state)
{
	struct record r;

	(void)state;
	record_init(&r);
	r.type = RECORD_DNS;
	(void)memcpy(r.question, "hostname.bind", 14);
	r.rtt_us = 90000;
	r.dns.nsid = (struct record_bytes){ true, 3, "a\0b" };
	r.dns.answer_count = LIMIT_ANSWERS;
	memset(r.dns.answer, 0xa5, sizeof(r.dns.answer));
	r.dns.ede_count = LIMIT_EDE;
	memset(r.dns.ede, 0x11, sizeof(r.dns.ede));
	r.dns.connect_us = 7;
	assert_same(&r);
}

static void
a_trace_of_all_hops_is_the_same(void **state)
{
	struct record r;
	size_t i;

	(void)state;
	record_init(&r);
	r.type = RECORD_TRACE;
	for (i = 0; i < LIMIT_HOPS; i++) {
		r.hop[i].ttl = (uint8_t)i;
		r.hop[i].addr.af = 4;
		r.hop[i].addr.bytes[i % 16] = 1;
		r.hop[i].mpls_count = LIMIT_MPLS;
		r.hop[i].mpls[i % LIMIT_MPLS] = 0xffffffff;
	}
	r.hop_count = LIMIT_HOPS;
	assert_same(&r);
}

static void
an_echo_is_the_same(void **state)
{
	struct record r;

	(void)state;
	record_init(&r);
	r.type = RECORD_ECHO;
	(void)memcpy(r.reason, "icmp 3/1", 9);
	r.flow.n = 63;
	assert_same(&r);
}

/* As many stretches as there can be, and none. */
static void
any_pattern_is_the_same(void **state)
{
	struct record *r = malloc(sizeof(*r));
	unsigned step;
	size_t i;

	(void)state;
	assert_non_null(r);
	for (step = 1; step < 4000; step = step * 3 / 2 + 1) {
		memset(r, 0, sizeof(*r));
		for (i = 0; i < sizeof(*r); i += step)
			((uint8_t *)r)[i] = 1;
		r->type = RECORD_TRACE;
		assert_same(r);
	}
	memset(r, 0, sizeof(*r));
	assert_same(r);
	memset(r, 0xff, sizeof(*r));
	r->type = RECORD_TRACE;
	assert_same(r);
	free(r);
}

static void
little_is_kept_of_a_short_answer(void **state)
{
	struct record r;
	struct packed *one;
	size_t i;

	(void)state;
	record_init(&r);
	r.type = RECORD_DNS;
	r.dns.nsid = (struct record_bytes){ true, 9, "s1.bench1" };
	r.dns.answer_count = 1;
	r.dns.answer[0] = r.dns.nsid;
	one = packed_new(&r);
	assert_non_null(one);
	assert_true(packed_size(one) < 512);
	free(one);
	/* Hops are no part of it. */
	for (i = 0; i < LIMIT_HOPS; i++)
		r.hop[i].ttl = 1;
	one = packed_new(&r);
	assert_non_null(one);
	assert_true(packed_size(one) < 512);
	free(one);
}

/* The rest is known again when it is restored. */
static void
an_outcome_goes_into_what_was_asked(void **state)
{
	struct record asked, answered, again;
	struct packed *packed;

	(void)state;
	record_init(&asked);
	asked.type = RECORD_DNS;
	(void)memcpy(asked.target, "root", 5);
	(void)memcpy(asked.question, "soa", 4);
	(void)memcpy(asked.dns.qname, ".", 2);
	asked.dns.qtype = 6;
	asked.flow.sport = 20000;
	answered = asked;
	answered.outcome = OUTCOME_ANSWERED;
	(void)memcpy(answered.reason, "header only", 12);
	answered.rtt_us = 0;
	answered.dns.rcode = 0;
	answered.dns.serial = 1;
	answered.dns.connect_us = 0;
	packed = packed_outcome(&answered, NULL);
	assert_non_null(packed);
	again = asked;
	packed_restore(&again, packed);
	assert_memory_equal(&again, &answered, packed_extent(RECORD_DNS));
	assert_true(packed_size(packed) < 128);
	free(packed);
}

static void
what_was_made_for_one_holds_another(void **state)
{
	struct record little, much, again;
	struct packed *packed, *other;

	(void)state;
	record_init(&little);
	little.type = RECORD_DNS;
	much = little;
	memset(much.dns.raw, 0xa5, sizeof(much.dns.raw));
	packed = packed_outcome(&much, NULL);
	assert_non_null(packed);
	other = packed_outcome(&little, packed);
	assert_ptr_equal(other, packed);
	again = much;
	packed_restore(&again, other);
	assert_memory_equal(&again, &little, packed_extent(RECORD_DNS));
	/* Where the room is not enough, there is more. */
	free(other);
	packed = packed_outcome(&little, NULL);
	packed = packed_outcome(&much, packed);
	assert_non_null(packed);
	packed_restore(&again, packed);
	assert_memory_equal(&again, &much, packed_extent(RECORD_DNS));
	free(packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_the_same),
		cmocka_unit_test(a_trace_of_all_hops_is_the_same),
		cmocka_unit_test(an_echo_is_the_same),
		cmocka_unit_test(any_pattern_is_the_same),
		cmocka_unit_test(little_is_kept_of_a_short_answer),
		cmocka_unit_test(an_outcome_goes_into_what_was_asked),
		cmocka_unit_test(what_was_made_for_one_holds_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
