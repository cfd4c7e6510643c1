/*
 * A look at a capture instead of the network: what it asked is the plan.
 */
#ifndef PROBE_LOOK_READ_H
#define PROBE_LOOK_READ_H

#include "probe/evidence_read.h"
#include "probe/look.h"
#include "probe/plan.h"

struct look_read;

/* Every address that the capture asks, by its text. The exit code; both are
 * freed as those of look_resolve and by look_read_done. */
int look_read_addresses(const struct look_options *, struct look_read **,
    struct look_address **addresses, size_t *count);
struct link *look_read_link(struct look_read *);
struct span look_read_span(const struct look_read *);

/* Every question of it, with the flows that it shows; addresses are those of
 * look_read_addresses. 0, or -1: no memory. */
int look_read_plan(struct look_read *, struct plan *,
    const struct look_address *addresses, size_t count);
void look_read_done(struct look_read *);

#endif
