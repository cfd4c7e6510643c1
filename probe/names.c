#include "probe/names.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"

#define NAME_THREADS 8

/* Shared with threads that may outlive the wait: whoever comes last frees. */
struct names {
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t users; /* threads, and who called names_find */
	size_t count, next, finished;
	bool over; /* nobody waits: text stays as it is */
	struct addr *addresses;
	char (*text)[NI_MAXHOST];
};

static void
release(struct names *names)
{
	bool last;

	(void)pthread_mutex_lock(&names->lock);
	last = --names->users == 0;
	(void)pthread_mutex_unlock(&names->lock);
	if (!last)
		return;
	(void)pthread_mutex_destroy(&names->lock);
	(void)pthread_cond_destroy(&names->done);
	free(names->addresses);
	free(names->text);
	free(names);
}

/* The next address that no thread has; false: none. */
static bool
take(struct names *names, size_t *index)
{
	bool more;

	(void)pthread_mutex_lock(&names->lock);
	more = names->next < names->count;
	*index = names->next;
	names->next += more;
	(void)pthread_mutex_unlock(&names->lock);
	return more;
}

static void *
look_up(void *arg)
{
	struct names *names = arg;
	struct sockaddr_storage address;
	char host[NI_MAXHOST];
	socklen_t len;
	size_t i;

	while (take(names, &i)) {
		len = addr_to_sockaddr(&address, &names->addresses[i], 0);
		if (getnameinfo((struct sockaddr *)&address, len, host,
			sizeof(host), NULL, 0, NI_NAMEREQD) != 0)
			host[0] = '\0';
		(void)pthread_mutex_lock(&names->lock);
		if (!names->over)
			(void)text_copy(names->text[i], NI_MAXHOST, host);
		names->finished++;
		(void)pthread_cond_signal(&names->done);
		(void)pthread_mutex_unlock(&names->lock);
	}
	release(names);
	return NULL;
}

static void
start_threads(struct names *names)
{
	pthread_t thread;
	size_t i;

	for (i = 0; i < NAME_THREADS && i < names->count; i++) {
		(void)pthread_mutex_lock(&names->lock);
		names->users++;
		(void)pthread_mutex_unlock(&names->lock);
		if (pthread_create(&thread, NULL, look_up, names) != 0) {
			release(names);
			return;
		}
		(void)pthread_detach(thread);
	}
}

static void
wait_for(struct names *names, struct span wait)
{
	struct timespec until;
	int64_t ns;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	ns = until.tv_nsec + wait.ns;
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	(void)pthread_mutex_lock(&names->lock);
	while (names->users > 1 && names->finished < names->count) {
		if (pthread_cond_timedwait(
			&names->done, &names->lock, &until) != 0)
			break;
	}
	names->next = names->count;
	names->over = true;
	(void)pthread_mutex_unlock(&names->lock);
}

struct names *
names_find(const struct addr *addresses, size_t count, struct span wait)
{
	struct names *names = calloc(1, sizeof(*names));
	pthread_condattr_t attributes;

	if (names == NULL)
		return NULL;
	(void)pthread_mutex_init(&names->lock, NULL);
	/* A wall clock that is set must not make it wait for longer. */
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&names->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	names->users = 1;
	names->count = count;
	names->addresses = calloc(count + 1, sizeof(*names->addresses));
	names->text = calloc(count + 1, sizeof(*names->text));
	if (names->addresses == NULL || names->text == NULL) {
		release(names);
		return NULL;
	}
	if (count > 0)
		memcpy(names->addresses, addresses, count * sizeof(*addresses));
	start_threads(names);
	wait_for(names, wait);
	return names;
}

const char *
names_get(const struct names *names, const struct addr *address)
{
	size_t i;

	for (i = 0; names != NULL && i < names->count; i++) {
		if (addr_equal(&names->addresses[i], address))
			return names->text[i];
	}
	return "";
}

void
names_free(struct names *names)
{
	if (names != NULL)
		release(names);
}
