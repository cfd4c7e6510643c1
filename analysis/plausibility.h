/*
 * Plausibility: whether light in fibre can have been at the place that a name
 * claims and back in the time that the answer took (FIELD.md F3, F8). What
 * it can not is proven wrong by four numbers: two positions, a round trip, and
 * a margin for what is not known of the positions. Which of them is wrong the
 * numbers do not say: the name, where the vantage point says that it is, or
 * where the map says that the site is.
 */
#ifndef ANALYSIS_PLAUSIBILITY_H
#define ANALYSIS_PLAUSIBILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/run_hours.h"
#include "analysis/samples.h"
#include "lib/sphere.h"

/* How wrong positions may be that are right: a site's code stands for a town
 * and its airports (50 km), and a vantage point is somewhere in its town (25).
 */
#define PLAUSIBILITY_MARGIN_KM 75.0

/* Where a name of a service says that it is. */
struct claim {
	bool known;  /* the map has a site for it */
	bool guess;  /* by a hint: nothing that the operator said */
	bool placed; /* and it has a position */
	struct site site;
	/* how far it is from where it was last seen */
	bool measured;
	struct sphere_point from;
	double km;
};

struct claims {
	const struct catalog *catalog;
	struct claim ***of_service; /* by service, then instance */
};

/* The catalog's map is asked; catalog->map_us says at what time. */
void claims_init(struct claims *, const struct catalog *);
void claims_clear(struct claims *);

/* Valid until claims_clear. */
const struct claim *claims_find(
    struct claims *, int32_t service, int32_t instance);

/* The numbers of one sample that cannot be. */
struct proof {
	int32_t lane, instance; /* indexes */
	int64_t t_us;
	const struct claim *claim;
	struct sphere_point vp;
	double km, reach_km; /* to the site; of light in the round trip */
	int64_t rtt_us, least_us;
};

/* The least round trip over a distance, rounded up; 0 within the margin. */
int64_t plausibility_least_us(double km);

/* Whether a sample's round trip is below the least; only then is the proof
 * filled. false where a position is not known. */
bool plausibility_refutes(
    struct claims *, const struct sample *, struct proof *);

/* A vantage point that violates several targets at once, or a site of a target
 * that is not where the map says: a guess that was wrong, or seen by several
 * who cannot see it there, and could all see it elsewhere. */
struct suspect {
	int32_t vp;            /* index; -1: a site */
	size_t violated, seen; /* targets; of a site: vantage points */
	char *targets;         /* names of those violated; owned */
	struct proof worst;
};

/* "violates 3 of 5 targets: a, b, c" */
void suspect_evidence(const struct suspect *, char *text, size_t size);

/* What a window says, over all vantage points and targets. */
struct plausibility {
	const struct catalog *catalog;
	struct claims claims;
	struct proof *proofs; /* not of guesses; by vantage point, lane, time */
	size_t count, room;
	struct suspect *suspects; /* vantage points, then sites */
	size_t suspect_count, suspect_room;
	bool *misplaced; /* by vantage point */
};

struct plausibility_window {
	struct sampler *sampler; /* of the same catalog: of all of the store */
	int64_t since_us, until_us;
	bool guesses; /* sites that were a guess are wanted, too */
};
void plausibility_read(struct plausibility *, const struct catalog *,
    const struct plausibility_window *);
void plausibility_clear(struct plausibility *);

/* plausibility_screen.c: of very many samples, the targets of which some may
 * be impossible, and the quickest answers of whole hours. */
struct screen {
	bool *wanted; /* by lane: it counts what it says; NULL: all of them */
	bool any;     /* there is such a lane */
	/* By lane that need not be: a name with a position that was seen;
	 * NULL: none, or a guess. */
	const struct claim **seen;
	struct run_hours hours; /* that blocks tell of */
	/* By lane: of these hours the quickest answer of each name is all that
	 * counts, and they are among least, in the order in which the names
	 * came. Their time is that of their hour. */
	bool *told;
	struct screen_part {
		size_t from, end;
	} * of_lane;
	struct samples least;
};
void screen_read(
    struct screen *, struct plausibility *, const struct plausibility_window *);
void screen_clear(struct screen *);

/* Between which times blocks tell of a vantage point (index); where they do
 * not, twice the window's end. */
void screen_around(const struct screen *, const struct plausibility_window *,
    int32_t vp, int64_t around_us[2]);

/* The numbers of a sample, whatever they say. false where a position is not
 * known. */
bool plausibility_measure(
    struct claims *, const struct sample *, struct proof *);

/* Of others nothing can be proven, so they need not be read. */
bool plausibility_has_position(const struct vantage *);

/* plausibility_blame.c: what each vantage point saw, and whom it accuses. */
struct view {
	int32_t vp, target; /* index; number of catalog.names */
	const struct claim *claim;
	struct sphere_disc disc; /* in which the site is */
	bool violated, excused;
	struct proof worst; /* where violated */
};

struct views {
	struct view *items;
	size_t count, room;
	size_t vp_first; /* of the vantage point at hand */
};

void views_add(struct views *, const struct view *);
void views_blame(struct views *, struct plausibility *);

#endif
