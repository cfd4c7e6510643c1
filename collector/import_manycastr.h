/*
 * Import of a catchment that was mapped from the anycast prefix itself
 * (Verfploeter, IMC 2017), as MAnycastR writes it: CSV, also .gz, with columns
 * rx,addr,ttl[,rtt] or rx,rx_time,addr,ttl,tx_time,tx, and comments before
 * them that name the source address.
 *
 * Whoever was asked is the vantage point: the /24 or /48 of addr, named
 * "192.0.2.0-24" or "2001-db8-1---48". The site that received the reply is
 * what it answered, by the method "verfploeter". A batch is what one vantage
 * point answered within an hour: spool "manycastr:ADDRESS", its number the
 * time of its first reply.
 */
#ifndef COLLECTOR_IMPORT_MANYCASTR_H
#define COLLECTOR_IMPORT_MANYCASTR_H

#include <stddef.h>
#include "collector/store.h"
#include "lib/addr.h"

struct manycastr_options {
	const char *target; /* NULL: the anycast address */
	/* Not set: what the file's comments say; they must name one. */
	struct addr address;
	/* When it was measured where the rows do not say. */
	bool has_time;
	struct wall time;
	char *const *files; /* "-" is standard input */
	size_t file_count;
};

/* Import, then settle. A summary goes to standard output, errors are logged.
 * The exit code: 0 however many rows were not read; 2 where a file is missing
 * or not such a file; 3 where one may not be read; 4 where the store
 * failed. */
int import_manycastr(struct store *, const struct manycastr_options *);

#endif
