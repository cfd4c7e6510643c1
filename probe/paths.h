/*
 * What a vantage point remembers of its paths from round to round: which
 * instance answered, how far away it was, and when the path was traced. A path
 * is traced anew when one of the first two has changed, else at its own slower
 * period.
 */
#ifndef PROBE_PATHS_H
#define PROBE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/record.h"
#include "lib/times.h"

/* What is remembered. */
struct path_memory {
	struct wall traced; /* ns 0: never */
	struct wall owed;   /* since when a change waits for its trace; ns 0:
			       none does */
	bool known;         /* an answer was awaited before */
	bool silent;        /* and none came */
	uint64_t method;    /* hash of what named the instance; 0: nothing */
	uint64_t instance;  /* hash of its name */
	int64_t mode_us;    /* where the round trip stays; -1 */
	int64_t deviation_us;
};

/* A name that a record gives: by which method, and how good that is. */
struct path_sight {
	uint64_t method, instance; /* 0: of that method there is no name */
	size_t rank;
};

/* The path of a target's address, and what this round has seen of it. */
struct path {
	struct addr addr;
	uint16_t port;
	const char *target; /* the pointer is the identity; borrowed */
	size_t target_index;
	enum proto over; /* of the lane that is watched */
	struct path_memory memory;
	bool asked, answered, tried, traced;
	int64_t least_us;
	struct path_sight same, best; /* by memory's method; by the best */
};

struct paths {
	struct path *items; /* by address, port, target once sorted */
	size_t count, size;
	struct path *old; /* what the file held, sorted */
	size_t old_count;
};

/* What a round makes of a path. */
enum path_change {
	PATH_SAME,
	PATH_INSTANCE, /* another instance, or one without a name */
	PATH_SILENCE,  /* silent now, or no longer */
	PATH_RTT,      /* the round trip has another mode */
};
const char *path_change_name(enum path_change);

/* --- paths_file.c --- */

/* Read what folder holds; nothing, where the file is missing, and nothing and
 * a line on standard error where it is damaged. 0, or -1 without memory.
 * paths_clear frees. */
int paths_read(struct paths *, const char *folder);
/* In its place, durably: all items, and of the rest what was traced less than
 * keep ago. 0, or -1 (errno). */
int paths_write(const struct paths *, const char *folder, struct wall now,
    struct span keep);

/* --- paths.c --- */

/* One more, with its memory. The pointer is good until the next. NULL: no
 * memory. */
struct path *paths_add(
    struct paths *, const struct addr *, uint16_t port, const char *target);
/* After the last paths_add: by address. */
void paths_sort(struct paths *);
/* The index of the first of an address, or of what would come behind it. */
size_t paths_first(const struct paths *, const struct addr *);
void paths_clear(struct paths *);
int path_compare(const void *, const void *); /* address, port, target */

/* A record of flow 0 of its address. order names methods, the best first, as
 * identify.h has it. */
struct path_order {
	const char (*name)[LIMIT_QUESTION];
	size_t count;
};
void path_see(struct path *, const struct record *, const struct path_order *);

/* The lane has no more records in this round: whether it changed. A change is
 * owed a trace from then on, until path_settle. */
enum path_change path_judge(struct path *, struct wall now);
/* The round is over: what was traced is remembered. */
void path_settle(struct path *, struct wall now);

/* Whether its time has come: never traced, or period ago. */
bool path_is_due(const struct path *, struct wall now, struct span period);

#endif
