/*
 * What a vantage point remembers of an address from round to round: whether
 * its servers give back the letters of a name in the case in which they came,
 * and when they were asked for their version.
 */
#ifndef PROBE_HABITS_H
#define PROBE_HABITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/record.h"
#include "lib/times.h"

/* What is known of letters. Servers are asked in mixed case only where that
 * has been seen to make no difference. */
enum habit_letters {
	HABIT_NEW,    /* nothing: ask in one case, and keep what comes */
	HABIT_TRY,    /* ask in mixed case, and compare */
	HABIT_ECHOES, /* they come back, and all is as before */
	HABIT_OFF,    /* they do not, or something else comes */
};

struct habit {
	struct addr addr;
	uint16_t port;
	uint8_t letters; /* enum habit_letters */
	uint8_t tries;   /* that brought something else, in a row */
	bool asked, mixed, answered, changed, version; /* in this round */
	struct wall since;                             /* of HABIT_OFF */
	struct wall versioned; /* asked for its version; ns 0: never */
	uint64_t seen;         /* a set: what came to questions in one case */
	uint64_t sees;         /* in this round */
};

struct habits {
	struct habit *items; /* by address and port once sorted */
	size_t count, size;
	struct habit *old; /* what the file held, sorted */
	size_t old_count;
};

/* Read what folder holds; nothing where the file is missing, and nothing and a
 * line on standard error where it is damaged. 0, or -1 without memory.
 * habits_clear frees. */
int habits_read(struct habits *, const char *folder);
void habits_clear(struct habits *);

/* One more address, as it is remembered. The pointer is good until the next.
 * NULL: no memory. */
struct habit *habits_add(
    struct habits *, const struct addr *, uint16_t port, struct wall now);
/* After the last: by address. */
void habits_sort(struct habits *);
/* NULL: it was not added. */
struct habit *habits_find(
    const struct habits *, const struct addr *, uint16_t port);
/* The place of the first of an address, for who asks often; count: none. And
 * habits_find from there on. */
size_t habits_first(const struct habits *, const struct addr *);
struct habit *habits_find_at(
    const struct habits *, size_t first, const struct addr *, uint16_t port);
/* In its place, durably: all, and of those that are no longer asked what was
 * learnt not too long ago. 0, or -1 (errno). */
int habits_write(const struct habits *, const char *folder, struct wall now);

/* Whether letters may be mixed. known: somebody says that they come back. */
bool habit_mixes(const struct habit *, bool known);
/* The version of a server is asked for once a day at most. */
bool habit_is_version(const char *question);
/* Whether a day has gone by since the version was asked for. every: how far
 * apart rounds are. */
bool habit_asks_version(
    const struct habit *, struct wall now, struct span every);

/* A record of the address, and whether its question was in mixed case. */
void habit_see(struct habit *, const struct record *, bool mixed);
/* The round is over. */
void habit_settle(struct habit *, struct wall now);

#endif
