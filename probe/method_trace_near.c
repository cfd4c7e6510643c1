/* What a trace leaves to others of its round, and takes from them (near.h). */
#include "probe/method_trace_private.h"

/* Those that waited for this trace look again at their next turn. */
static void
wake(struct prober *p)
{
	struct ask *ask;

	while ((ask = near_woken(p->near)) != NULL) {
		struct trace *t = ask->sample->trace;

		t->waiting = false;
		if (t->scheduled && !ask->ahead)
			continue;
		t->scheduled = true;
		ask->due = p->link->mono(p->link);
		prober_want(p, ask);
	}
}

static bool
is_router(const struct record_hop *hop)
{
	return addr_is_set(&hop->addr) &&
	       hop->icmp_type == (hop->addr.af == 4 ? ICMP4_TIME_EXCEEDED
						    : ICMP6_TIME_EXCEEDED);
}

/* As the trace saw them that came by the same router. */
static void
share(struct trace *t, const struct record_hop *seen)
{
	for (; t->near > 0; t->near--) {
		struct record_hop *hop = &t->hop[t->near];

		*hop = seen[t->near];
		hop->shared = addr_is_set(&hop->addr);
		hop->rtt_us = -1;
		t->state[t->near] = hop->shared ? HOP_ANSWERED : HOP_SILENT;
	}
}

static void
learn_near(struct prober *p, const struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	int ttl;

	for (ttl = 1; ttl <= NEAR_TTL && trace_knows(t, ttl) &&
		      t->state[ttl] != HOP_NEVER;
	     ttl++) {
		if (is_router(&t->hop[ttl + 1]))
			near_learn(p->near, ask->flow->proto, t->hop, ttl + 1);
	}
	if (ttl > NEAR_TTL)
		t->learnt = true;
	wake(p);
}

/* Of a target that is itself near nothing can be shared. */
static void
ask_near(struct trace *t)
{
	int nearest = t->stopped && t->last <= t->near + 1 ? 1 : t->near;

	while (t->near >= nearest)
		t->state[t->near--] = HOP_UNASKED;
}

void
trace_go_near(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	const struct record_hop *behind, *seen;
	enum near_word word = NEAR_YOURS;

	if (p->near == NULL || t->waiting || t->learnt)
		return;
	if (t->near > 0 && trace_knows(t, t->near + 1)) {
		behind = &t->hop[t->near + 1];
		if (is_router(behind))
			word = near_ask(
			    p->near, ask, ask->flow->proto, behind, &seen);
		if (word == NEAR_SEEN)
			share(t, seen);
		else if (word == NEAR_ANOTHERS)
			t->waiting = true;
		else
			ask_near(t);
	}
	learn_near(p, ask);
}

void
trace_leave_near(struct prober *p, struct ask *ask)
{
	if (p->near == NULL)
		return;
	near_leave(p->near, ask);
	wake(p);
}
