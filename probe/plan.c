#include "probe/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/text.h"

/* Addresses that are asked at the same time: as many as have a socket open
 * before they are asked all. */
#define NEAR 256

static int
question_of_zone(struct question *q, const char *name, const char *zone)
{
	q->dns.type = DNS_TYPE_SOA;
	q->dns.class = DNS_CLASS_IN;
	if (text_copy(q->name, sizeof(q->name), name) == -1)
		return -1;
	return dns_name_from_text(&q->dns.name, zone);
}

static int
question_of_name(struct question *q, const char *text)
{
	struct dns_asked asked;

	if (dns_asked_from_text(&asked, text) == -1)
		return -1;
	q->dns = asked.question;
	q->rd = asked.rd;
	return text_copy(q->name, sizeof(q->name), asked.name);
}

int
question_init(struct question *q, const char *name, const char *zone)
{
	char text[LIMIT_DNS_NAME_TEXT];
	bool trace = strcmp(name, "trace") == 0;

	memset(q, 0, sizeof(*q));
	q->method = trace ? &method_trace : &method_dns_udp;
	if (strcmp(name, "echo") == 0) {
		q->method = &method_echo;
		return text_copy(q->name, sizeof(q->name), name);
	}
	if ((trace || strcmp(name, "soa") == 0
		    ? question_of_zone(q, name, zone)
		    : question_of_name(q, name)) == -1)
		return -1;
	dns_name_to_text(text, sizeof(text), &q->dns.name);
	return text_copy(q->qname, sizeof(q->qname), text);
}

void
plan_init(struct plan *plan, struct flow_table *flows, const struct link *link)
{
	memset(plan, 0, sizeof(*plan));
	plan->flows = flows;
	/* An 8-byte quote ties no UDP packet to its TTL, so several hops in
	 * flight need the raw socket that sees the quoted header. */
	plan->udp_trace[0] = link->raw;
	plan->udp_trace[1] = link->raw;
}

void
plan_clear(struct plan *plan)
{
	free(plan->asks);
	free(plan->after);
	memset(plan, 0, sizeof(*plan));
}

static int
grow(struct plan *plan)
{
	size_t size = plan->size == 0 ? 64 : 2 * plan->size;
	struct ask *asks;
	struct span *after;

	if (plan->count < plan->size)
		return 0;
	asks = reallocarray(plan->asks, size, sizeof(*asks));
	if (asks == NULL)
		return -1;
	plan->asks = asks;
	after = reallocarray(plan->after, size, sizeof(*after));
	if (after == NULL)
		return -1;
	plan->after = after;
	plan->size = size;
	return 0;
}

static enum proto
proto_of(const struct plan *plan, const struct plan_item *item)
{
	if (item->question->method == &method_echo)
		return PROTO_ICMP;
	if (item->question->method == &method_trace &&
	    !plan->udp_trace[item->addr.af == 6])
		return PROTO_ICMP;
	return item->question->method == &method_dns_udp ? item->proto
							 : PROTO_UDP;
}

int
plan_add(struct plan *plan, const struct plan_item *item)
{
	enum proto proto = proto_of(plan, item);
	struct flow *flow;
	struct ask *ask;

	if (grow(plan) == -1)
		return -1;
	flow = flow_get(plan->flows, &item->addr,
	    proto == PROTO_ICMP ? 0 : item->port, proto, item->flow);
	if (flow == NULL)
		return -1;
	ask = &plan->asks[plan->count];
	memset(ask, 0, sizeof(*ask));
	ask->target = item->target;
	ask->question = item->question;
	ask->method =
	    proto == PROTO_TCP ? &method_dns_tcp : item->question->method;
	ask->flow = flow;
	ask->letters = (uint8_t)item->letters;
	ask->place = -1;
	plan->after[plan->count] = item->after;
	plan->count++;
	flow->users++;
	plan->peers += flow->peer->asks == 0;
	flow->peer->asks += proto == PROTO_TCP ? PROBER_TCP_PACKETS : 1;
	if (flow->peer->asks > plan->most)
		plan->most = flow->peer->asks;
	return 0;
}

struct place {
	struct span after;
	uint32_t rank, index;
};

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->after.ns != y->after.ns)
		return x->after.ns < y->after.ns ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* The kernel is asked for many at once. */
static uint32_t
draw(uint32_t random[64], size_t *left)
{
	if (*left == 0) {
		*left = 64;
		if (getrandom(random, *left * sizeof(uint32_t), 0) !=
		    (ssize_t)(*left * sizeof(uint32_t)))
			abort();
	}
	return random[--*left];
}

/* Where an address lies is random, and so are its asks within their share of
 * the whole. */
static void
rank_asks(const struct plan *plan, struct place *place)
{
	const struct flow *flow = NULL;
	uint64_t near, random[2];
	uint32_t drawn[64];
	size_t i, left = 0;

	near =
	    plan->peers <= NEAR ? UINT32_MAX : UINT32_MAX / plan->peers * NEAR;
	for (i = 0; i < plan->count; i++) {
		flow = plan->asks[i].flow;
		if (flow->peer->rank == 0)
			flow->peer->rank = draw(drawn, &left) | 1;
		random[0] = flow->peer->rank * (UINT32_MAX - near);
		random[1] = draw(drawn, &left) * near;
		place[i] = (struct place){ plan->after[i],
			(uint32_t)((random[0] + random[1]) >> 32),
			(uint32_t)i };
	}
}

/* Each ask to the place that it was sorted to, round by round of those that
 * change places. */
static void
move_asks(struct plan *plan, struct place *place)
{
	struct span after;
	struct ask ask;
	size_t i, to, from;

	for (i = 0; i < plan->count; i++) {
		if (place[i].index == i)
			continue;
		ask = plan->asks[i];
		after = plan->after[i];
		for (to = i; (from = place[to].index) != i; to = from) {
			plan->asks[to] = plan->asks[from];
			plan->after[to] = plan->after[from];
			place[to].index = (uint32_t)to;
		}
		plan->asks[to] = ask;
		plan->after[to] = after;
		place[to].index = (uint32_t)to;
	}
}

int
plan_shuffle(struct plan *plan)
{
	struct place *place;

	if (plan->count == 0)
		return 0;
	if ((place = calloc(plan->count, sizeof(*place))) == NULL)
		return -1;
	rank_asks(plan, place);
	qsort(place, plan->count, sizeof(*place), compare_places);
	move_asks(plan, place);
	free(place);
	return 0;
}

void
plan_start(struct plan *plan, struct prober *p)
{
	size_t i;

	p->asks = plan->asks;
	p->ask_count = p->left = plan->count;
	for (i = 0; i < plan->count; i++) {
		plan->asks[i].index = (uint32_t)i;
		plan->asks[i].due = mono_add(p->start, plan->after[i]);
		schedule_add(p->schedule, &plan->asks[i]);
	}
	free(plan->after); /* each ask has its time now */
	plan->after = NULL;
}

void
plan_print(const struct plan *plan)
{
	char addr[ADDR_TEXT];
	size_t i;

	for (i = 0; i < plan->count; i++) {
		const struct ask *ask = &plan->asks[i];
		const struct flow *flow = ask->flow;

		(void)printf("%8.3f s  %s  %s  %s %s  flow %d %s %u",
		    (double)plan->after[i].ns / 1e9, ask->target,
		    addr_format(addr, &flow->peer->addr), ask->question->name,
		    ask->question->qname, flow->n, proto_name(flow->proto),
		    flow->port);
		if (flow->proto != PROTO_ICMP)
			(void)printf(" > %u", flow->dport);
		(void)printf("\n");
	}
}
