/*
 * What the parts of a round share.
 */
#ifndef PROBE_ROUND_PRIVATE_H
#define PROBE_ROUND_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/batch.h"
#include "lib/sign.h"
#include "probe/config.h"
#include "probe/habits.h"
#include "probe/manners.h"
#include "probe/near.h"
#include "probe/paths.h"
#include "probe/plan.h"
#include "probe/services.h"
#include "probe/spool.h"

/* The questions of one target, made once for all its addresses. */
struct target_questions {
	struct question *question; /* names, then echo, then trace */
	size_t count;
};

struct round {
	const struct config *config;
	struct link *link;
	struct near *near;    /* routers that all traces of the round share */
	struct link *witness; /* the link, where evidence is written; or NULL */
	struct manners *manners;
	struct sign_key *key;
	struct spool *spool;
	struct target_questions *questions; /* by target */
	struct services *services;
	struct plan plan;
	size_t unresolved;    /* questions whose target has no address now */
	struct paths paths;   /* of all addresses that are traced */
	struct habits habits; /* of all addresses */
	struct wall now;      /* when it was planned */
	int due_left, changes_left; /* traces */
	struct batch_head head;
	struct mono began; /* splay is over: the deadline runs */
	struct mono start; /* of the first run: its time is round_at */
	struct batch_writer *writer;
	bool dry;       /* print the plan, send nothing */
	bool failed;    /* a record could not be kept */
	int32_t *place; /* in the batch, by order of emission; -1: not kept */
	int32_t emitted, kept;
};

/* What is asked of all targets, in random order: r->plan, whose flows and link
 * are there, r->questions and r->unresolved. 0, or -1 without memory. */
int round_plan(struct round *);
void round_plan_clear(struct round *);

/* --- round_trace.c: which paths are traced --- */

/* What earlier rounds remember. 0, or -1 without memory. */
int round_paths_open(struct round *);
/* The path to the address of item is of interest. 0, or -1. */
int round_paths_add(
    struct round *, size_t target_index, const struct plan_item *);
/* All are known: into r->plan go changes that wait since an earlier round, and
 * the paths whose time has come. 0, or -1. */
int round_paths_due(struct round *);
void round_paths_see(struct round *, const struct ask *, const struct record *);
/* The plan was carried out: traces of what changed. 0, or -1. */
int round_paths_changed(struct round *, struct plan *more);
/* The batch is durable. */
void round_paths_save(struct round *);

/* --- round_habits.c: what is known of servers --- */

/* What earlier rounds remember. 0, or -1 without memory. */
int round_habits_open(struct round *);
/* Of an address that is planned now: the letters of a question, and whether
 * it is to be asked in this round. The address of item was the last that
 * habits_add was called with. */
enum letters round_letters(const struct round *, const struct config_target *,
    const struct plan_item *);
bool round_asks(const struct round *, const struct plan_item *);
/* The plan has all addresses, in no random order yet. */
void round_habits_place(struct round *);
void round_habits_see(
    struct round *, const struct ask *, const struct record *);
/* The batch is durable. */
void round_habits_save(struct round *);

#endif
