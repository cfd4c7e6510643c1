/*
 * Uploads on their way into the store. Some threads read and parse them, one
 * stores what is parsed, several in one transaction and one flush, and
 * settles when there is time. The listener's thread gives and takes, and
 * waits for nothing. A job comes back when its verdict is durable.
 */
#ifndef COLLECTOR_PIPELINE_H
#define COLLECTOR_PIPELINE_H

#include <stddef.h>
#include <stdint.h>
#include "collector/ingest.h"
#include "collector/store.h"

/* One upload. The caller's until it is put, and again when it is taken. */
struct pipeline_job {
	void *owner;
	int fd; /* the file, len bytes of it; the pipeline only reads */
	size_t len;
	/* With what it must begin, a newline after each. Borrowed. */
	const char *line, *signature;
	size_t line_len;

	unsigned status;    /* of HTTP, where it did not get to a verdict; */
	const char *reason; /* a constant then */
	struct ingest_job ingest; /* its result is the verdict else */

	uint8_t *file; /* from here on the pipeline's own */
	struct pipeline_job *next;
};

struct pipeline;

/* Starts its threads. The store is its own until it is stopped. NULL: one
 * line was logged. */
struct pipeline *pipeline_start(struct store *);
/* Ends the threads. What is not being stored yet comes back as
 * INGEST_BUSY. */
void pipeline_stop(struct pipeline *);
/* After it was stopped and all jobs were taken: what is marked is settled, as
 * far as that is quick. */
void pipeline_free(struct pipeline *);

/* Readable while there are jobs to take. */
int pipeline_fd(const struct pipeline *);
void pipeline_put(struct pipeline *, struct pipeline_job *);
/* NULL: no more for now. */
struct pipeline_job *pipeline_take(struct pipeline *);

/* Bytes of files that wait to be parsed: how far it is behind. */
size_t pipeline_backlog(struct pipeline *);

#endif
