/* Proves that intervals of proportions are those of the published examples. */
#include "analysis/proportion.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int
near(double a, double b)
{
	return fabs(a - b) < 0.00005;
}

/* R. G. Newcombe, Two-sided confidence intervals for the single proportion,
 * Statistics in Medicine 17 (1998), table I, method 3 (score). */
static void
intervals_are_those_of_newcombe(void **state)
{
	static const struct {
		double part, whole, low, high;
	} cases[] = {
		{ 81, 263, 0.2553, 0.3662 },
		{ 15, 148, 0.0624, 0.1605 },
		{ 0, 20, 0, 0.1611 },
		{ 1, 29, 0.0061, 0.1718 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proportion is =
		    proportion_interval(cases[i].part, cases[i].whole);

		assert_true(near(is.low, cases[i].low));
		assert_true(near(is.high, cases[i].high));
		/* The other way round. */
		is = proportion_interval(
		    cases[i].whole - cases[i].part, cases[i].whole);
		assert_true(near(is.high, 1 - cases[i].low));
		assert_true(near(is.low, 1 - cases[i].high));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_are_those_of_newcombe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
