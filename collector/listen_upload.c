#include "collector/listen_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/ingest.h"
#include "collector/listen_answer.h"
#include "collector/listen_request.h"
#include "collector/meter.h"
#include "collector/pipeline.h"
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

#define URI_MAX 256      /* ours have at most 128 */
#define ANSWER_S 10      /* to take an answer of a few hundred bytes */
#define LOGS_A_MINUTE 20 /* refusals; a stranger must not fill the log */

struct upload {
	struct uploads *shared;
	struct peer *peer;
	char uri[URI_MAX]; /* "" : longer */
	bool begun;
	struct request_head head;
	struct answer answer; /* status 0: none yet; else the rest of the
			       * body is thrown away */
	int fd;               /* -1: none */
	struct MHD_Connection *connection; /* while it is in the pipeline */
	struct pipeline_job job;
};

static void
allow_seconds(struct upload *u, double seconds)
{
	if (u->peer != NULL)
		u->peer->deadline = mono_add(mono_now(), span_s(seconds));
}

struct upload *
upload_new(struct uploads *shared, struct peer *peer, const char *uri)
{
	struct upload *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->shared = shared;
	u->peer = peer;
	u->fd = -1;
	(void)text_copy(u->uri, sizeof(u->uri), uri);
	return u;
}

void
upload_free(struct upload *u)
{
	if (u == NULL)
		return;
	/* The next head on this connection has as long as an idle one. */
	allow_seconds(u, LIMIT_HTTP_IDLE_S);
	if (u->fd != -1) {
		(void)close(u->fd);
		u->shared->under_way--;
	}
	free(u);
}

int
upload_temp_file(int dirfd)
{
	char name[64];
	int fd;

	fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	/* A file system without files that have no name. */
	if (text_print(name, sizeof(name), ".upload-%08x%08x", arc4random(),
		arc4random()) == -1)
		return -1;
	fd = openat(dirfd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd != -1)
		(void)unlinkat(dirfd, name, 0);
	return fd;
}

/* --- answers --- */

/* Faults of ours always, refusals so many a minute. */
static bool
may_log(struct uploads *shared, unsigned status)
{
	struct mono now = mono_now();

	if (status >= 500)
		return true;
	if (mono_since(now, shared->log_minute).ns >= span_s(60).ns) {
		shared->log_minute = now;
		shared->logged = 0;
	}
	return ++shared->logged <= LOGS_A_MINUTE;
}

static void
log_answer(struct upload *u)
{
	char from[ADDR_TEXT] = "", text[1024];
	size_t len;

	if (u->answer.status < 300) {
		log_info("upload: %u %s", u->answer.status, u->uri);
		return;
	}
	if (!may_log(u->shared, u->answer.status))
		return;
	if (u->peer != NULL)
		addr_format(from, &u->peer->from);
	(void)text_copy(text, sizeof(text), u->answer.body);
	len = strlen(text);
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	log_warnx(
	    "upload: from %s: %s: %u %s", from, u->uri, u->answer.status, text);
}

static int
send_answer(struct upload *u, struct MHD_Connection *connection)
{
	log_answer(u);
	allow_seconds(u, ANSWER_S);
	return answer_send(&u->answer, connection);
}

static void
refuse(struct upload *u, unsigned status, const char *reason)
{
	answer_refuse(&u->answer, status, reason);
	meter_status(u->shared->meter, status);
}

static void
judged(struct upload *u, const struct ingest_result *result)
{
	answer_verdict(&u->answer, result);
	meter_verdict(u->shared->meter, result);
}

/* --- the head --- */

static bool
is_of_path(const struct request_head *head, const struct batch_line *line)
{
	return strcmp(head->vp, line->vp) == 0 &&
	       strcmp(head->spool, line->spool) == 0 &&
	       head->number == line->number;
}

/* Two lines and the body. */
static bool
is_of_length(const struct request_head *head, const struct batch_line *line)
{
	return line->bytes >= 0 && (uint64_t)line->bytes + head->batch_len +
					   strlen(head->signature) + 2 ==
				       head->body_len;
}

/* What the two clear lines say, by themselves and against the path. A batch
 * in conflict is wanted all the same: it is evidence, and set aside. */
static void
preview(struct upload *u)
{
	const struct request_head *head = &u->head;
	struct ingest_result result;

	memset(&result, 0, sizeof(result));
	ingest_preview(u->shared->store, head->batch, head->batch_len,
	    head->signature, &result);
	if (result.line.vp[0] != '\0' && !is_of_path(head, &result.line))
		refuse(u, MHD_HTTP_BAD_REQUEST,
		    "the path names another batch than Acbatch");
	else if (result.verdict != INGEST_STORED &&
		 result.verdict != INGEST_CONFLICT)
		judged(u, &result);
	else if (!is_of_length(head, &result.line))
		refuse(u, MHD_HTTP_BAD_REQUEST,
		    "Content-Length is not the length of this batch");
}

/* More than can be done soon is better sent elsewhere in time. */
static bool
is_overloaded(const struct uploads *shared)
{
	const struct peers *peers = shared->peers;

	return peers->count > peers->size - peers->size / 4 ||
	       pipeline_backlog(shared->pipeline) > LIMIT_BACKLOG_BYTES;
}

static void
open_temp(struct upload *u)
{
	u->fd = upload_temp_file(u->shared->temp_dirfd);
	if (u->fd == -1) {
		log_warn("upload: temporary file");
		refuse(u, MHD_HTTP_SERVICE_UNAVAILABLE, "no file for the body");
		return;
	}
	u->shared->under_way++;
}

static int
begin(struct upload *u, struct MHD_Connection *connection,
    const struct request_line *line)
{
	const char *reason;
	unsigned status;

	status = request_head_read(&u->head, connection, line, &reason);
	if (status == 0 && is_overloaded(u->shared)) {
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
		reason = "too much at once";
	}
	if (status != 0) {
		refuse(u, status, reason);
		u->answer.close = true;
		return send_answer(u, connection);
	}
	preview(u);
	if (u->answer.status == 0)
		open_temp(u);
	allow_seconds(
	    u, LIMIT_HTTP_HEAD_S + (double)u->head.body_len / LIMIT_HTTP_RATE);
	if (u->answer.status != 0 && u->head.expects_continue) {
		u->answer.close = true;
		return send_answer(u, connection);
	}
	return MHD_YES;
}

/* --- the body --- */

static void
take(struct upload *u, const char *data, size_t len)
{
	if (u->answer.status != 0)
		return;
	if (file_write_all(u->fd, data, len) == 0)
		return;
	log_warn("upload: temporary file");
	if (errno == ENOSPC || errno == EDQUOT)
		refuse(u, MHD_HTTP_INSUFFICIENT_STORAGE, "the disk is full");
	else
		refuse(u, MHD_HTTP_INTERNAL_SERVER_ERROR,
		    "the body could not be kept");
}

/* Into the pipeline. The connection sleeps until it is answered. */
static int
submit(struct upload *u, struct MHD_Connection *connection)
{
	u->job = (struct pipeline_job){
		.owner = u,
		.fd = u->fd,
		.len = u->head.body_len,
		.line = u->head.batch,
		.line_len = u->head.batch_len,
		.signature = u->head.signature,
	};
	u->connection = connection;
	if (u->peer != NULL) {
		u->job.ingest.from = u->peer->from;
		u->peer->deadline = (struct mono){ INT64_MAX };
	}
	MHD_suspend_connection(connection);
	pipeline_put(u->shared->pipeline, &u->job);
	return MHD_YES;
}

void
upload_done(struct pipeline_job *job)
{
	struct upload *u = job->owner;

	if (job->status != 0)
		refuse(u, job->status, job->reason);
	else
		judged(u, &job->ingest.result);
	allow_seconds(u, ANSWER_S);
	MHD_resume_connection(u->connection);
}

int
upload_handle(struct upload *u, struct MHD_Connection *connection,
    const char *method, const char *version, const char *data, size_t *len)
{
	struct request_line line = { method, NULL, version };

	if (u == NULL)
		return MHD_NO;
	if (!u->begun) {
		u->begun = true;
		line.uri = u->uri;
		return begin(u, connection, &line);
	}
	if (*len > 0) {
		take(u, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (u->answer.status == 0)
		return submit(u, connection);
	return send_answer(u, connection);
}
