/* What a trace knows of its path, and which hop it asks next. */
#include "probe/method_trace_private.h"

#include "lib/text.h"

#define TRACE_GAP 5 /* silent hops in a row after which a trace gives up */

/* The last TTL worth asking: silent hops in a row end a trace whose target has
 * not been heard of. */
static int
horizon(const struct trace *t)
{
	int ttl, silent = 0;

	if (t->stopped)
		return t->last;
	for (ttl = 1; ttl <= t->last; ttl++) {
		silent =
		    t->state[ttl] == HOP_SILENT || t->state[ttl] == HOP_NEVER
			? silent + 1
			: 0;
		if (silent == TRACE_GAP)
			return ttl;
	}
	return t->last;
}

bool
trace_knows(const struct trace *t, int ttl)
{
	return t->state[ttl] == HOP_ANSWERED || t->state[ttl] == HOP_SILENT ||
	       t->state[ttl] == HOP_NEVER;
}

/* How many hops may have been asked in all: eight at once, and later about
 * three for four that have answered, so that a short path costs few packets
 * beyond its end. What is played keeps to what was played. */
static int
allowance(const struct trace *t)
{
	int ttl, known = 0, hops;

	for (ttl = 1; ttl <= t->last; ttl++)
		known += trace_knows(t, ttl) || t->state[ttl] == HOP_NEAR;
	hops = LIMIT_TRACE_IN_FLIGHT + (3 * known + 3) / 4;
	return hops > known ? hops : known + 1;
}

int
trace_next_ttl(const struct trace *t)
{
	int ttl, end = horizon(t);

	if (t->in_flight >= LIMIT_TRACE_IN_FLIGHT)
		return 0;
	if (!t->played && end > allowance(t))
		end = allowance(t);
	for (ttl = 1; ttl <= end; ttl++) {
		if (t->state[ttl] == HOP_AGAIN && !t->probe[ttl].open)
			return ttl;
	}
	for (ttl = 1; ttl <= end; ttl++) {
		if (t->state[ttl] == HOP_UNASKED)
			return ttl;
	}
	return 0;
}

bool
trace_owes(const struct trace *t)
{
	int ttl;
	bool waits = false;

	for (ttl = 1; ttl <= t->last; ttl++) {
		if (t->state[ttl] == HOP_AGAIN && !t->probe[ttl].open)
			return true;
		waits |= t->state[ttl] == HOP_ASKED;
	}
	return t->played || !waits;
}

bool
trace_knows_all(const struct trace *t)
{
	int ttl, end = horizon(t);

	for (ttl = 1; ttl <= end; ttl++) {
		if (!trace_knows(t, ttl))
			return false;
	}
	return true;
}

/* The last of the TTLs below one that was asked of the same router, with
 * another one between; 0: none. The same router twice in a row is no loop. */
static int
visit_before(const struct trace *t, int ttl)
{
	bool left = false;
	int i;

	for (i = ttl - 1; i > 0; i--) {
		if (!addr_is_set(&t->hop[i].addr))
			continue;
		if (!addr_equal(&t->hop[i].addr, &t->hop[ttl].addr))
			left = true;
		else if (left)
			return i;
	}
	return 0;
}

int
trace_loop(const struct trace *t)
{
	int ttl, second;

	/* Three times, since a balancer alone can show a router twice. */
	for (ttl = 1; ttl <= t->last; ttl++) {
		if (addr_is_set(&t->hop[ttl].addr) &&
		    (second = visit_before(t, ttl)) != 0 &&
		    visit_before(t, second) != 0)
			return ttl;
	}
	return 0;
}

bool
trace_end_is_open(const struct trace *t)
{
	int ttl;

	for (ttl = 1; ttl <= NEAR_TTL && ttl < t->last; ttl++) {
		if (t->state[ttl] == HOP_NEAR || t->state[ttl] == HOP_UNASKED ||
		    t->state[ttl] == HOP_NEVER)
			return t->last <= NEAR_TTL + 1;
	}
	return !t->stopped;
}

/* --- the record --- */

static bool
is_cut_short(const struct trace *t)
{
	int ttl, end = horizon(t);

	for (ttl = 1; ttl <= end; ttl++) {
		if (t->state[ttl] == HOP_NEVER)
			return true;
	}
	return false;
}

static void
fill_reason(struct record *r, const struct trace *t)
{
	if (t->untold == NULL || !is_cut_short(t))
		(void)text_copy(r->reason, sizeof(r->reason), t->reason);
	else
		(void)text_print(r->reason, sizeof(r->reason), "%s%s%s",
		    t->reason, t->reason[0] == '\0' ? "" : "; ", t->untold);
}

void
trace_fill(struct record *r, const struct trace *t)
{
	int ttl, end = horizon(t);

	/* Silence at the end says nothing: leave it off. */
	while (end > 0 && t->state[end] != HOP_ANSWERED)
		end--;
	for (ttl = 1; ttl <= end; ttl++) {
		if (t->state[ttl] != HOP_NEVER)
			r->hop[r->hop_count++] = t->hop[ttl];
	}
	fill_reason(r, t);
}
