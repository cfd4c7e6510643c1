/*
 * What is to be sent, and when it may be: asks in order of their time, a
 * bucket for the vantage point and one for each address (DESIGN.md 10).
 */
#ifndef PROBE_SCHEDULE_H
#define PROBE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/times.h"
#include "probe/probe.h"

struct schedule;

/* rate: packets per second of the vantage point, burst of them at once, at
 * least one, and as many as a late wake-up may be late for; rate 0: no bucket
 * is asked, as what is sent is only played. size: asks that may wait at the
 * same time. NULL: no memory. */
struct schedule *schedule_new(
    double rate, double burst, size_t size, struct mono now);
void schedule_free(struct schedule *);

/* ask wants to send a packet, not before ask->due. */
void schedule_add(struct schedule *, struct ask *);

/* An ask whose time has come and for which both buckets have a token, which
 * are then taken; false: none at this moment. */
bool schedule_next(struct schedule *, struct mono now, struct ask **);

/* The ask that schedule_next gave last sent no packet: its tokens go back. */
void schedule_give_back(struct schedule *, const struct ask *);

/* It sent more packets than one: their tokens are owed. */
void schedule_charge(struct schedule *, const struct ask *, int packets);

/* Whether any ask's time has come, whatever its buckets say. */
bool schedule_is_due(const struct schedule *, struct mono now);

/* Whether asks wait for nothing but the vantage point's own rate, and more
 * than one of them for each millisecond. */
bool schedule_is_pressed(const struct schedule *, struct mono now);

/* When schedule_next may have one; INT64_MAX: nothing waits. */
struct mono schedule_when(const struct schedule *, struct mono now);

/* Take any waiting ask out, whatever its time; false: none waits. */
bool schedule_take(struct schedule *, struct ask **);

#endif
