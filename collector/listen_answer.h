/*
 * Answers to uploads: a receipt, or a refusal as JSON that says why.
 */
#ifndef COLLECTOR_LISTEN_ANSWER_H
#define COLLECTOR_LISTEN_ANSWER_H

#include <stdbool.h>
#include "collector/ingest.h"

struct MHD_Connection;

struct answer {
	unsigned status;        /* 0: none yet */
	bool close;             /* the connection ends with it */
	unsigned retry_after_s; /* 0: none */
	char body[1024];
};

/* {"error":REASON}. 503 and 507 ask to come back at a random time, so that
 * those who were sent away do not come back together. */
void answer_refuse(struct answer *, unsigned status, const char *reason);
/* What a batch came to: a receipt that names its SHA-256, or a refusal. */
void answer_verdict(struct answer *, const struct ingest_result *);

/* Hand it to the library: an enum MHD_Result. */
int answer_send(const struct answer *, struct MHD_Connection *);

#endif
