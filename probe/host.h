/*
 * What a batch's head says about the host: its clock, boot and addresses.
 */
#ifndef PROBE_HOST_H
#define PROBE_HOST_H

#include "lib/batch.h"

/* Fill in clock state (adjtimex), boot id, own global addresses and the
 * program's version; what the host does not tell stays unknown. */
void host_describe(struct batch_head *);

#endif
