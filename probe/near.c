#include "probe/near.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_MAX 1000 /* routers; those of one host are some dozens */

struct near_path {
	enum proto proto;
	const void *asker; /* who is finding out; NULL: nobody */
	bool known;
	bool doubted; /* silence has been seen, which may have been a loss */
	struct record_hop hop[NEAR_TTL + 2]; /* by TTL; 0 is not used */
	uint8_t ttl;                         /* of the router at its end */
};

struct near {
	struct near_path *paths;
	size_t count, size;
	void **waiting;
	size_t waiting_count, waiting_size;
	bool woken; /* who waits may ask again */
};

struct near *
near_new(void)
{
	return calloc(1, sizeof(struct near));
}

void
near_free(struct near *near)
{
	if (near == NULL)
		return;
	free(near->paths);
	free(near->waiting);
	free(near);
}

static struct near_path *
find(struct near *near, enum proto proto, const struct record_hop *router)
{
	size_t i;

	for (i = 0; i < near->count; i++) {
		struct near_path *path = &near->paths[i];

		if (path->proto == proto && path->ttl == router->ttl &&
		    addr_equal(&path->hop[path->ttl].addr, &router->addr))
			return path;
	}
	return NULL;
}

/* NULL: no memory, or too many. */
static struct near_path *
add(struct near *near, enum proto proto, const struct record_hop *router)
{
	size_t size = near->size == 0 ? 16 : 2 * near->size;
	struct near_path *path;

	if (near->count >= NEAR_MAX)
		return NULL;
	if (near->count == near->size) {
		path = reallocarray(near->paths, size, sizeof(*path));
		if (path == NULL)
			return NULL;
		near->paths = path;
		near->size = size;
	}
	path = &near->paths[near->count++];
	memset(path, 0, sizeof(*path));
	path->proto = proto;
	path->ttl = router->ttl;
	path->hop[path->ttl] = *router;
	return path;
}

static bool
must_wait(struct near *near, void *who)
{
	size_t size = near->waiting_size == 0 ? 64 : 2 * near->waiting_size;
	void **grown;

	if (near->waiting_count == near->waiting_size) {
		grown = reallocarray(near->waiting, size, sizeof(void *));
		if (grown == NULL)
			return false;
		near->waiting = grown;
		near->waiting_size = size;
	}
	near->waiting[near->waiting_count++] = who;
	return true;
}

enum near_word
near_ask(struct near *near, void *who, enum proto proto,
    const struct record_hop *router, const struct record_hop **seen)
{
	struct near_path *path = find(near, proto, router);

	if (path != NULL && path->known) {
		*seen = path->hop;
		return NEAR_SEEN;
	}
	if (path == NULL && (path = add(near, proto, router)) == NULL)
		return NEAR_YOURS;
	if (path->asker != NULL && path->asker != who && must_wait(near, who))
		return NEAR_ANOTHERS;
	path->asker = who;
	return NEAR_YOURS;
}

static bool
is_silent(const struct record_hop *hop, int ttl)
{
	while (--ttl > 0) {
		if (!addr_is_set(&hop[ttl].addr))
			return true;
	}
	return false;
}

void
near_learn(
    struct near *near, enum proto proto, const struct record_hop *hop, int ttl)
{
	struct near_path *path = find(near, proto, &hop[ttl]);

	if (path == NULL)
		path = add(near, proto, &hop[ttl]);
	if (path == NULL || path->known)
		return;
	path->asker = NULL;
	path->known = path->doubted || !is_silent(hop, ttl);
	path->doubted = true;
	memcpy(&path->hop[1], &hop[1], (size_t)ttl * sizeof(*hop));
	near->woken = true;
}

void
near_leave(struct near *near, const void *who)
{
	size_t i;

	for (i = 0; i < near->waiting_count; i++) {
		if (near->waiting[i] == who)
			near->waiting[i--] =
			    near->waiting[--near->waiting_count];
	}
	for (i = 0; i < near->count; i++) {
		if (near->paths[i].asker != who)
			continue;
		near->paths[i].asker = NULL;
		near->woken = true;
	}
}

void *
near_woken(struct near *near)
{
	if (near->woken && near->waiting_count > 0)
		return near->waiting[--near->waiting_count];
	near->woken = false;
	return NULL;
}
