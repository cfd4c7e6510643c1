/* Proves that distances are great circles and that discs meet where they do. */
#include "lib/sphere.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define QUARTER_KM 10007.543

static void
distances_are_great_circles(void **state)
{
	static const struct {
		struct sphere_point a, b;
		double km;
	} cases[] = {
		{ { 0, 0 }, { 0, 0 }, 0 },
		{ { 0, 179.5 }, { 0, -179.5 }, 111.195 }, /* the antimeridian */
		{ { 90, 0 }, { 90, 135 }, 0 }, /* a pole is one point */
		{ { 90, 0 }, { -90, 0 }, 2 * QUARTER_KM },
		{ { 89.5, 20 }, { 89.5, -160 }, 111.195 }, /* over the pole */
		{ { 0, 0 }, { 0, 180 }, 2 * QUARTER_KM },
		{ { 10, 370 }, { 10, 10 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(fabs(sphere_km(cases[i].a, cases[i].b) -
				 cases[i].km) < 0.001);
}

/* FIELD F3: a millisecond is 99.93 km. */
static void
an_answer_reaches_as_far_as_light_in_fibre(void **state)
{
	(void)state;
	assert_true(fabs(sphere_reach_km(1000) - 99.9308195) < 1e-6);
	assert_true(sphere_reach_km(0) == 0);
}

static void
discs_meet_over_the_antimeridian_and_over_a_pole(void **state)
{
	const struct sphere_disc fiji = { { -17, 178 }, 250 };
	const struct sphere_disc samoa = { { -17, -178 }, 250 };
	const struct sphere_disc alaska = { { 80, -150 }, 1200 };
	const struct sphere_disc siberia = { { 80, 30 }, 1200 };
	struct sphere_disc small = fiji;

	(void)state;
	assert_true(sphere_discs_meet(&fiji, &samoa));
	assert_true(sphere_discs_meet(&alaska, &siberia));
	assert_false(sphere_discs_meet(&fiji, &siberia));
	small.km = 170;
	assert_false(sphere_discs_meet(&small, &samoa));
	assert_true(
	    sphere_disc_holds(&alaska, (struct sphere_point){ 89.5, 30 }));
	assert_true(sphere_disc_within(&small, &fiji));
	assert_false(sphere_disc_within(&fiji, &small));
}

/* Pairs that meet need not have a point that all hold. */
static void
three_discs_can_meet_in_pairs_and_have_nothing_in_common(void **state)
{
	struct sphere_disc discs[] = {
		{ { 0, 0 }, 580 },
		{ { 0, 10 }, 580 },
		{ { 8.66, 5 }, 580 },
	};
	struct sphere_point point;

	(void)state;
	assert_true(sphere_discs_meet(&discs[0], &discs[1]));
	assert_true(sphere_discs_meet(&discs[1], &discs[2]));
	assert_true(sphere_discs_meet(&discs[0], &discs[2]));
	assert_false(sphere_common(&point, discs, COUNT(discs)));
	for (size_t i = 0; i < COUNT(discs); i++)
		discs[i].km = 680;
	assert_true(sphere_common(&point, discs, COUNT(discs)));
	for (size_t i = 0; i < COUNT(discs); i++)
		assert_true(sphere_disc_holds(&discs[i], point));
}

/* A belt around the equator has no corner and holds no centre. */
static void
what_is_common_can_be_a_belt(void **state)
{
	struct sphere_disc discs[] = {
		{ { 90, 0 }, QUARTER_KM + 500 },
		{ { -90, 0 }, QUARTER_KM + 500 },
	};
	struct sphere_point point;

	(void)state;
	assert_true(sphere_common(&point, discs, 2));
	assert_true(fabs(point.lat) < 5);
	discs[0].km = discs[1].km = QUARTER_KM - 1;
	assert_false(sphere_common(&point, discs, 2));
	discs[0].km = 30000; /* more than all there is */
	assert_true(sphere_common(&point, discs, 2));
	discs[0].km = -1;
	assert_false(sphere_common(&point, discs, 2));
	assert_true(sphere_common(&point, NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances_are_great_circles),
		cmocka_unit_test(an_answer_reaches_as_far_as_light_in_fibre),
		cmocka_unit_test(
		    discs_meet_over_the_antimeridian_and_over_a_pole),
		cmocka_unit_test(
		    three_discs_can_meet_in_pairs_and_have_nothing_in_common),
		cmocka_unit_test(what_is_common_can_be_a_belt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
