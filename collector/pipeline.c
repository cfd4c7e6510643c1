#include "collector/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "collector/settler.h"
#include "lib/limits.h"
#include "lib/log.h"

#define PARSERS 2        /* so that one slow batch does not hold up the rest */
#define GROUP_JOBS 256   /* of one transaction */
#define GROUP_ROWS 50000 /* and as many records: a few tenths of a second */
#define IDLE_MS 500      /* no upload for so long: nobody waits */

struct jobs {
	struct pipeline_job *first, **end;
};

struct pipeline {
	struct store *store;
	struct settler settler;
	pthread_mutex_t lock;
	pthread_cond_t to_parse, to_store;
	struct jobs waiting, parsed, done;
	size_t waiting_bytes, parsed_bytes, parsing;
	bool started, stopping;
	struct mono last; /* when something was last stored */
	int fd;
	pthread_t threads[PARSERS + 1];
	size_t thread_count;
};

/* --- lists --- */

static void
jobs_add(struct jobs *jobs, struct pipeline_job *job)
{
	if (jobs->first == NULL)
		jobs->end = &jobs->first;
	job->next = NULL;
	*jobs->end = job;
	jobs->end = &job->next;
}

static struct pipeline_job *
jobs_take(struct jobs *jobs)
{
	struct pipeline_job *job = jobs->first;

	if (job != NULL)
		jobs->first = job->next;
	return job;
}

/* What a parsed job holds in memory. */
static size_t
job_memory(const struct pipeline_job *job)
{
	return job->len + items_memory(&job->ingest.items);
}

/* Under the lock. */
static void
give_back(struct pipeline *p, struct pipeline_job *job)
{
	const uint64_t one = 1;

	free(job->file);
	job->file = NULL;
	ingest_job_clear(&job->ingest);
	jobs_add(&p->done, job);
	if (write(p->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		log_warn("eventfd");
}

/* --- parsing --- */

static void
fail(struct pipeline_job *job, unsigned status, const char *reason)
{
	job->status = status;
	job->reason = reason;
	job->ingest.result.verdict = INGEST_BROKEN;
}

/* The whole file in memory. NULL, errno. */
static uint8_t *
read_file(int fd, size_t len)
{
	uint8_t *bytes = malloc(len + 1);
	size_t at = 0;
	ssize_t got;

	while (bytes != NULL && at < len) {
		got = pread(fd, bytes + at, len - at, (off_t)at);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0) {
			if (got == 0)
				errno = EIO;
			free(bytes);
			return NULL;
		}
		at += (size_t)got;
	}
	return bytes;
}

/* What the preview was told is what came. */
static bool
begins_as_told(const struct pipeline_job *job)
{
	const size_t len = job->line_len, sig_len = strlen(job->signature);
	const uint8_t *file = job->file;

	return job->len > len + sig_len + 1 &&
	       memcmp(file, job->line, len) == 0 && file[len] == '\n' &&
	       memcmp(file + len + 1, job->signature, sig_len) == 0 &&
	       file[len + 1 + sig_len] == '\n';
}

static void
parse(struct pipeline_job *job)
{
	if ((job->file = read_file(job->fd, job->len)) == NULL) {
		log_warn("upload: temporary file");
		fail(job, 500, "the body could not be read back");
		return;
	}
	if (!begins_as_told(job)) {
		fail(job, 400,
		    "the body does not begin with the lines of the headers");
		return;
	}
	job->ingest.file = job->file;
	job->ingest.len = job->len;
	ingest_parse(&job->ingest);
}

/* Parsed batches take memory: no more of them than the writer will need
 * next. */
static bool
may_parse(const struct pipeline *p)
{
	return p->waiting.first != NULL && p->parsed_bytes < LIMIT_PARSED_BYTES;
}

static void *
run_parser(void *arg)
{
	struct pipeline *p = arg;
	struct pipeline_job *job;

	(void)pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stopping && !may_parse(p))
			(void)pthread_cond_wait(&p->to_parse, &p->lock);
		if (p->stopping)
			break;
		job = jobs_take(&p->waiting);
		p->waiting_bytes -= job->len;
		p->parsing++;
		(void)pthread_mutex_unlock(&p->lock);
		parse(job);
		(void)pthread_mutex_lock(&p->lock);
		p->parsing--;
		p->parsed_bytes += job_memory(job);
		jobs_add(&p->parsed, job);
		(void)pthread_cond_signal(&p->to_store);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- storing --- */

/* Those of the next transaction; under the lock. */
static size_t
take_group(struct pipeline *p, struct pipeline_job *group[GROUP_JOBS])
{
	size_t count = 0, rows = 0;

	while (count < GROUP_JOBS && rows < GROUP_ROWS &&
	       (group[count] = jobs_take(&p->parsed)) != NULL) {
		rows += group[count]->ingest.items.count;
		count++;
	}
	return count;
}

static void
store_jobs(struct pipeline *p, struct pipeline_job *const *group, size_t count)
{
	struct ingest_job *jobs[GROUP_JOBS];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (group[i]->status == 0)
			jobs[n++] = &group[i]->ingest;
	}
	ingest_store(p->store, jobs, n);
	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->result.verdict == INGEST_STORED)
			p->settler.stored = true;
	}
}

static bool
is_idle(const struct pipeline *p)
{
	return p->waiting.first == NULL && p->parsed.first == NULL &&
	       p->parsing == 0 &&
	       mono_since(mono_now(), p->last).ns >= span_ms(IDLE_MS).ns;
}

/* Until there is something to store or to settle; under the lock. */
static void
wait_for_work(struct pipeline *p)
{
	const bool idle = is_idle(p);
	struct span wait = settler_wait(&p->settler, idle);
	struct timespec until;

	if (p->stopping || p->parsed.first != NULL || wait.ns == 0)
		return;
	/* To notice that it has become idle. */
	if (!idle && wait.ns > span_ms(IDLE_MS).ns)
		wait = span_ms(IDLE_MS);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	wait.ns += until.tv_nsec;
	until.tv_sec += wait.ns / 1000000000;
	until.tv_nsec = wait.ns % 1000000000;
	(void)pthread_cond_timedwait(&p->to_store, &p->lock, &until);
}

/* Store what there is. False: there was nothing. The lock is let go of
 * meanwhile. */
static bool
store_some(struct pipeline *p)
{
	struct pipeline_job *group[GROUP_JOBS];
	const size_t count = take_group(p, group);

	if (count == 0)
		return false;
	(void)pthread_mutex_unlock(&p->lock);
	store_jobs(p, group, count);
	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < count; i++) {
		p->parsed_bytes -= job_memory(group[i]);
		give_back(p, group[i]);
	}
	p->last = mono_now();
	(void)pthread_cond_broadcast(&p->to_parse);
	return true;
}

static void *
run_writer(void *arg)
{
	struct pipeline *p = arg;
	bool idle;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		(void)store_some(p);
		idle = is_idle(p);
		(void)pthread_mutex_unlock(&p->lock);
		settler_turn(&p->settler, idle);
		(void)pthread_mutex_lock(&p->lock);
		wait_for_work(p);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- from outside --- */

static int
start_thread(struct pipeline *p, void *(*run)(void *))
{
	const int error =
	    pthread_create(&p->threads[p->thread_count], NULL, run, p);

	if (error == 0) {
		p->thread_count++;
		return 0;
	}
	errno = error;
	log_warn("thread");
	return -1;
}

static int
start_threads(struct pipeline *p)
{
	for (int i = 0; i < PARSERS; i++) {
		if (start_thread(p, run_parser) == -1)
			return -1;
	}
	return start_thread(p, run_writer);
}

static int
init(struct pipeline *p, struct store *store)
{
	pthread_condattr_t monotonic;

	p->store = store;
	p->last = mono_now();
	settler_init(&p->settler, store);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->to_parse, NULL);
	(void)pthread_cond_init(&p->to_store, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd == -1) {
		log_warn("eventfd");
		return -1;
	}
	return 0;
}

struct pipeline *
pipeline_start(struct store *store)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		log_warnx("listen: no memory");
		return NULL;
	}
	if (init(p, store) == -1 || start_threads(p) == -1) {
		pipeline_stop(p);
		pipeline_free(p);
		return NULL;
	}
	p->started = true;
	return p;
}

/* Under the lock. */
static void
send_away(struct pipeline *p, struct jobs *jobs)
{
	static const char reason[] = "the collector stops";
	struct pipeline_job *job;

	while ((job = jobs_take(jobs)) != NULL) {
		job->ingest.result.verdict = INGEST_BUSY;
		memcpy(job->ingest.result.reason, reason, sizeof(reason));
		give_back(p, job);
	}
}

void
pipeline_stop(struct pipeline *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void)pthread_cond_broadcast(&p->to_parse);
	(void)pthread_cond_broadcast(&p->to_store);
	(void)pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->thread_count; i++)
		(void)pthread_join(p->threads[i], NULL);
	p->thread_count = 0;
	(void)pthread_mutex_lock(&p->lock);
	send_away(p, &p->waiting);
	send_away(p, &p->parsed);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	if (p->started)
		settler_finish(&p->settler);
	if (p->fd != -1)
		(void)close(p->fd);
	(void)pthread_cond_destroy(&p->to_parse);
	(void)pthread_cond_destroy(&p->to_store);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

int
pipeline_fd(const struct pipeline *p)
{
	return p->fd;
}

void
pipeline_put(struct pipeline *p, struct pipeline_job *job)
{
	(void)pthread_mutex_lock(&p->lock);
	p->waiting_bytes += job->len;
	jobs_add(&p->waiting, job);
	(void)pthread_cond_signal(&p->to_parse);
	(void)pthread_mutex_unlock(&p->lock);
}

struct pipeline_job *
pipeline_take(struct pipeline *p)
{
	struct pipeline_job *job;
	uint64_t count;

	(void)pthread_mutex_lock(&p->lock);
	job = jobs_take(&p->done);
	if (job == NULL && read(p->fd, &count, sizeof(count)) == -1 &&
	    errno != EAGAIN)
		log_warn("eventfd");
	(void)pthread_mutex_unlock(&p->lock);
	return job;
}

size_t
pipeline_backlog(struct pipeline *p)
{
	size_t bytes;

	(void)pthread_mutex_lock(&p->lock);
	bytes = p->waiting_bytes;
	(void)pthread_mutex_unlock(&p->lock);
	return bytes;
}
