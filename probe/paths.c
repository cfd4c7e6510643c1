#include "probe/paths.h"

#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/keyed_hash.h"

/* A round trip is another mode beyond a tenth, beyond what the lane usually
 * wavers by, and never below what a queue adds. */
#define MODE_SHARE 10
#define MODE_DEVIATIONS 4
#define MODE_LEAST_US 1000

const char *
path_change_name(enum path_change change)
{
	static const char *const names[] = {
		[PATH_SAME] = "nothing changed",
		[PATH_INSTANCE] = "another instance",
		[PATH_SILENCE] = "silent, or no longer",
		[PATH_RTT] = "another round trip",
	};

	return names[change];
}

/* --- the collection --- */

int
path_compare(const void *left, const void *right)
{
	const struct path *a = left, *b = right;
	int order = addr_compare(&a->addr, &b->addr);

	if (order == 0)
		order = (a->port > b->port) - (a->port < b->port);
	if (order == 0)
		order = ((uintptr_t)a->target > (uintptr_t)b->target) -
			((uintptr_t)a->target < (uintptr_t)b->target);
	return order;
}

static void
remember(struct path *path, const struct paths *paths)
{
	struct path key = { .addr = path->addr, .port = path->port };
	const struct path *old = NULL;

	if (paths->old_count > 0)
		old = bsearch(&key, paths->old, paths->old_count, sizeof(key),
		    path_compare);
	if (old != NULL)
		path->memory = old->memory;
	else
		path->memory.mode_us = -1;
}

struct path *
paths_add(struct paths *paths, const struct addr *addr, uint16_t port,
    const char *target)
{
	size_t size = paths->size == 0 ? 64 : 2 * paths->size;
	struct path *grown, *path;

	if (paths->count == paths->size) {
		grown = reallocarray(paths->items, size, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		paths->items = grown;
		paths->size = size;
	}
	path = &paths->items[paths->count++];
	memset(path, 0, sizeof(*path));
	path->addr = *addr;
	path->port = port;
	path->target = target;
	path->least_us = -1;
	path->best.rank = SIZE_MAX;
	remember(path, paths);
	return path;
}

void
paths_sort(struct paths *paths)
{
	if (paths->count > 0)
		qsort(paths->items, paths->count, sizeof(struct path),
		    path_compare);
}

size_t
paths_first(const struct paths *paths, const struct addr *addr)
{
	size_t low = 0, high = paths->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&paths->items[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
paths_clear(struct paths *paths)
{
	free(paths->items);
	free(paths->old);
	memset(paths, 0, sizeof(*paths));
}

/* --- what a round sees --- */

/* Never 0, which says "none". */
static uint64_t
hash_of(const void *bytes, size_t len)
{
	static const struct hash_key key = { { 0 } };

	return keyed_hash(&key, bytes, len) | 1;
}

static size_t
rank_of(const struct path_order *order, enum identity_method method,
    const char *name)
{
	size_t i;

	for (i = 0; i < order->count; i++) {
		if (strcmp(order->name[i], name) == 0)
			return i;
	}
	return order->count + (size_t)method;
}

static void
see_name(struct path *path, const struct path_sight *sight)
{
	if (sight->method == path->memory.method)
		path->same = *sight;
	if (sight->instance != 0 && sight->rank <= path->best.rank)
		path->best = *sight;
}

/* A question for a name, answered without one, says so of its own method, even
 * where NSID names the instance beside it. */
static void
see_names(
    struct path *path, const struct record *r, const struct path_order *order)
{
	const char *asked = r->dns.qtype == DNS_TYPE_TXT ? r->question : "nsid";
	const struct record_bytes *bytes;
	enum identity_method method = record_identity(r, &bytes);
	const char *name = identity_method_name(method, r->question);
	struct path_sight sight = { .method = hash_of(asked, strlen(asked)) };

	if (strcmp(name, asked) != 0)
		see_name(path, &sight);
	if (method == IDENTITY_NONE)
		return;
	sight.method = hash_of(name, strlen(name));
	sight.instance = hash_of(bytes->bytes, bytes->len);
	sight.rank = rank_of(order, method, name);
	see_name(path, &sight);
}

void
path_see(
    struct path *path, const struct record *r, const struct path_order *order)
{
	if (r->outcome == OUTCOME_UNSENT || r->retry_of != -1)
		return;
	if (r->type == RECORD_TRACE) {
		path->traced = true;
		return;
	}
	if (r->proto != path->over)
		return;
	path->asked = true;
	if (r->outcome != OUTCOME_ANSWERED)
		return;
	path->answered = true;
	if (path->least_us == -1 || r->rtt_us < path->least_us)
		path->least_us = r->rtt_us;
	if (r->type == RECORD_DNS)
		see_names(path, r, order);
}

/* --- what has changed --- */

static bool
instance_changed(const struct path *path)
{
	const struct path_memory *m = &path->memory;

	if (m->method == 0)
		return path->best.method != 0;
	return path->same.method != 0 && path->same.instance != m->instance;
}

/* What was not asked by the remembered method is not compared; a trace begins
 * anew with the best there is. */
static void
learn_instance(struct path *path)
{
	struct path_memory *m = &path->memory;
	bool lost = path->same.method == 0;
	bool unnamed = !lost && path->same.instance == 0;

	if (path->best.method != 0 &&
	    (m->method == 0 || unnamed || (lost && path->traced) ||
		(!lost && path->best.rank < path->same.rank))) {
		m->method = path->best.method;
		m->instance = path->best.instance;
	} else if (unnamed) {
		m->method = m->instance = 0;
	} else if (!lost) {
		m->instance = path->same.instance;
	}
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The mode follows slowly while it is the same, and at once to another; the
 * deviation learns from both, so that a lane which always jumps is no news
 * after a while. */
static bool
learn_rtt(struct path_memory *m, int64_t rtt_us)
{
	int64_t gap = rtt_us - m->mode_us, off = gap < 0 ? -gap : gap;
	int64_t margin = most(MODE_LEAST_US,
	    most(m->mode_us / MODE_SHARE, MODE_DEVIATIONS * m->deviation_us));

	if (m->mode_us == -1) {
		m->mode_us = rtt_us;
		m->deviation_us = 0;
		return false;
	}
	if (off > margin) {
		m->mode_us = rtt_us;
		m->deviation_us += (off - m->deviation_us) / 32;
		return true;
	}
	m->mode_us += gap / 8;
	m->deviation_us += (off - m->deviation_us) / 4;
	return false;
}

static enum path_change
learn(struct path *path)
{
	struct path_memory *m = &path->memory;
	bool first = !m->known, was_silent = m->silent;
	bool instance = path->answered && instance_changed(path);
	bool rtt = false;

	if (instance)
		m->mode_us = path->least_us; /* the other one's */
	else if (path->answered)
		rtt = learn_rtt(m, path->least_us);
	if (path->answered)
		learn_instance(path);
	m->known = true;
	m->silent = !path->answered;
	if (first)
		return PATH_SAME;
	if (was_silent != m->silent)
		return PATH_SILENCE;
	return instance ? PATH_INSTANCE : rtt ? PATH_RTT : PATH_SAME;
}

enum path_change
path_judge(struct path *path, struct wall now)
{
	enum path_change change = path->asked ? learn(path) : PATH_SAME;

	if (change != PATH_SAME && path->memory.owed.ns == 0)
		path->memory.owed = now;
	return change;
}

void
path_settle(struct path *path, struct wall now)
{
	if (!path->traced)
		return;
	path->memory.traced = now;
	path->memory.owed.ns = 0;
}

bool
path_is_due(const struct path *path, struct wall now, struct span period)
{
	int64_t ago = wall_since(now, path->memory.traced).ns;

	/* A clock that was set back makes no path wait for years. */
	return path->memory.traced.ns == 0 || ago >= period.ns || ago < 0;
}
