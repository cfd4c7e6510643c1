#include "probe/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/limits.h"
#include "probe/flow.h"

struct schedule {
	bool paced;
	double rate, burst, tokens;
	struct mono filled;
	size_t count, size;
	struct ask **heap; /* earliest first */
};

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
	s->filled = now;
	s->size = size;
	if ((s->heap = calloc(size + 1, sizeof(struct ask *))) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
schedule_free(struct schedule *s)
{
	if (s == NULL)
		return;
	free(s->heap);
	free(s);
}

static bool
earlier(const struct ask *a, const struct ask *b)
{
	if (a->due.ns != b->due.ns)
		return a->due.ns < b->due.ns;
	return a->index < b->index;
}

void
schedule_add(struct schedule *s, struct ask *ask)
{
	size_t at = s->count++;

	assert(at < s->size);
	while (at > 0 && earlier(ask, s->heap[(at - 1) / 2])) {
		s->heap[at] = s->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->heap[at] = ask;
}

bool
schedule_take(struct schedule *s, struct ask **out)
{
	struct ask *last;
	size_t at = 0, child;

	if (s->count == 0)
		return false;
	*out = s->heap[0];
	last = s->heap[--s->count];
	while ((child = 2 * at + 1) < s->count) {
		if (child + 1 < s->count &&
		    earlier(s->heap[child + 1], s->heap[child]))
			child++;
		if (!earlier(s->heap[child], last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
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
	while (s->count > 0 && !mono_before(now, s->heap[0]->due)) {
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

struct mono
schedule_when(const struct schedule *s, struct mono now)
{
	struct mono token, due;

	if (s->count == 0)
		return (struct mono){ INT64_MAX };
	due = s->heap[0]->due;
	if (!s->paced)
		return due;
	token = mono_add(now, until_token(s->tokens, s->rate));
	return mono_before(due, token) ? token : due;
}
