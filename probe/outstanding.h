/*
 * Probes that wait for their answer. Each timeout has a queue of its own, so
 * every queue is in order by itself and both ends are O(1).
 */
#ifndef PROBE_OUTSTANDING_H
#define PROBE_OUTSTANDING_H

#include "probe/flow.h"
#include "probe/probe.h"

enum patience {
	PATIENCE_ANSWER, /* a question: -W */
	PATIENCE_HOP,    /* a hop of a trace */
	PATIENCE_COUNT
};

struct outstanding {
	struct probe_list queue[PATIENCE_COUNT];
	struct span timeout[PATIENCE_COUNT];
	size_t count;
};

void outstanding_init(
    struct outstanding *, struct span answer, struct span hop);

/* The probe was sent at probe->sent: put it on its flow's list and queue. */
void outstanding_add(struct outstanding *, struct probe *, enum patience);

/* No longer waiting; stays on its flow's list for late and second replies. */
void outstanding_close(struct outstanding *, struct probe *, enum patience);

/* Off its flow's list too. */
void outstanding_forget(struct probe *);

/* A probe whose time is up at now, still open; false: none. */
bool outstanding_expire(
    const struct outstanding *, struct mono now, struct probe **);

/* When the next one is due; INT64_MAX: never. */
struct mono outstanding_next(const struct outstanding *);

#endif
