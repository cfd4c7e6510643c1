/*
 * The measurements of RSSAC047v2 (RSSAC Advisory on Metrics for the DNS Root
 * Servers and the Root Server System), and their thresholds: of each root
 * server identifier (a target here) and of the system of all of them. What is
 * a service's round here is an interval of five minutes there.
 * Correctness is not measured.
 */
#ifndef ANALYSIS_RSSAC047_H
#define ANALYSIS_RSSAC047_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/quantile.h"
#include "analysis/soa.h"

#define RSSAC047_INTERVAL_US (300LL * 1000000)

/* IPv4 and IPv6, each over UDP and TCP: the four are measured apart. */
enum rssac047_kind {
	RSSAC047_V4_UDP,
	RSSAC047_V4_TCP,
	RSSAC047_V6_UDP,
	RSSAC047_V6_TCP,
	RSSAC047_KINDS
};

/* Availability of the system: of intervals and vantage points. */
struct rssac047_system {
	int64_t enough, needed; /* sums of min(k, answering), and of k */
};

/* How many of n have to answer: k = ceil((n - 1) * 2/3). */
int64_t rssac047_quorum(int64_t n);
void rssac047_count(
    struct rssac047_system *, int64_t quorum, int64_t answering);

/* One target over one kind. */
struct rssac047_figures {
	int64_t sent, served;
	struct values latency; /* microseconds */
};

/* The oldest serial of a target in an interval, over all kinds. */
struct rssac047_serial {
	int32_t vp, target; /* target: index of rssac047.targets */
	int64_t interval, serial;
};

struct rssac047 {
	struct run *run;
	struct names targets;
	int32_t *target_of;               /* by service; -1: none asks there */
	struct rssac047_figures *figures; /* by target, then kind */
	int64_t asked[RSSAC047_KINDS];    /* targets */
	struct rssac047_system system[RSSAC047_KINDS];
	int64_t incomplete[RSSAC047_KINDS]; /* with fewer than k asked */
	struct values system_latency[RSSAC047_KINDS]; /* the lowest k */
	struct rssac047_serial *serials;
	size_t serial_count, serial_room;
	struct values *publication; /* microseconds, by target */
	struct values system_publication;
};

void rssac047_read(struct rssac047 *, struct run *);
void rssac047_clear(struct rssac047 *);

/* rssac047_serials.c: from serials to publication. */
void rssac047_publish(struct rssac047 *);

#endif
