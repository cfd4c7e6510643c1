/*
 * Import of RIPE Atlas results (dns, ping, traceroute), as a JSON array, an API
 * page or JSON Lines, plain, .gz or .zst. Streams: memory does not grow with
 * the file.
 *
 * A result is a batch: vantage point "atlas-PROBE", spool "ripe-atlas:MSM",
 * number = time * 100 + subid, SHA-256 over what is read of it. So results
 * that overlap, in any order and with any repetition, are stored once.
 * A result that cannot be read is counted by reason and stops nothing.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_H

#include <stddef.h>
#include "collector/store.h"

struct import_options {
	const char *target; /* NULL: "msm-ID" of each result */
	/* Where probes are: RIPE's probe archive or an API page of probes.
	 * NULL: from the fields src_lat, src_lon, asn_v4, asn_v6 and
	 * country_code of the results, where a publisher added them. */
	const char *probes;
	/* What was asked where a result (a time-out) does not say so: such as
	 * "hostname.bind" or "soa". NULL: what the answers to the same
	 * measurement in the same import agree on, else "unknown". */
	const char *question;
	char *const *files; /* "-" is standard input */
	size_t file_count;
};

/* Import, then settle. A summary goes to standard output, errors are logged.
 * The exit code: 0 however many results were not read; 2 where a file is
 * missing or holds no result at all; 3 where one may not be read; 4 where the
 * store failed or a file is damaged (what was read before it stays). */
int import_ripe_atlas(struct store *, const struct import_options *);

#endif
