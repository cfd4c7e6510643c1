/*
 * What the parts of a look share.
 */
#ifndef PROBE_LOOK_PRIVATE_H
#define PROBE_LOOK_PRIVATE_H

#include "lib/record.h"
#include "probe/look.h"
#include "probe/look_kept.h"
#include "probe/look_read.h"
#include "probe/plan.h"
#include "probe/services.h"

enum { SOA, HOSTNAME_BIND, ID_SERVER, ECHO, TRACE, QUESTIONS };

struct look {
	const struct look_options *options;
	struct look_address *addresses;
	size_t address_count;
	struct question question[QUESTIONS];
	struct services *services;
	struct question *service_question; /* SERVICE_METHODS an address */
	struct site_map *map;
	struct look_kept kept;
	struct names *names;
	struct geo *geo;        /* NULL: no file of the operator's */
	struct look_read *read; /* a capture instead of the network */
};

/* --- look_plan.c --- */

/* The questions that are asked of all. 0, or -1: no zone of this name. */
int look_questions(struct look *);
/* All that is asked of an address. 0, or -1 without memory. */
int look_plan(struct plan *, const struct look *, const struct look_address *);

/* --- look_show.c --- */

/* Print what was kept. The exit code. */
int look_show(struct look *);

#endif
