#include "lib/sphere.h"

#include <math.h>

#define PI 3.14159265358979323846
#define HALF_WAY_KM (PI * SPHERE_EARTH_KM)
/* What rounding does to points that were calculated to lie on a circle. */
#define ROUNDING_KM 0.001

struct vector {
	double x, y, z;
};

static struct vector
vector_of(struct sphere_point p)
{
	const double lat = p.lat * PI / 180, lon = p.lon * PI / 180;

	return (struct vector){ cos(lat) * cos(lon), cos(lat) * sin(lon),
		sin(lat) };
}

static struct sphere_point
point_of(struct vector v)
{
	return (struct sphere_point){ atan2(v.z, hypot(v.x, v.y)) * 180 / PI,
		atan2(v.y, v.x) * 180 / PI };
}

static double
dot(struct vector a, struct vector b)
{
	return a.x * b.x + a.y * b.y + a.z * b.z;
}

static struct vector
cross(struct vector a, struct vector b)
{
	return (struct vector){ a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z,
		a.x * b.y - a.y * b.x };
}

static struct vector
sum(double f, struct vector a, double g, struct vector b)
{
	return (struct vector){ f * a.x + g * b.x, f * a.y + g * b.y,
		f * a.z + g * b.z };
}

/* By the arc tangent, which is exact for near and for opposite points, where
 * arc sine and arc cosine are not. */
static double
between(struct vector a, struct vector b)
{
	const struct vector c = cross(a, b);

	return SPHERE_EARTH_KM * atan2(sqrt(dot(c, c)), dot(a, b));
}

double
sphere_km(struct sphere_point a, struct sphere_point b)
{
	return between(vector_of(a), vector_of(b));
}

double
sphere_reach_km(int64_t rtt_us)
{
	return (double)rtt_us * 1e-6 / 2 * SPHERE_FIBRE_KM_S;
}

struct sphere_point
sphere_toward(struct sphere_point from, double degrees, double km)
{
	const double lat = from.lat * PI / 180, lon = from.lon * PI / 180;
	const double turn = degrees * PI / 180, angle = km / SPHERE_EARTH_KM;
	const struct vector north = { -sin(lat) * cos(lon),
		-sin(lat) * sin(lon), cos(lat) };
	const struct vector east = { -sin(lon), cos(lon), 0 };
	const struct vector way = sum(cos(turn), north, sin(turn), east);

	return point_of(sum(cos(angle), vector_of(from), sin(angle), way));
}

bool
sphere_disc_holds(const struct sphere_disc *disc, struct sphere_point p)
{
	return sphere_km(disc->centre, p) <= disc->km;
}

bool
sphere_discs_meet(const struct sphere_disc *a, const struct sphere_disc *b)
{
	return a->km >= 0 && b->km >= 0 &&
	       sphere_km(a->centre, b->centre) <= a->km + b->km;
}

bool
sphere_disc_within(
    const struct sphere_disc *inner, const struct sphere_disc *outer)
{
	return inner->km < 0 || outer->km >= HALF_WAY_KM ||
	       sphere_km(inner->centre, outer->centre) + inner->km <= outer->km;
}

static bool
all_hold(const struct sphere_disc *discs, size_t count, struct vector v)
{
	for (size_t i = 0; i < count; i++)
		if (discs[i].km < 0 || between(vector_of(discs[i].centre), v) >
					   discs[i].km + ROUNDING_KM)
			return false;
	return true;
}

/* Where the edges of two discs cross: 0 or 2 points, which may be one. */
static int
crossings(const struct sphere_disc *d, const struct sphere_disc *e,
    struct vector points[2])
{
	const struct vector a = vector_of(d->centre), b = vector_of(e->centre);
	const struct vector n = cross(a, b);
	const double ca = cos(d->km / SPHERE_EARTH_KM);
	const double cb = cos(e->km / SPHERE_EARTH_KM);
	const double c = dot(a, b), ss = dot(n, n);
	struct vector foot;
	double rest;

	if (ss < 1e-20) /* one centre, or opposite ones */
		return 0;
	if (d->km >= HALF_WAY_KM || e->km >= HALF_WAY_KM) /* no edge */
		return 0;
	foot = sum((ca - cb * c) / ss, a, (cb - ca * c) / ss, b);
	rest = 1 - dot(foot, foot);
	if (rest < -1e-9)
		return 0;
	rest = sqrt(fmax(0, rest) / ss);
	points[0] = sum(1, foot, rest, n);
	points[1] = sum(1, foot, -rest, n);
	return 2;
}

struct common {
	struct sphere_point *point;
	const struct sphere_disc *discs;
	size_t count;
};

/* Is one of the points in all discs? */
static bool
take(const struct common *c, const struct vector *points, int count)
{
	for (int i = 0; i < count; i++)
		if (all_hold(c->discs, c->count, points[i])) {
			*c->point = point_of(points[i]);
			return true;
		}
	return false;
}

/* What all discs hold is bounded by pieces of their edges: then it has a
 * corner, where two edges cross, or a whole edge; or it has no bound and is
 * everything. */
bool
sphere_common(
    struct sphere_point *point, const struct sphere_disc *discs, size_t count)
{
	const struct common common = { point, discs, count };
	struct vector at[2];

	*point = (struct sphere_point){ 0, 0 };
	for (size_t i = 0; i < count; i++) {
		at[0] = vector_of(discs[i].centre);
		at[1] =
		    vector_of(sphere_toward(discs[i].centre, 0, discs[i].km));
		if (take(&common, at, 2))
			return true;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (take(&common, at,
				crossings(&discs[i], &discs[j], at)))
				return true;
	return count == 0;
}
