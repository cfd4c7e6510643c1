/*
 * The earth as a sphere: distances, and the discs in which an answer that took
 * so long can have been given. Positions are degrees; a longitude may be any
 * number, a latitude is -90 to 90. All of this holds across the antimeridian
 * and at the poles: nothing here knows boxes.
 */
#ifndef LIB_SPHERE_H
#define LIB_SPHERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPHERE_EARTH_KM 6371.0
/* Two thirds of the speed of light: what light in fibre does. */
#define SPHERE_FIBRE_KM_S 199861.639
/* The earth is no sphere: of a distance here, at least this part is there
 * (WGS 84 curves most along a meridian at the equator, 6335.4 km). */
#define SPHERE_AT_LEAST 0.994

struct sphere_point {
	double lat, lon;
};
/* The points at most so far from the centre. Holds nothing where km < 0. */
struct sphere_disc {
	struct sphere_point centre;
	double km;
};

double sphere_km(struct sphere_point, struct sphere_point);

/* How far away something can be that answered within rtt_us: light in fibre,
 * there and back. */
double sphere_reach_km(int64_t rtt_us);

/* The point so far from here, in the direction of degrees east of north. At a
 * pole, north is along the meridian of the point's longitude. */
struct sphere_point sphere_toward(
    struct sphere_point from, double degrees, double km);

bool sphere_disc_holds(const struct sphere_disc *, struct sphere_point);

/* Whether two discs have a point in common. Where they have none, the same
 * thing cannot have answered both: it is two. */
bool sphere_discs_meet(const struct sphere_disc *, const struct sphere_disc *);

/* Whether all of the inner disc is in the outer one. */
bool sphere_disc_within(
    const struct sphere_disc *inner, const struct sphere_disc *outer);

/* A point that all discs hold (to a metre); false where there is none. Looks
 * at count^2 points, each against every disc. No disc holds everything. */
bool sphere_common(
    struct sphere_point *, const struct sphere_disc *, size_t count);

#endif
