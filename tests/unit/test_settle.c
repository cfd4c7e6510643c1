/* Proves that runs follow from samples alone: their order, ties, losses and
 * times; tests/sim/permutation.py proves the rest of settling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "collector/settle_runs.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MOST 8

/* Of a sample, what the case is about: lane, time, instance (its rank is the
 * same number; 0: lost, -1: unsent). */
struct given {
	int64_t lane, t, instance;
};

struct want {
	int64_t lane, first, last, instance;
	int tie;
	int64_t answered, asked, unsent;
};

static const struct {
	const char *what;
	struct given given[MOST];
	size_t given_count;
	struct want want[MOST];
	size_t want_count;
} cases[] = {
	{ "nothing", { { 0 } }, 0, { { 0 } }, 0 },
	{ "one sample", { { 1, 10, 5 } }, 1, { { 1, 10, 10, 5, 0, 1, 1, 0 } },
	    1 },
	{ "one instance is one run",
	    { { 1, 30, 5 }, { 1, 10, 5 }, { 1, 20, 5 } }, 3,
	    { { 1, 10, 30, 5, 0, 3, 3, 0 } }, 1 },
	{ "A, silence, A is one run and the silence beside it",
	    { { 1, 10, 5 }, { 1, 20, 0 }, { 1, 30, 5 } }, 3,
	    { { 1, 20, 20, 0, -1, 0, 1, 0 }, { 1, 10, 30, 5, 0, 2, 2, 0 } },
	    2 },
	{ "losses are one row, from the first to the last of them",
	    { { 1, 40, -1 }, { 1, 20, 0 }, { 1, 30, 5 } }, 3,
	    { { 1, 20, 40, 0, -1, 0, 2, 1 }, { 1, 30, 30, 5, 0, 1, 1, 0 } },
	    2 },
	{ "a flap at every sample",
	    { { 1, 10, 5 }, { 1, 20, 6 }, { 1, 30, 5 } }, 3,
	    { { 1, 10, 10, 5, 0, 1, 1, 0 }, { 1, 20, 20, 6, 0, 1, 1, 0 },
		{ 1, 30, 30, 5, 0, 1, 1, 0 } },
	    3 },
	{ "equal times are in the order of names, and tied",
	    { { 1, 10, 7 }, { 1, 10, 5 }, { 1, 10, 6 } }, 3,
	    { { 1, 10, 10, 5, 0, 1, 1, 0 }, { 1, 10, 10, 6, 1, 1, 1, 0 },
		{ 1, 10, 10, 7, 2, 1, 1, 0 } },
	    3 },
	{ "a run that goes on is not tied with what begins at its end",
	    { { 1, 10, 5 }, { 1, 20, 6 }, { 1, 20, 5 } }, 3,
	    { { 1, 10, 20, 5, 0, 2, 2, 0 }, { 1, 20, 20, 6, 0, 1, 1, 0 } }, 2 },
	{ "a loss at the same time ties with nothing",
	    { { 1, 10, 5 }, { 1, 10, 0 } }, 2,
	    { { 1, 10, 10, 0, -1, 0, 1, 0 }, { 1, 10, 10, 5, 0, 1, 1, 0 } },
	    2 },
	{ "lanes do not touch",
	    { { 2, 10, 5 }, { 1, 10, 5 }, { 1, 10, 0 }, { 2, 20, 5 } }, 4,
	    { { 1, 10, 10, 0, -1, 0, 1, 0 }, { 1, 10, 10, 5, 0, 1, 1, 0 },
		{ 2, 10, 20, 5, 0, 2, 2, 0 } },
	    3 },
};

static void
add_samples(struct samples *samples, const struct given *given, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const int64_t instance =
		    given[i].instance < 0 ? 0 : given[i].instance;
		const struct sample sample = {
			.lane = given[i].lane,
			.t_us = given[i].t,
			.instance = instance,
			.rank = (uint32_t)instance,
			.unsent = given[i].instance < 0,
			.rtt_us = instance == 0 ? -1 : given[i].t,
		};

		assert_int_equal(samples_add(samples, &sample), 0);
	}
	samples_sort(samples);
}

static void
check_run(const struct run_reader *r, const struct want *want, const char *what)
{
	const struct run *run = &r->run;

	if (run->lane != want->lane || run->first != want->first ||
	    run->last != want->last || run->instance != want->instance ||
	    run->tie != want->tie || run->answered != want->answered ||
	    run->asked != want->asked || run->unsent != want->unsent)
		fail_msg("%s: lane %lld, %lld to %lld", what,
		    (long long)run->lane, (long long)run->first,
		    (long long)run->last);
	assert_int_equal(r->hist.total, want->answered);
}

static void
runs_follow_from_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct samples samples = { 0 };
		struct run_reader r;
		size_t n = 0;

		add_samples(&samples, cases[i].given, cases[i].given_count);
		run_reader_init(&r, &samples);
		while (n < cases[i].want_count && run_reader_next(&r))
			check_run(&r, &cases[i].want[n++], cases[i].what);
		assert_int_equal(n, cases[i].want_count);
		assert_false(run_reader_next(&r));
		assert_int_equal(run_reader_lane(&r), -1);
		samples_clear(&samples);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_follow_from_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
