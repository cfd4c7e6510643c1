/* What an answer makes us ask once more: asks that were not planned. */
#include "probe/prober.h"

#include <stdlib.h>

struct ask *
prober_ask(const struct prober *p, uint32_t index)
{
	if (index < p->ask_count)
		return &p->asks[index];
	return index - p->ask_count < p->retry_count
		   ? p->retries[index - p->ask_count]
		   : NULL;
}

const struct ask *
prober_asks_again(const struct prober *p, const struct ask *ask)
{
	return ask->retry_of == 0 ? NULL : prober_ask(p, ask->retry_of - 1);
}

static struct ask *
retry_new(struct prober *p)
{
	struct ask **grown;

	grown =
	    reallocarray(p->retries, p->retry_count + 1, sizeof(struct ask *));
	if (grown == NULL)
		return NULL;
	p->retries = grown;
	if ((grown[p->retry_count] = calloc(1, sizeof(struct ask))) == NULL)
		return NULL;
	grown[p->retry_count]->index =
	    (uint32_t)(p->ask_count + p->retry_count);
	return grown[p->retry_count++];
}

/* What is played asks again only where it did. */
static bool
may_retry(struct prober *p, const struct flow *flow)
{
	struct link_tuple tuple = flow_tuple(flow);

	return p->link->replay == NULL ||
	       p->link->replay->sends(p->link, &tuple);
}

/* Which of an address is asked again first is chance, and flows have to be
 * made in one order (flow.h): those before this one come first. */
static struct flow *
retry_flow(struct prober *p, const struct flow *before, enum proto proto)
{
	struct flow *flow = NULL;
	int n = p->link->replay == NULL ? 0 : before->n;

	for (; n <= before->n; n++) {
		flow = flow_get(
		    p->flows, &before->peer->addr, before->dport, proto, n);
		if (flow == NULL)
			return NULL;
	}
	return flow;
}

void
prober_retry(struct prober *p, const struct ask *of, const struct dns_how *how)
{
	struct flow *flow = retry_flow(p, of->flow, how->proto);
	struct ask *ask;

	if (flow == NULL || !may_retry(p, flow) || (ask = retry_new(p)) == NULL)
		return;
	ask->target = of->target;
	ask->question = of->question;
	ask->method =
	    how->proto == PROTO_TCP ? &method_dns_tcp : &method_dns_udp;
	ask->flow = flow;
	ask->letters = of->letters;
	ask->plain = how->plain;
	ask->cookie_renewed = how->cookie_renewed;
	ask->retry_of = of->index + 1;
	ask->place = -1;
	ask->due = p->link->mono(p->link);
	flow->users++;
	p->left++;
	prober_want(p, ask);
}

void
prober_forget_retries(struct prober *p)
{
	size_t i;

	for (i = 0; i < p->retry_count; i++)
		free(p->retries[i]);
	free(p->retries);
	p->retries = NULL;
	p->retry_count = 0;
}
