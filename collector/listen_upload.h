/*
 * One upload, from its head to its answer. What can be said from the head is
 * said before the body comes (Expect: 100-continue); a peer that sends the
 * body all the same is read to its end and answered then, never in mid-body.
 */
#ifndef COLLECTOR_LISTEN_UPLOAD_H
#define COLLECTOR_LISTEN_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include "collector/listen_peers.h"
#include "collector/store.h"
#include "lib/times.h"

struct MHD_Connection;
struct pipeline;
struct pipeline_job;
struct upload;

/* What uploads share. */
struct uploads {
	struct store *store; /* for reading */
	struct pipeline *pipeline;
	struct peers *peers;
	struct meter *meter;
	int temp_dirfd;
	size_t under_way;       /* with a head that was accepted */
	struct mono log_minute; /* refusals are logged, some a minute */
	unsigned logged;
};

/* A file without a name in the folder, for a body on its way in. */
int upload_temp_file(int dirfd);

/* The request line has come; uri is as it was sent. NULL: no memory. */
struct upload *upload_new(struct uploads *, struct peer *, const char *uri);
void upload_free(struct upload *);

/* A job that the pipeline has given back: it is answered. */
void upload_done(struct pipeline_job *);

/* The library's access handler, an enum MHD_Result: called once with the
 * head, then with pieces of the body, then with *len 0. */
int upload_handle(struct upload *, struct MHD_Connection *, const char *method,
    const char *version, const char *data, size_t *len);

#endif
