#include "probe/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/text.h"

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
	ask->place = -1;
	plan->after[plan->count] = item->after;
	plan->count++;
	flow->users++;
	flow->peer->asks += proto == PROTO_TCP ? PROBER_TCP_PACKETS : 1;
	if (flow->peer->asks > plan->most)
		plan->most = flow->peer->asks;
	return 0;
}

void
plan_shuffle(struct plan *plan)
{
	size_t i, j;
	uint64_t random;

	for (i = plan->count; i > 1; i--) {
		struct ask ask = plan->asks[i - 1];
		struct span after = plan->after[i - 1];

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			abort();
		j = random % i;
		plan->asks[i - 1] = plan->asks[j];
		plan->after[i - 1] = plan->after[j];
		plan->asks[j] = ask;
		plan->after[j] = after;
	}
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
