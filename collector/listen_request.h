/*
 * The head of an upload. libmicrohttpd lets much pass that another server on
 * the way may read in another way (RFC 9112 section 11.2: request smuggling),
 * so a head is taken only in one form:
 *
 *   PUT /v1/batch/VP/SPOOL/NUMBER HTTP/1.1, headers as "Name: value" with one
 *   space, CR LF, no folding, exactly one Content-Length, no
 *   Transfer-Encoding, once each Acbatch and Acbatch-Signature.
 */
#ifndef COLLECTOR_LISTEN_REQUEST_H
#define COLLECTOR_LISTEN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/batch.h"
#include "lib/limits.h"

struct MHD_Connection;

/* The longest body: a batch file of the largest size. */
#define REQUEST_BODY_MAX \
	((size_t)LIMIT_BATCH_BYTES + LIMIT_BATCH_LINE + SIGN_SIGNATURE_TEXT)

/* What the library has read of the request line; uri is as it was
 * sent, "" where it was too long to keep. */
struct request_line {
	const char *method, *uri, *version;
};

struct request_head {
	char vp[LIMIT_VP_NAME + 1]; /* of the path */
	char spool[BATCH_SPOOL_TEXT];
	int64_t number;
	size_t body_len;
	bool expects_continue;
	/* Borrowed from the connection, as long as the request lasts. */
	const char *batch, *signature;
	size_t batch_len;
};

/* 0, or the status that refuses it; *reason is then a constant text.
 * body_len and expects_continue are set either way, body_len 0 where the
 * framing is not to be trusted. */
unsigned request_head_read(struct request_head *, struct MHD_Connection *,
    const struct request_line *, const char **reason);

#endif
