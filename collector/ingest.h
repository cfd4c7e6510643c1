/*
 * Ingest: from the bytes of a batch file to committed rows. Verify, then
 * decompress, then parse; all of a batch or nothing.
 *
 * Parsing needs no database and can be done by other threads than storing;
 * several batches are stored in one transaction.
 */
#ifndef COLLECTOR_INGEST_H
#define COLLECTOR_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "collector/item.h"
#include "collector/store.h"
#include "lib/addr.h"
#include "lib/batch.h"

/* What a batch came to. The comment is the HTTP status that listen.c gives. */
enum ingest_verdict {
	INGEST_STORED,        /* 201 */
	INGEST_DUPLICATE,     /* 200 */
	INGEST_CONFLICT,      /* 409; set aside under ARCHIVE/conflict/ */
	INGEST_UNKNOWN_VP,    /* 403: no such vantage point or key */
	INGEST_BAD_SIGNATURE, /* 401 */
	INGEST_MALFORMED,     /* 400: line, length or digest */
	INGEST_TOO_BIG,       /* 413 */
	INGEST_BAD_CODEC,     /* 415 */
	INGEST_BAD_RECORD,    /* 422; reason names the line */
	INGEST_REVOKED,       /* 422: measured when its key did not hold */
	INGEST_OVER_QUOTA,    /* 429: enough for today */
	INGEST_BUSY,          /* 503 */
	INGEST_FULL,          /* 507 */
	INGEST_BROKEN,        /* 500 */
	INGEST_VERDICTS
};
const char *ingest_verdict_name(enum ingest_verdict);
int ingest_verdict_status(enum ingest_verdict);

struct ingest_result {
	enum ingest_verdict verdict;
	char reason[256];       /* one line, safe to print */
	struct batch_line line; /* where it could be read */
};

/* What can be said from the two clear lines alone, before the body: STORED
 * means "send it", else the final verdict. */
void ingest_preview(struct store *, const char *line, size_t line_len,
    const char *signature, struct ingest_result *);

/* The whole file's bytes; its own transaction. After INGEST_STORED or
 * INGEST_DUPLICATE the batch survives a power cut. */
void ingest_batch(
    struct store *, const uint8_t *file, size_t len, struct ingest_result *);

/* The same in two steps, for a batch whose sender ingest_preview has found to
 * be right. Set file and len, the rest to zero; result.verdict says
 * INGEST_STORED until something is wrong. */
struct ingest_job {
	const uint8_t *file; /* the caller's, until it is stored */
	size_t len;
	struct addr from; /* who sent it; not set: unknown */
	struct ingest_result result;
	bool whole; /* line, length and digest are right */
	struct batch_pieces pieces;
	struct batch_head head;
	struct items items;
};
void ingest_parse(struct ingest_job *);
/* One transaction for all; each has its verdict. A job that was refused when
 * it was parsed may be among them. */
void ingest_store(struct store *, struct ingest_job *const *, size_t count);
void ingest_job_clear(struct ingest_job *);

#endif
