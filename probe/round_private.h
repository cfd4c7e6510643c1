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
#include "probe/manners.h"
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
	struct manners *manners;
	struct sign_key *key;
	struct spool *spool;
	struct target_questions *questions; /* by target */
	struct services *services;
	struct plan plan;
	size_t unresolved; /* questions whose target has no address now */
	struct batch_head head;
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

#endif
