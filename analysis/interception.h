/*
 * Interception: vantage points that are answered by somebody else than the
 * service, as three things give away:
 *
 * - a name outside the scheme that the map declares for a service, where
 *   others see the scheme (or nobody sees any name);
 * - one name given by services that have nothing to do with each other;
 * - an answer from a canary, an address of the operator's own where nothing
 *   answers.
 *
 * A name is the service's own, however odd, if it is seen from three networks,
 * ends like the names of the scheme, or, of one that several services give, if
 * others see it at one of them alone.
 */
#ifndef ANALYSIS_INTERCEPTION_H
#define ANALYSIS_INTERCEPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/query.h"
#include "analysis/samples.h"

/* A name in a lane, in the window, the day before it, and at its end. */
struct sight {
	int32_t lane, instance; /* indexes */
	int32_t vp, target;     /* index; number of catalog.names */
	int32_t text, method;   /* of the names; "" and -1 for no name */
	bool named;             /* by nsid, hostname.bind or id.server */
	bool empty; /* a name was given, and it is "": as its question */
	bool in_scheme;
	int64_t first_us, last_us;
	char *evidence; /* NULL: nothing is against it; owned */
};

/* A sample of a canary, of vantage points to which one ever answered. */
struct song {
	int32_t vp;
	int32_t proto; /* number of catalog.names */
	int af;
	int64_t t_us, patience_us;
	bool answered;
	int32_t lane;
};

struct interception {
	const struct catalog *catalog;
	struct sight *sights; /* by lane, instance */
	size_t count, room;
	struct song *songs; /* by vantage point, family, protocol, time */
	size_t song_count, song_room;
};

struct interception_window {
	struct query *query;
	struct sampler *sampler;
	int64_t since_us, until_us;
};

/* catalog and sampler must be of all of the store. */
void interception_read(struct interception *, const struct catalog *,
    const struct interception_window *);
void interception_clear(struct interception *);

/* Whether somebody else gave this answer, or this name in this lane. */
bool interception_marks(const struct interception *, const struct sample *);
bool interception_marks_name(
    const struct interception *, int32_t lane, int32_t instance);

/* Set the bits DOUBT_NAME and DOUBT_CANARY (judge.h) of doubts, by lane. */
void interception_doubts(const struct interception *, uint8_t *doubts);

/* interception_scheme.c, interception_shared.c: set the evidence of sights,
 * and leave them in another order. */
void interception_judge_schemes(struct interception *);
void interception_judge_shared(struct interception *);

/* How many networks of the vantage points of sights[0, count) are known, up
 * to INTERCEPTION_NETWORKS. */
#define INTERCEPTION_NETWORKS 3
size_t interception_networks(
    const struct catalog *, const struct sight *const *, size_t count);

#endif
