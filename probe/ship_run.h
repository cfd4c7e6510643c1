/*
 * A run of acship: everything that waits, oldest first.
 */
#ifndef PROBE_SHIP_RUN_H
#define PROBE_SHIP_RUN_H

#include <stdbool.h>
#include "lib/sign.h"
#include "probe/ship.h"
#include "probe/spool.h"

struct ship_run {
	struct spool *spool;
	struct shipper *shipper;
	const struct sign_key *key; /* signs again after a 409 */
	bool quiet;                 /* nothing is said about what waits */
	/* Of the run, zero at first. */
	struct span slept;
	int renewals, failures;
	size_t sent, kept, rejected;
};

/* The exit code: 0 all was delivered, 1 something still waits, 4 the spool
 * cannot be read or written. */
int ship_run(struct ship_run *);

/* What would go: a line for each batch, on standard output. */
int ship_print(struct spool *);

#endif
