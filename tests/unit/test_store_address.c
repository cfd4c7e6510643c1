/* Proves that a vantage point's addresses are kept with their times, whatever
 * the order of what came. */
#include "collector/store_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/times.h"
#include "tests/unit/store_fixture.h"

#define MORNING_US (T_US - 12 * HOUR_US)

static struct addr
address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return addr;
}

/* A batch without records, whose head reports the addresses. */
static void
add(struct fixture *f, int64_t t_us, const char *first, const char *second)
{
	struct batch_head head = { .round_at = wall_from_us(t_us),
		.clock_offset_us = -1,
		.clock_max_error_us = -1 };
	struct store_batch batch = {
		.spool = "s", .number = t_us, .head = &head
	};

	head.address[head.address_count++] = address(first);
	if (second != NULL)
		head.address[head.address_count++] = address(second);
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp1", true, &batch.vp), STORE_OK);
	assert_int_equal(store_add_batch(f->store, &batch, NULL, 0), STORE_OK);
	assert_int_equal(store_commit(f->store), STORE_OK);
}

/* All rows as one number, without those that were seen. */
static int64_t
reported_sum(struct fixture *f)
{
	return fixture_ask(f,
	    "SELECT total(first % 1000003 * length(addresses) + last % 999983)"
	    " FROM vp_address WHERE af = 0");
}

static void
what_hosts_report_is_the_same_in_any_order(void **state)
{
	static const struct {
		int64_t t_us;
		const char *first, *second;
	} batches[] = {
		{ MORNING_US, "2.16.0.1", "10.0.0.1" },
		{ MORNING_US + HOUR_US, "2.16.0.1", "2a00:1450::1" },
		{ MORNING_US + 2 * HOUR_US, "2.16.0.2", NULL },
		{ MORNING_US + 3 * HOUR_US, "2.16.0.1", NULL },
		{ MORNING_US + 2 * DAY_US, "2a00:1450::1", "2.16.0.1" },
		{ MORNING_US + 3 * DAY_US, "192.168.1.2", "10.0.0.1" },
	};
	static const size_t orders[][6] = { { 0, 1, 2, 3, 4, 5 },
		{ 5, 4, 3, 2, 1, 0 }, { 2, 4, 0, 5, 3, 1 } };
	int64_t sum = -1;

	for (size_t i = 0; i < 3; i++) {
		struct fixture *f = *state;

		for (size_t k = 0; k < 6; k++)
			add(f, batches[orders[i][k]].t_us,
			    batches[orders[i][k]].first,
			    batches[orders[i][k]].second);
		assert_int_equal(
		    fixture_ask(f, "SELECT count(*) FROM vp_address"), 5);
		assert_int_equal(
		    fixture_ask(f, "SELECT count(*) FROM vp_address"
				   " WHERE addresses LIKE '1%'"),
		    0);
		assert_int_equal(
		    fixture_ask(f, "SELECT count(*) FROM vp_address"
				   " WHERE addresses = '' AND af = 0"),
		    1);
		assert_int_equal(
		    fixture_ask(f, "SELECT last - first FROM vp_address"
				   " WHERE addresses = '2.16.0.1'"
				   " ORDER BY day"),
		    3 * HOUR_US);
		assert_true(i == 0 || reported_sum(f) == sum);
		sum = reported_sum(f);
		assert_int_equal(fixture_tear_down(state), 0);
		assert_int_equal(fixture_set_up(state), 0);
	}
}

static void
see(struct fixture *f, const char *text, int64_t t_us)
{
	const struct addr addr = address(text);
	int64_t vp;

	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_vp(f->store, "vp1", true, &vp), STORE_OK);
	assert_int_equal(
	    store_vp_seen(f->store, vp, &addr, wall_from_us(t_us)), STORE_OK);
	assert_int_equal(store_commit(f->store), STORE_OK);
}

static void
an_address_that_comes_and_goes_is_a_row_a_day(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++) {
		see(f, "2.16.0.1", T_US + 2 * i);
		see(f, "2.16.0.2", T_US + 2 * i + 1);
	}
	see(f, "2.16.0.1", T_US + DAY_US);
	assert_int_equal(
	    fixture_ask(f, "SELECT count(*) FROM vp_address WHERE af > 0"), 3);
	assert_int_equal(
	    fixture_ask(f, "SELECT first FROM vp_address WHERE af > 0"
			   " ORDER BY first DESC"),
	    T_US + DAY_US);
}

static void
only_another_address_than_the_last_is_a_new_one(void **state)
{
	struct fixture *f = *state;
	const struct addr four = address("2.16.0.1");
	const struct addr six = address("2a00:1450:1:2::");
	const struct addr none = { 0 };

	assert_int_equal(
	    store_vp_see(f->store, "nobody", &four), STORE_UNKNOWN);
	see(f, "2.16.0.1", T_US);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    store_vp_see(f->store, "vp1", &four), STORE_OK);
		assert_int_equal(store_vp_see(f->store, "vp1", &six), STORE_OK);
		assert_int_equal(
		    store_vp_see(f->store, "vp1", &none), STORE_OK);
	}
	assert_int_equal(
	    fixture_ask(f, "SELECT count(*) FROM vp_address WHERE af > 0"), 2);
	/* A transaction that is open is nobody else's. */
	assert_int_equal(store_begin(f->store), STORE_OK);
	assert_int_equal(store_commit(f->store), STORE_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_hosts_report_is_the_same_in_any_order, fixture_set_up,
		    fixture_tear_down),
		cmocka_unit_test_setup_teardown(
		    an_address_that_comes_and_goes_is_a_row_a_day,
		    fixture_set_up, fixture_tear_down),
		cmocka_unit_test_setup_teardown(
		    only_another_address_than_the_last_is_a_new_one,
		    fixture_set_up, fixture_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
