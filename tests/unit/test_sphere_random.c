/* Proves that distances and discs agree with haversines and with dense samples,
 * whatever points and discs are drawn: poles, the antimeridian, opposite
 * points, discs of all there is. SEED=n repeats a run. */
#include "lib/sphere.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define RAD (3.14159265358979323846264338L / 180)
#define EARTH 6371.0L
#define HALF_WAY 20015.1
#define BEARINGS 360
#define RINGS 4
#define LATTICE 8000
#define GRID_KM 60 /* what samples may miss: much less */
#define NEAR_KM 1e-5

static uint64_t drawn;

static double
draw(double low, double high)
{
	drawn ^= drawn << 13;
	drawn ^= drawn >> 7;
	drawn ^= drawn << 17;
	return low + (high - low) * ((double)(drawn >> 11) * 0x1p-53);
}

static unsigned
choose(unsigned count)
{
	return (unsigned)draw(0, count) % count;
}

static struct sphere_point
draw_point(void)
{
	static const double lats[] = { 90, -90, 89.99999, -89.5, 0, 1e-9 };
	static const double lons[] = { 180, -180, 179.99999, -179.99999, 0, 540,
		-270 };
	struct sphere_point p = { asin(draw(-1, 1)) / (double)RAD,
		draw(-180, 180) };

	if (choose(4) == 0)
		p.lat = lats[choose(6)];
	if (choose(4) == 0)
		p.lon = lons[choose(7)];
	return p;
}

/* One that has to do with another: near it, the same, or opposite. */
static struct sphere_point
draw_other(struct sphere_point p)
{
	switch (choose(8)) {
	case 0:
		return p;
	case 1:
		return (struct sphere_point){ -p.lat, p.lon + 180 };
	case 2:
		p.lat = fmax(-90, fmin(90, p.lat + draw(-1e-6, 1e-6)));
		return p;
	case 3:
		p.lat = fmax(-90, fmin(90, p.lat + draw(-5, 5)));
		p.lon += draw(-5, 5);
		return p;
	default:
		return draw_point();
	}
}

static struct sphere_disc
draw_disc(struct sphere_point centre)
{
	static const double sizes[] = { 0, 1e-6, 10007.54, HALF_WAY, 30000,
		-1 };

	return (struct sphere_disc){ centre, choose(8) == 0 ? sizes[choose(6)]
					     : choose(2) == 0
						 ? draw(0, 2000)
						 : draw(0, HALF_WAY) };
}

/* Half of the versed sine, as tables had it: not how lib/sphere does it. */
static double
haversine_km(struct sphere_point a, struct sphere_point b)
{
	const long double dlat = (b.lat - a.lat) * RAD / 2;
	const long double dlon = ((long double)b.lon - a.lon) * RAD / 2;
	long double h = sinl(dlat) * sinl(dlat) + cosl(a.lat * RAD) *
						      cosl(b.lat * RAD) *
						      sinl(dlon) * sinl(dlon);

	h = h < 0 ? 0 : h > 1 ? 1 : h;
	return (double)(2 * EARTH * atan2l(sqrtl(h), sqrtl(1 - h)));
}

/* The textbook's direct formula. */
static struct sphere_point
go(struct sphere_point from, double degrees, double km)
{
	const long double lat = from.lat * RAD, turn = degrees * RAD;
	const long double angle = km / EARTH;
	const long double s =
	    sinl(lat) * cosl(angle) + cosl(lat) * sinl(angle) * cosl(turn);
	const long double lat2 = asinl(s > 1 ? 1 : s < -1 ? -1 : s);

	/* There every way is south, or north: the formula knows none. */
	if (fabs(from.lat) == 90)
		return (struct sphere_point){ (double)(lat2 / RAD),
			from.lon + (from.lat > 0 ? 180 - degrees : degrees) };
	return (struct sphere_point){ (double)(lat2 / RAD),
		from.lon + (double)(atan2l(sinl(turn) * sinl(angle) * cosl(lat),
					cosl(angle) - sinl(lat) * s) /
				    RAD) };
}

static void
distances_are_haversines(void **state)
{
	(void)state;
	for (int i = 0; i < 50000; i++) {
		const struct sphere_point a = draw_point(), b = draw_other(a);
		const struct sphere_point c = draw_other(b);
		const struct sphere_point turned = { b.lat, b.lon + 360 };
		const double km = sphere_km(a, b);

		assert_true(fabs(km - haversine_km(a, b)) < NEAR_KM);
		assert_true(fabs(km - sphere_km(b, a)) < NEAR_KM);
		assert_true(fabs(km - sphere_km(a, turned)) < NEAR_KM);
		assert_true(km >= 0 && km < HALF_WAY);
		assert_true(sphere_km(a, c) <= km + sphere_km(b, c) + NEAR_KM);
	}
}

static void
who_goes_so_far_is_so_far_away_in_that_direction(void **state)
{
	(void)state;
	for (int i = 0; i < 30000; i++) {
		const struct sphere_point from = draw_point();
		const double km = draw(0, HALF_WAY - 0.1);
		const double degrees = draw(-360, 360);
		const struct sphere_point to = sphere_toward(from, degrees, km);

		assert_true(fabs(haversine_km(from, to) - km) < NEAR_KM);
		assert_true(to.lat >= -90 && to.lat <= 90);
		/* asinl is coarse beside the poles. */
		assert_true(haversine_km(to, go(from, degrees, km)) < 0.01);
	}
}

static void
a_disc_holds_what_is_so_near(void **state)
{
	(void)state;
	for (int i = 0; i < 30000; i++) {
		const struct sphere_disc disc = draw_disc(draw_point());
		const struct sphere_point p = draw_other(disc.centre);
		const double km = haversine_km(disc.centre, p);

		if (fabs(km - disc.km) > NEAR_KM)
			assert_int_equal(
			    sphere_disc_holds(&disc, p), km < disc.km);
	}
}

/* How near the points of a disc come to another's centre, and how far. */
struct range {
	double least, most;
};

static struct range
sample(const struct sphere_disc *of, struct sphere_point centre)
{
	const double km = fmin(of->km, HALF_WAY - 0.1);
	struct range range = { haversine_km(of->centre, centre), 0 };

	range.most = range.least;
	for (int i = 0; i < BEARINGS * RINGS; i++) {
		const double far =
		    haversine_km(go(of->centre, 360.0 / BEARINGS * (i / RINGS),
				     km * (i % RINGS + 1) / RINGS),
			centre);

		range.least = fmin(range.least, far);
		range.most = fmax(range.most, far);
	}
	/* Rings have gaps: a whole number of steps around the centre's. */
	if (haversine_km(of->centre, centre) <= of->km)
		range.least = 0;
	if (haversine_km(of->centre, (struct sphere_point){ -centre.lat,
					 centre.lon + 180 }) <= of->km)
		range.most = HALF_WAY - 0.1;
	return range;
}

static void
discs_meet_and_lie_within_as_samples_say(void **state)
{
	int meet = 0, within = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		const struct sphere_disc a = draw_disc(draw_point());
		const struct sphere_disc b = draw_disc(draw_other(a.centre));
		const struct range range = sample(&a, b.centre);

		if (a.km < 0 || b.km < 0) {
			assert_false(sphere_discs_meet(&a, &b));
			if (a.km < 0) /* nothing is in everything */
				assert_true(sphere_disc_within(&a, &b));
			continue;
		}
		meet += sphere_discs_meet(&a, &b);
		within += sphere_disc_within(&a, &b);
		if (range.least < b.km - NEAR_KM)
			assert_true(sphere_discs_meet(&a, &b));
		if (range.least > b.km + GRID_KM)
			assert_false(sphere_discs_meet(&a, &b));
		if (range.most > b.km + 0.1 + NEAR_KM)
			assert_false(sphere_disc_within(&a, &b));
		if (range.most < b.km - GRID_KM)
			assert_true(sphere_disc_within(&a, &b));
		assert_int_equal(
		    sphere_discs_meet(&a, &b), sphere_discs_meet(&b, &a));
	}
	assert_true(meet > 25 && within > 5);
}

static bool
all_hold(const struct sphere_disc *discs, size_t count, struct sphere_point p,
    double margin)
{
	for (size_t i = 0; i < count; i++)
		if (discs[i].km < 0 ||
		    haversine_km(discs[i].centre, p) > discs[i].km + margin)
			return false;
	return true;
}

/* Points all over the earth, and more in the smallest disc. */
static bool
is_found(const struct sphere_disc *discs, size_t count)
{
	const struct sphere_disc *least = discs;

	for (int i = 0; i < LATTICE; i++) {
		const double z = 1 - (2.0 * i + 1) / LATTICE;
		const struct sphere_point p = { asin(z) / (double)RAD,
			fmod(i * 137.50776405003785, 360) - 180 };

		if (all_hold(discs, count, p, -NEAR_KM))
			return true;
	}
	for (size_t i = 1; i < count; i++)
		if (discs[i].km < least->km)
			least = &discs[i];
	for (int i = 0; i < 1000; i++)
		if (all_hold(discs, count,
			go(least->centre, draw(0, 360),
			    least->km * sqrt(draw(0, 1))),
			-NEAR_KM))
			return true;
	return false;
}

static void
what_discs_have_in_common_is_found_where_samples_find_it(void **state)
{
	int common = 0, none = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct sphere_disc discs[5];
		const size_t count = 1 + choose(5);
		struct sphere_point point = draw_point();

		/* Discs that nearly touch a point, as measurements would. */
		for (size_t j = 0; j < count; j++) {
			const struct sphere_point centre = draw_other(point);

			discs[j] = draw_disc(centre);
			if (choose(2) == 0)
				discs[j].km = fmax(
				    0, haversine_km(centre, point) +
					   (choose(2) == 0 ? draw(0, 5)
							   : draw(-100, 300)));
		}
		if (sphere_common(&point, discs, count)) {
			common++;
			assert_true(all_hold(discs, count, point, 0.01));
		} else {
			none++;
			assert_false(is_found(discs, count));
		}
	}
	assert_true(common > 20 && none > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances_are_haversines),
		cmocka_unit_test(
		    who_goes_so_far_is_so_far_away_in_that_direction),
		cmocka_unit_test(a_disc_holds_what_is_so_near),
		cmocka_unit_test(discs_meet_and_lie_within_as_samples_say),
		cmocka_unit_test(
		    what_discs_have_in_common_is_found_where_samples_find_it),
	};
	const char *seed = getenv("SEED");
	uint64_t number;

	if (seed != NULL)
		number = strtoull(seed, NULL, 10);
	else if (getentropy(&number, sizeof(number)) == -1)
		return 1;
	(void)fprintf(stderr, "# SEED=%llu\n", (unsigned long long)number);
	drawn = number * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 10; i++)
		(void)draw(0, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
