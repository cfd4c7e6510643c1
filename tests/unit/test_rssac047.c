/* Proves that availability of a root server system is that of the examples in
 * RSSAC047v2. */
#include "analysis/rssac047.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define VANTAGE_POINTS 20
#define INTERVALS (288 * 30) /* of a month */
#define SERVERS 13

/* How many answer a vantage point in an interval. */
typedef int answering_fn(int vp, int interval);

static double
availability(answering_fn *answering)
{
	struct rssac047_system system = { 0 };

	for (int i = 0; i < INTERVALS; i++) {
		for (int vp = 0; vp < VANTAGE_POINTS; vp++)
			rssac047_count(&system, rssac047_quorum(SERVERS),
			    answering(vp, i));
	}
	return 100.0 * (double)system.enough / (double)system.needed;
}

static int
five_dead(int vp, int interval)
{
	(void)vp;
	(void)interval;
	return SERVERS - 5;
}

static int
six_dead(int vp, int interval)
{
	(void)vp;
	(void)interval;
	return SERVERS - 6;
}

static int
all_dead_for_a_day(int vp, int interval)
{
	(void)vp;
	return interval < 288 ? 0 : SERVERS;
}

static int
seven_seen_once(int vp, int interval)
{
	return vp == 3 && interval == 77 ? 7 : SERVERS;
}

static void
availability_is_that_of_the_worked_examples(void **state)
{
	static const struct {
		answering_fn *answering;
		double percent, within;
	} cases[] = {
		{ five_dead, 100, 0 },
		{ six_dead, 87.5, 0 },
		/* printed as 96.66, which is cut */
		{ all_dead_for_a_day, 96.66, 0.01 },
		{ seven_seen_once, 99.99992, 0.000009 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(fabs(availability(cases[i].answering) -
				 cases[i].percent) <= cases[i].within);
}

static void
thirteen_servers_need_eight(void **state)
{
	static const int64_t needed[][2] = { { 0, 0 }, { 1, 0 }, { 2, 1 },
		{ 3, 2 }, { 4, 2 }, { 5, 3 }, { 7, 4 }, { 10, 6 }, { 13, 8 },
		{ 14, 9 } };

	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		assert_int_equal(rssac047_quorum(needed[i][0]), needed[i][1]);
}

/* The threshold of 99.999 % is what 13 servers of 96 % each give: the chance
 * that 8 or more of them answer. */
static void
thresholds_of_one_and_all_agree(void **state)
{
	double chance = 0;

	(void)state;
	for (int n = (int)rssac047_quorum(SERVERS); n <= SERVERS; n++) {
		double ways = 1;

		for (int i = 1; i <= n; i++)
			ways = ways * (SERVERS - n + i) / i;
		chance += ways * pow(0.96, n) * pow(0.04, SERVERS - n);
	}
	assert_true(chance >= 0.99999 && chance < 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(availability_is_that_of_the_worked_examples),
		cmocka_unit_test(thirteen_servers_need_eight),
		cmocka_unit_test(thresholds_of_one_and_all_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
