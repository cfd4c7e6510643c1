/*
 * The plan: every ask of a run, made before the first packet leaves.
 */
#ifndef PROBE_PLAN_H
#define PROBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/times.h"
#include "probe/prober.h"

struct plan {
	struct ask *asks;
	struct span *after; /* by index: not before start + after */
	size_t count, size;
	size_t peers; /* addresses */
	size_t most;  /* packets to one address, a trace being one */
	struct flow_table *flows;
	bool udp_trace[2]; /* IPv4, IPv6: else traces are ICMP */
};

/* A question by its name: "soa" of zone; "echo"; "trace" (whose packets ask
 * the SOA of zone); else as dns_asked_from_text reads it. 0, or -1 where name
 * is no question or zone no DNS name. */
int question_init(struct question *, const char *name, const char *zone);

void plan_init(struct plan *, struct flow_table *, const struct link *);
void plan_clear(struct plan *);

/* target and question are borrowed until the plan is cleared. 0, or -1 when
 * out of memory. */
struct plan_item {
	const char *target;
	const struct question *question;
	struct addr addr;
	uint16_t port;
	enum proto proto; /* of a DNS question: UDP or TCP */
	int flow;
	struct span after;
	enum letters letters;
};
int plan_add(struct plan *, const struct plan_item *);

/* Random order, as a good neighbour asks, of what is due at one time; what is
 * asked of one address lies not far apart, so that not all sockets of a round
 * are open at once. Before plan_start. 0, or -1 when out of memory. */
int plan_shuffle(struct plan *);

/* Put all of it into the prober's schedule: it grows no more, and is not
 * printed. */
void plan_start(struct plan *, struct prober *);

/* What would be sent (--dry-run): a line for each ask. */
void plan_print(const struct plan *);

#endif
