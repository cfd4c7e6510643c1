/*
 * A path: who answered at each distance, up to the target or as far as a trace
 * came. A hop that is silent says nothing: two paths that nowhere contradict
 * one another are the same.
 */
#ifndef ANALYSIS_PATH_H
#define ANALYSIS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"

#define PATH_HOPS 255

struct hop {
	struct addr addr; /* not set: silent */
	int64_t asn;      /* -1: unknown */
};

/* hops[i] is at distance i + 1; the last one is not silent. Of a path that
 * reached the target it is the target. */
struct path {
	struct hop *hops;
	size_t count, room;
	bool reached;
};

/* A hop behind the last one; what was silent in between is filled in. At a
 * distance that is known already, or of none, it is left out. */
void path_add(struct path *, size_t distance, const struct hop *);
/* The target answered at that distance: nothing is behind it. 0: unknown. */
void path_end(struct path *, size_t distance);
void path_clear(struct path *);

/* Whether they nowhere contradict one another. A target that answered behind
 * silence may be nearer: the packet that reached it first was lost. */
bool path_fits(const struct path *, const struct path *);
/* Take over what the other knows more, where they fit. */
void path_join(struct path *, const struct path *);

/* Where two paths part. */
struct parting {
	size_t distance;             /* 0: nowhere */
	const struct hop *from, *to; /* there; NULL: the path has ended */
	/* The networks there: of the first hop from there on of which one is
	 * known, so that both are the same where they part inside of it; -1:
	 * none. */
	int64_t from_asn, to_asn;
};
struct parting path_part(const struct path *from, const struct path *to);

/* "64500 64501 * 64502": the networks, each once in a row; * where they are
 * not known between two. The length that the whole text has, as snprintf. */
size_t path_networks(char *text, size_t size, const struct path *);

#endif
