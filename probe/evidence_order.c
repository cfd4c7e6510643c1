/* Packets of a trace in the order in which they were sent. */
#include "probe/evidence_read.h"

#define OVERTAKEN_MS 100 /* at most so long behind who was sent later */
#define TRACE_S 10       /* for so long a hop may be asked again */

/* Errors are known by whom they quote. */
static bool
is_for(const struct event *e, const struct conversation *with)
{
	struct icmp_message icmp;

	if (e->kind != EVENT_TAKEN || e->with != NULL)
		return e->kind == EVENT_TAKEN && e->with == with;
	return icmp_read(&icmp, e->af, e->bytes, e->len) == PARSE_OK &&
	       icmp.quote.present &&
	       addr_equal(&icmp.quote.dst, &with->tuple.dst);
}

static bool
is_answered(const struct evidence_sorter *s, int32_t since, int32_t until)
{
	for (int32_t i = since + 1; i < until; i++) {
		if (is_for(&s->events[i], s->events[until].with))
			return true;
	}
	return false;
}

/* A hop that was asked before is asked again, whoever is before it. */
static bool
is_again(const struct evidence_sorter *s, const struct event *hop)
{
	const struct event *e;

	for (int32_t i = hop->before; i != -1; i = e->before) {
		e = &s->events[i];
		if (mono_since(hop->at, e->at).ns > span_s(TRACE_S).ns)
			break;
		if (e->ttl == hop->ttl)
			return true;
	}
	return false;
}

/* The hop that left before this one on the same flow, and not long before;
 * -1: none. Questions may lie between. */
static int32_t
hop_before(const struct evidence_sorter *s, const struct event *hop)
{
	const struct event *e;

	for (int32_t i = hop->before; i != -1; i = e->before) {
		e = &s->events[i];
		if (mono_since(hop->at, e->at).ns > span_ms(OVERTAKEN_MS).ns)
			break;
		if (evidence_is_hop(e))
			return i;
	}
	return -1;
}

/* By the hop at the place that this returns; -1: by none. */
static int32_t
overtaken_by(const struct evidence_sorter *s, int32_t place)
{
	const struct event *hop = &s->events[place];
	int32_t before = evidence_is_hop(hop) ? hop_before(s, hop) : -1;

	if (before == -1 || s->events[before].ttl <= hop->ttl ||
	    is_again(s, hop) || is_answered(s, before, place))
		return -1;
	return before;
}

/* The places, and when the replay is there, stay. */
static void
exchange(struct event *a, struct event *b)
{
	struct event old = *a;

	a->stamp = b->stamp;
	a->ttl = b->ttl;
	a->cksum = b->cksum;
	a->bytes = b->bytes;
	a->len = b->len;
	b->stamp = old.stamp;
	b->ttl = old.ttl;
	b->cksum = old.cksum;
	b->bytes = old.bytes;
	b->len = old.len;
}

void
evidence_order(struct evidence_sorter *s, int32_t place)
{
	int32_t before;

	while ((before = overtaken_by(s, place)) != -1) {
		exchange(&s->events[before], &s->events[place]);
		place = before;
	}
}
