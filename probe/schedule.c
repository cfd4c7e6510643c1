#include "probe/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/limits.h"
#include "probe/flow.h"

#define LATE_S 0.05  /* a busy host wakes us up so late at times */
#define PRESSED 1000 /* packets per second */

struct schedule {
	bool paced;
	double rate, burst, tokens;
	struct mono filled;
	size_t count, size; /* of both */
	/* What is added in order, as a plan is, needs no sorting. */
	struct ask **queue; /* a ring of size */
	size_t queue_first, queue_count;
	struct ask **heap; /* the rest, earliest first */
	size_t heap_count;
};

void
schedule_free(struct schedule *s)
{
	if (s == NULL)
		return;
	free(s->queue);
	free(s->heap);
	free(s);
}

struct schedule *
schedule_new(double rate, double burst, size_t size, struct mono now)
{
	struct schedule *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->paced = rate > 0;
	s->rate = rate;
	/* Less than one packet at once would be none ever. */
	s->burst = s->tokens = burst < 1 ? 1 : burst;
	if (s->burst < rate * LATE_S)
		s->burst = rate * LATE_S;
	s->filled = now;
	s->size = size;
	s->queue = calloc(size + 1, sizeof(struct ask *));
	s->heap = calloc(size + 1, sizeof(struct ask *));
	if (s->queue != NULL && s->heap != NULL)
		return s;
	schedule_free(s);
	return NULL;
}

static bool
earlier(const struct ask *a, const struct ask *b)
{
	if (a->due.ns != b->due.ns)
		return a->due.ns < b->due.ns;
	return a->index < b->index;
}

static void
heap_add(struct schedule *s, struct ask *ask)
{
	size_t at = s->heap_count++;

	while (at > 0 && earlier(ask, s->heap[(at - 1) / 2])) {
		s->heap[at] = s->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->heap[at] = ask;
}

static struct ask *
heap_take(struct schedule *s)
{
	struct ask *first = s->heap[0], *last = s->heap[--s->heap_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < s->heap_count) {
		if (child + 1 < s->heap_count &&
		    earlier(s->heap[child + 1], s->heap[child]))
			child++;
		if (!earlier(s->heap[child], last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return first;
}

static size_t
in_ring(const struct schedule *s, size_t at)
{
	return at < s->size ? at : at - s->size;
}

static struct ask *
queue_last(const struct schedule *s)
{
	return s->queue[in_ring(s, s->queue_first + s->queue_count - 1)];
}

void
schedule_add(struct schedule *s, struct ask *ask)
{
	assert(s->count < s->size);
	s->count++;
	if (s->queue_count > 0 && earlier(ask, queue_last(s))) {
		heap_add(s, ask);
		return;
	}
	s->queue[in_ring(s, s->queue_first + s->queue_count)] = ask;
	s->queue_count++;
}

/* The earliest of all; NULL: none waits. */
static struct ask *
earliest(const struct schedule *s)
{
	struct ask *queued =
	    s->queue_count == 0 ? NULL : s->queue[s->queue_first];

	if (s->heap_count == 0)
		return queued;
	return queued == NULL || earlier(s->heap[0], queued) ? s->heap[0]
							     : queued;
}

bool
schedule_take(struct schedule *s, struct ask **out)
{
	if ((*out = earliest(s)) == NULL)
		return false;
	s->count--;
	if (s->heap_count > 0 && *out == s->heap[0]) {
		(void)heap_take(s);
		return true;
	}
	s->queue_first = in_ring(s, s->queue_first + 1);
	s->queue_count--;
	return true;
}

static void
fill(double *tokens, struct mono *filled, double rate, double burst,
    struct mono now)
{
	double gained = rate * (double)(now.ns - filled->ns) / 1e9;

	*tokens = *tokens + gained > burst ? burst : *tokens + gained;
	*filled = now;
}

/* How long until a bucket has a whole token. */
static struct span
until_token(double tokens, double rate)
{
	return (struct span){
		tokens >= 1 ? 0 : (int64_t)((1 - tokens) / rate * 1e9) + 1
	};
}

bool
schedule_next(struct schedule *s, struct mono now, struct ask **out)
{
	struct peer *peer;
	struct ask *ask;

	fill(&s->tokens, &s->filled, s->rate, s->burst, now);
	if (s->paced && s->tokens < 1)
		return false;
	while (s->count > 0 && !mono_before(now, earliest(s)->due)) {
		(void)schedule_take(s, &ask);
		peer = ask->flow->peer;
		fill(&peer->tokens, &peer->filled, LIMIT_ADDRESS_RATE,
		    LIMIT_BUCKET, now);
		if (s->paced && peer->tokens < 1) {
			ask->due = mono_add(
			    now, until_token(peer->tokens, LIMIT_ADDRESS_RATE));
			schedule_add(s, ask);
			continue;
		}
		peer->tokens -= 1;
		s->tokens -= 1;
		*out = ask;
		return true;
	}
	return false;
}

void
schedule_give_back(struct schedule *s, const struct ask *ask)
{
	struct peer *peer = ask->flow->peer;

	s->tokens = s->tokens + 1 > s->burst ? s->burst : s->tokens + 1;
	peer->tokens =
	    peer->tokens + 1 > LIMIT_BUCKET ? LIMIT_BUCKET : peer->tokens + 1;
}

void
schedule_charge(struct schedule *s, const struct ask *ask, int packets)
{
	s->tokens -= packets;
	ask->flow->peer->tokens -= packets;
}

bool
schedule_is_due(const struct schedule *s, struct mono now)
{
	return s->count > 0 && !mono_before(now, earliest(s)->due);
}

bool
schedule_is_pressed(const struct schedule *s, struct mono now)
{
	return s->rate > PRESSED && schedule_is_due(s, now);
}

struct mono
schedule_when(const struct schedule *s, struct mono now)
{
	struct mono token, due;

	if (s->count == 0)
		return (struct mono){ INT64_MAX };
	due = earliest(s)->due;
	if (!s->paced)
		return due;
	token = mono_add(now, until_token(s->tokens, s->rate));
	return mono_before(due, token) ? token : due;
}
