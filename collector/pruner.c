#include "collector/pruner.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/times.h"

#define LOOK_S 5 /* at the clock, which may be set */

struct pruner {
	struct store *store;
	const struct prune_limits *limits;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool stop;
	int64_t last_us, last_day_us; /* when it was begun; 0: never */
};

static void
say(const struct prune_result *done)
{
	if (done->raw + done->replies + done->paths + done->runs +
		done->intervals + done->names ==
	    0)
		return;
	log_warnx("retention: batches without raw rows: %lld, without "
		  "replies: %lld, without paths: %lld; runs: %lld; bytes "
		  "given back: %lld; intervals: %lld; unused names: %lld",
	    (long long)done->raw, (long long)done->replies,
	    (long long)done->paths, (long long)done->runs,
	    (long long)done->bytes, (long long)done->intervals,
	    (long long)done->names);
}

/* A clock that was set back is a new hour as well. */
static void
look(struct pruner *p)
{
	const int64_t now = wall_to_us(wall_now());
	const int64_t day = now - p->last_day_us;
	const bool thorough = day < 0 || day >= DAY_US;
	const struct prune_manner manner = {
		.quick_since = thorough ? 0 : p->last_us,
		.gently = true,
		.stop = &p->stop,
	};
	struct prune_result done;
	enum store_result result;

	if (now / HOUR_US == p->last_us / HOUR_US)
		return;
	result = prune_store(p->store, p->limits, &manner, &done);
	say(&done);
	/* Soon again: another process holds the lock. */
	if (result == STORE_BUSY)
		return;
	p->last_us = now;
	if (result != STORE_OK)
		log_warnx("retention: %s", store_result_name(result));
	else if (thorough)
		p->last_day_us = now;
}

static void *
run_pruner(void *arg)
{
	struct pruner *p = arg;
	struct timespec until;

	(void)pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->stop)) {
		(void)pthread_mutex_unlock(&p->lock);
		look(p);
		(void)pthread_mutex_lock(&p->lock);
		if (atomic_load(&p->stop))
			break;
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOOK_S;
		(void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
init(struct pruner *p)
{
	pthread_condattr_t monotonic;

	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

struct pruner *
pruner_start(
    const struct store *beside, const struct prune_limits *limits, int *code)
{
	struct pruner *p = calloc(1, sizeof(*p));
	int error;

	*code = EXIT_STORAGE;
	if (p == NULL) {
		log_warnx("retention: out of memory");
		return NULL;
	}
	init(p);
	p->limits = limits;
	if ((p->store = store_open_second(beside, code)) == NULL) {
		pruner_stop(p);
		return NULL;
	}
	error = pthread_create(&p->thread, NULL, run_pruner, p);
	if (error != 0) {
		errno = error;
		log_warn("thread");
		*code = EXIT_STORAGE;
		pruner_stop(p);
		return NULL;
	}
	p->started = true;
	return p;
}

void
pruner_stop(struct pruner *p)
{
	if (p == NULL)
		return;
	atomic_store(&p->stop, true);
	(void)pthread_mutex_lock(&p->lock);
	(void)pthread_cond_signal(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
	if (p->started)
		(void)pthread_join(p->thread, NULL);
	store_close(p->store);
	(void)pthread_cond_destroy(&p->wake);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}
