#include "probe/outstanding.h"

void
outstanding_init(struct outstanding *o, struct span answer, struct span hop)
{
	int i;

	for (i = 0; i < PATIENCE_COUNT; i++)
		TAILQ_INIT(&o->queue[i]);
	o->timeout[PATIENCE_ANSWER] = answer;
	o->timeout[PATIENCE_HOP] = hop;
	o->count = 0;
}

void
outstanding_add(
    struct outstanding *o, struct probe *probe, enum patience patience)
{
	probe->deadline = mono_add(probe->sent, o->timeout[patience]);
	probe->open = true;
	if (!probe->linked)
		TAILQ_INSERT_TAIL(&probe->ask->flow->probes, probe, by_flow);
	probe->linked = true;
	TAILQ_INSERT_TAIL(&o->queue[patience], probe, by_deadline);
	o->count++;
}

void
outstanding_close(
    struct outstanding *o, struct probe *probe, enum patience patience)
{
	if (!probe->open)
		return;
	probe->open = false;
	TAILQ_REMOVE(&o->queue[patience], probe, by_deadline);
	o->count--;
}

void
outstanding_forget(struct probe *probe)
{
	if (!probe->linked)
		return;
	probe->linked = false;
	TAILQ_REMOVE(&probe->ask->flow->probes, probe, by_flow);
}

bool
outstanding_expire(
    const struct outstanding *o, struct mono now, struct probe **out)
{
	int i;

	for (i = 0; i < PATIENCE_COUNT; i++) {
		struct probe *first = TAILQ_FIRST(&o->queue[i]);

		if (first != NULL && !mono_before(now, first->deadline)) {
			*out = first;
			return true;
		}
	}
	return false;
}

struct mono
outstanding_next(const struct outstanding *o)
{
	struct mono next = { INT64_MAX };
	int i;

	for (i = 0; i < PATIENCE_COUNT; i++) {
		const struct probe *first = TAILQ_FIRST(&o->queue[i]);

		if (first != NULL && mono_before(first->deadline, next))
			next = first->deadline;
	}
	return next;
}
