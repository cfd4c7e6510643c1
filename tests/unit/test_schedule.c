/* Proves that asks leave in order, and no faster than their buckets allow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/limits.h"
#include "probe/flow.h"
#include "probe/schedule.h"

#define ASKS 400
#define S 1000000000LL

struct fixture {
	struct peer peer[4];
	struct flow flow[4];
	struct ask ask[ASKS];
	struct schedule *schedule;
};

static void
fixture_init(struct fixture *f, double rate, double burst)
{
	size_t i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < 4; i++) {
		f->peer[i].tokens = LIMIT_BUCKET;
		f->flow[i].peer = &f->peer[i];
	}
	for (i = 0; i < ASKS; i++) {
		f->ask[i].index = (uint32_t)i;
		f->ask[i].flow = &f->flow[0];
	}
	f->schedule = schedule_new(rate, burst, ASKS, (struct mono){ 0 });
	assert_non_null(f->schedule);
}

/* How many leave at a time. */
static int
leave(struct fixture *f, int64_t ns)
{
	struct ask *ask;
	int count = 0;

	while (schedule_next(f->schedule, (struct mono){ ns }, &ask))
		count++;
	return count;
}

static void
asks_leave_in_order_of_time_then_of_the_plan(void **state)
{
	static const int64_t due[] = { 5, 3, 9, 3, 0, 7, 3 };
	static const uint32_t order[] = { 4, 1, 3, 6, 0, 5, 2 };
	struct fixture f;
	struct ask *ask;
	size_t i;

	(void)state;
	fixture_init(&f, 1000, 64);
	for (i = 0; i < 7; i++) {
		f.ask[i].due.ns = due[i];
		schedule_add(f.schedule, &f.ask[i]);
	}
	for (i = 0; i < 7; i++) {
		assert_true(
		    schedule_next(f.schedule, (struct mono){ 100 }, &ask));
		assert_int_equal(ask->index, order[i]);
	}
	assert_false(schedule_next(f.schedule, (struct mono){ 100 }, &ask));
	schedule_free(f.schedule);
}

static void
nothing_leaves_before_its_time(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 1000, 64);
	f.ask[0].due.ns = 10 * S;
	schedule_add(f.schedule, &f.ask[0]);
	assert_int_equal(
	    schedule_when(f.schedule, (struct mono){ 0 }).ns, 10 * S);
	assert_int_equal(leave(&f, 10 * S - 1), 0);
	assert_int_equal(leave(&f, 10 * S), 1);
	assert_int_equal(
	    schedule_when(f.schedule, (struct mono){ 0 }).ns, INT64_MAX);
	schedule_free(f.schedule);
}

static void
an_address_has_64_at_once_and_then_5_a_second(void **state)
{
	struct fixture f;
	size_t i;
	int s;

	(void)state;
	fixture_init(&f, 10000, 10000);
	for (i = 0; i < 200; i++)
		schedule_add(f.schedule, &f.ask[i]);
	assert_int_equal(leave(&f, 0), 64);
	assert_int_equal(leave(&f, S / 10), 0);
	for (s = 1; s <= 10; s++)
		assert_in_range(leave(&f, s * S), 4, 6);
	schedule_free(f.schedule);
}

static void
one_address_at_its_rate_does_not_hold_up_others(void **state)
{
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f, 10000, 10000);
	for (i = 0; i < 200; i++) {
		f.ask[i].flow = &f.flow[i < 190 ? 0 : 1];
		schedule_add(f.schedule, &f.ask[i]);
	}
	assert_int_equal(leave(&f, 0), 64 + 10);
	schedule_free(f.schedule);
}

static void
the_vantage_point_keeps_its_rate_over_all_addresses(void **state)
{
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f, 20, 10);
	for (i = 0; i < 120; i++) {
		f.ask[i].flow = &f.flow[i % 4];
		schedule_add(f.schedule, &f.ask[i]);
	}
	assert_int_equal(leave(&f, 0), 10);
	assert_int_equal(leave(&f, S / 2), 10);
	assert_int_equal(leave(&f, 2 * S), 10); /* never more than the burst */
	schedule_free(f.schedule);
}

static void
when_is_the_time_at_which_one_leaves(void **state)
{
	struct fixture f;
	struct mono when, now = { 0 };
	size_t i;
	int left = 150;

	(void)state;
	fixture_init(&f, 50, 20);
	for (i = 0; i < 150; i++)
		schedule_add(f.schedule, &f.ask[i]);
	while (left > 0) {
		left -= leave(&f, now.ns);
		when = schedule_when(f.schedule, now);
		assert_true(left == 0 || when.ns > now.ns);
		assert_true(left == 0 || when.ns < now.ns + 2 * S);
		now = when;
	}
	schedule_free(f.schedule);
}

static void
take_has_every_ask_whatever_its_time(void **state)
{
	struct fixture f;
	struct ask *ask;
	uint64_t seen = 0;
	size_t i;

	(void)state;
	fixture_init(&f, 1, 1);
	for (i = 0; i < 50; i++) {
		f.ask[i].due.ns = (int64_t)((i * 7919) % 50) * S;
		schedule_add(f.schedule, &f.ask[i]);
	}
	while (schedule_take(f.schedule, &ask))
		seen |= 1ULL << ask->index;
	assert_true(seen == (1ULL << 50) - 1);
	schedule_free(f.schedule);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_leave_in_order_of_time_then_of_the_plan),
		cmocka_unit_test(nothing_leaves_before_its_time),
		cmocka_unit_test(an_address_has_64_at_once_and_then_5_a_second),
		cmocka_unit_test(
		    one_address_at_its_rate_does_not_hold_up_others),
		cmocka_unit_test(
		    the_vantage_point_keeps_its_rate_over_all_addresses),
		cmocka_unit_test(when_is_the_time_at_which_one_leaves),
		cmocka_unit_test(take_has_every_ask_whatever_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
