#include "probe/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/limits.h"

#define THREADS 16

/* What the process says of one name: count addresses follow. Shorter than
 * PIPE_BUF, so that threads do not write into one another. */
struct word {
	uint32_t index;
	int32_t error; /* of getaddrinfo */
	uint32_t count;
	struct addr addr[RESOLVE_MAX];
};
_Static_assert(sizeof(struct word) < 4096, "a word is written at once");

struct work {
	struct resolution *items;
	size_t count;
	atomic_size_t next;
	int pipe;
};

static bool
is_new(const struct addr *found, size_t count, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (addr_equal(&found[i], addr))
			return false;
	}
	return true;
}

/* No host name ends in a number; getaddrinfo takes it for an address of the
 * old forms: "1.2.3" would be 1.2.0.3, which nobody asked for. */
static bool
ends_in_number(const char *name)
{
	char label[LIMIT_DNS_NAME_TEXT];
	const char *last;
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(label))
		return false;
	memcpy(label, name, len);
	label[len] = '\0';
	last = strrchr(label, '.');
	last = last == NULL ? label : last + 1;
	if (strncasecmp(last, "0x", 2) == 0)
		return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] ==
		       '\0';
	return last[strspn(last, "0123456789")] == '\0';
}

/* --- in the process of its own --- */

static void
look_up(const char *name, struct word *word)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM };
	struct addrinfo *list, *item;
	struct addr addr;
	uint16_t port;

	word->count = 0;
	if ((word->error = getaddrinfo(name, NULL, &hints, &list)) != 0)
		return;
	for (item = list; item != NULL && word->count < RESOLVE_MAX;
	     item = item->ai_next) {
		if (addr_from_sockaddr(&addr, &port, item->ai_addr) == 0 &&
		    is_new(word->addr, word->count, &addr))
			word->addr[word->count++] = addr;
	}
	freeaddrinfo(list);
}

static void *
look_up_all(void *arg)
{
	struct work *work = arg;
	struct word word;
	size_t i, len;

	while ((i = atomic_fetch_add(&work->next, 1)) < work->count) {
		memset(&word, 0, sizeof(word));
		word.index = (uint32_t)i;
		if (work->items[i].error != NULL)
			continue;
		look_up(work->items[i].name, &word);
		len = offsetof(struct word, addr) +
		      word.count * sizeof(struct addr);
		if (write(work->pipe, &word, len) != (ssize_t)len)
			break;
	}
	return NULL;
}

static void
work_in_threads(struct work *work)
{
	pthread_t thread[THREADS];
	size_t count = 0;

	while (count < THREADS && count + 1 < work->count &&
	       pthread_create(&thread[count], NULL, look_up_all, work) == 0)
		count++;
	(void)look_up_all(work);
	while (count > 0)
		(void)pthread_join(thread[--count], NULL);
}

/* --- in ours --- */

/* len bytes, which are there at once or not at all: 0, or -1. */
static int
read_whole(int fd, void *bytes, size_t len)
{
	uint8_t *at = bytes;
	ssize_t got;

	for (; len > 0; len -= (size_t)got, at += got) {
		got = read(fd, at, len);
		if (got == -1 && errno == EINTR)
			got = 0;
		else if (got <= 0)
			return -1;
	}
	return 0;
}

static int
take_word(int fd, struct resolution *items, size_t count)
{
	struct resolution *item;
	struct word word;

	if (read_whole(fd, &word, offsetof(struct word, addr)) == -1 ||
	    word.index >= count || word.count > RESOLVE_MAX ||
	    read_whole(fd, word.addr, word.count * sizeof(word.addr[0])) == -1)
		return -1;
	item = &items[word.index];
	if (word.error != 0) {
		item->error = gai_strerror(word.error);
		return 0;
	}
	if (word.count == 0)
		return 0;
	item->addr = calloc(word.count, sizeof(*item->addr));
	if (item->addr == NULL)
		return 0;
	memcpy(item->addr, word.addr, word.count * sizeof(*item->addr));
	item->count = word.count;
	item->error = NULL;
	return 0;
}

/* How many are names. */
static size_t
expect(struct resolution *items, size_t count)
{
	size_t i, names = 0;

	for (i = 0; i < count; i++) {
		items[i].addr = NULL;
		items[i].count = 0;
		items[i].error = NULL;
		if (ends_in_number(items[i].name))
			items[i].error = "not an address, and no name";
		else
			names++;
	}
	return names;
}

/* Until all that was asked for is known, or the time is over. */
static void
take_words(int fd, const struct work *work, size_t names, struct span wait)
{
	struct mono end = mono_add(mono_now(), wait);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int64_t left_ms;
	int status;

	while (names > 0) {
		left_ms = mono_since(end, mono_now()).ns / 1000000;
		if (left_ms <= 0)
			return;
		status = poll(&ready, 1, (int)left_ms);
		if (status == 0 || (status == -1 && errno != EINTR))
			return;
		if (status == 1 &&
		    take_word(fd, work->items, work->count) == -1)
			return; /* it has died */
		names -= status == 1;
	}
}

static void
give_up_on(struct resolution *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (items[i].error == NULL && items[i].count == 0)
			items[i].error = "no answer from the resolver in time";
	}
}

int
resolve(struct resolution *items, size_t count, struct span wait)
{
	struct work work = { .items = items, .count = count };
	size_t names = expect(items, count);
	int fds[2], saved;
	pid_t pid;

	if (names == 0)
		return 0;
	if (pipe(fds) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(fds[0]);
		work.pipe = fds[1];
		work_in_threads(&work);
		for (;;)
			(void)pause(); /* for the end */
	}
	saved = errno;
	(void)close(fds[1]);
	if (pid != -1) {
		take_words(fds[0], &work, names, wait);
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}
	(void)close(fds[0]);
	give_up_on(items, count);
	errno = saved;
	return pid == -1 ? -1 : 0;
}

void
resolve_clear(struct resolution *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(items[i].addr);
		items[i].addr = NULL;
		items[i].count = 0;
	}
}
