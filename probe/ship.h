/*
 * One upload: a batch over HTTPS to the collector, and what its answer means
 * (DESIGN.md 8, Upload).
 */
#ifndef PROBE_SHIP_H
#define PROBE_SHIP_H

#include <stddef.h>
#include <stdint.h>
#include "lib/batch.h"
#include "probe/config.h"

enum ship_verdict {
	SHIP_STORED,    /* a receipt for exactly this batch: it may go */
	SHIP_CONFLICT,  /* another content is stored under its number */
	SHIP_REJECTED,  /* it will never be accepted */
	SHIP_KEEP,      /* keep it: trying again at once would not help */
	SHIP_RETRY,     /* keep it; this batch or this moment is the trouble */
	SHIP_UNREACHED, /* keep it; the collector could not be talked to */
};

struct ship_answer {
	enum ship_verdict verdict;
	int64_t retry_after_s; /* 0: not said; clamped */
	char reason[512];      /* for a person; may hold foreign text */
};

struct shipper; /* connections are kept from one upload to the next */

/* NULL with one line in error. shipper_free frees. The configuration is
 * borrowed and names a collector. */
struct shipper *shipper_new(
    const struct config *, char *error, size_t error_size);
void shipper_free(struct shipper *);

struct ship_file {
	const struct batch_pieces *pieces;
	const uint8_t *bytes;
	size_t len;
};

void ship_upload(
    struct shipper *, const struct ship_file *, struct ship_answer *);

/* What a collector's answer means. body is what it sent, cut at
 * LIMIT_RECEIPT_BYTES; complete says that nothing is missing of it. */
struct ship_reply {
	long status;
	bool complete;
	const char *body;
	size_t len;
	int64_t retry_after_s;
};
void ship_judge(
    const struct batch_line *, const struct ship_reply *, struct ship_answer *);

#endif
