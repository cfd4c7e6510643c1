/* What an ask has between its first packet and the emission of its record. */
#include "probe/prober.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "probe/packed.h"

/* The record that is being worked on goes back to its sample. */
static void
put_back(struct prober *p)
{
	struct ask *ask = p->record_of;
	struct sample *sample;
	struct packed *packed;

	p->record_of = NULL;
	if (ask == NULL)
		return;
	sample = ask->sample;
	packed = packed_outcome(
	    p->record, sample->record != NULL ? sample->record : sample->room);
	if (packed == NULL) {
		p->failed = true;
		return;
	}
	sample->record = packed;
	sample->room = NULL;
}

/* Nothing but what its packing has, which comes next. */
static void
make_blank(struct record *r, const struct record *blank, const struct ask *ask)
{
	if (ask->sample->record == NULL) {
		memcpy(r, blank, packed_extent(ask->method->type));
		return;
	}
	memcpy(r, blank, offsetof(struct record, outcome));
	memcpy(&r->dns, &blank->dns, offsetof(struct record_dns, rcode));
}

/* The flow as it was when the packet left. */
static void
describe_flow(struct record_flow *out, const struct ask *ask)
{
	const struct sample *sample = ask->sample;

	flow_describe(ask->flow, out);
	out->src = sample->src;
	out->moved = sample->moved;
	if (ask->flow->proto == PROTO_ICMP)
		out->icmp_id = sample->port;
	else
		out->sport = sample->port;
}

/* What is known before an answer. */
static void
fill_in(struct prober *p, const struct ask *ask)
{
	const struct flow *flow = ask->flow;
	struct record *r = p->record;

	make_blank(r, p->blank, ask);
	r->t = ask->sample->t;
	r->type = ask->method->type;
	(void)text_copy(r->target, sizeof(r->target), ask->target);
	(void)text_copy(r->question, sizeof(r->question), ask->question->name);
	r->addr = flow->peer->addr;
	r->proto = flow->proto;
	r->port = flow->proto == PROTO_ICMP ? -1 : flow->dport;
	if (r->type == RECORD_DNS) {
		(void)text_copy(
		    r->dns.qname, sizeof(r->dns.qname), ask->question->qname);
		r->dns.qtype = ask->question->dns.type;
		r->dns.qclass = ask->question->dns.class;
	}
	describe_flow(&r->flow, ask);
}

struct record *
prober_record(struct prober *p, struct ask *ask)
{
	if (p->record_of == ask)
		return p->record;
	put_back(p);
	fill_in(p, ask);
	if (ask->sample->record != NULL)
		packed_restore(p->record, ask->sample->record);
	p->record_of = ask;
	return p->record;
}

int
prober_sample(struct prober *p, struct ask *ask)
{
	struct packed *room;

	if (ask->sample != NULL) {
		ask->sample->probe.sent = p->link->mono(p->link);
		return 0;
	}
	if ((ask->sample = TAILQ_FIRST(&p->spare)) != NULL) {
		TAILQ_REMOVE(&p->spare, ask->sample, by_done);
		room = ask->sample->room;
		memset(ask->sample, 0, sizeof(*ask->sample));
		ask->sample->room = room;
	} else if ((ask->sample = calloc(1, sizeof(*ask->sample))) == NULL) {
		return -1;
	}
	ask->sample->probe.ask = ask;
	ask->sample->probe.sent = p->link->mono(p->link);
	return 0;
}

void
prober_begin(struct prober *p, struct ask *ask)
{
	prober_departed(p, ask, ask->sample->probe.sent);
	ask->state = ASK_OPEN;
}

void
prober_departed(const struct prober *p, struct ask *ask, struct mono at)
{
	struct sample *sample = ask->sample;

	sample->t = wall_add(p->start_wall, mono_since(at, p->start));
	sample->src = ask->flow->src;
	sample->moved = ask->flow->moved;
	sample->port = ask->flow->port;
}

void
prober_not_ahead(struct prober *p, struct ask *ask)
{
	if (ask->ahead)
		TAILQ_REMOVE(&p->ahead, ask->sample, by_done);
	ask->ahead = false;
}

void
prober_unwanted(struct prober *p, struct ask *ask)
{
	p->unwanted++;
	p->strange = true;
	if (ask->sample->unwanted < LIMIT_UNWANTED)
		ask->sample->unwanted++;
}

void
prober_finish(
    struct prober *p, struct ask *ask, enum outcome outcome, const char *reason)
{
	struct sample *sample = ask->sample;
	struct record *r;

	if (ask->state != ASK_OPEN)
		return;
	r = prober_record(p, ask);
	r->outcome = sample->outcome = outcome;
	if (reason != NULL)
		(void)text_copy(r->reason, sizeof(r->reason), reason);
	if (outcome == OUTCOME_ANSWERED && r->rtt_us > p->slowest_us)
		p->slowest_us = r->rtt_us;
	prober_not_ahead(p, ask);
	ask->state = ASK_DONE;
	sample->done = p->link->mono(p->link);
	if (outcome != OUTCOME_UNSENT)
		p->heard = sample->done;
	TAILQ_INSERT_TAIL(&p->done, sample, by_done);
	p->left--;
}

void
prober_unsent(struct prober *p, struct ask *ask, enum link_error error)
{
	static const char *const reason[] = {
		[LINK_OK] = "deadline",
		[LINK_TAKEN] = "port taken",
		[LINK_NO_ROUTE] = "no route",
		[LINK_DENIED] = "no permission",
		[LINK_RETRY] = "no buffer",
		[LINK_FAILED] = "send failed",
		[LINK_REFUSED] = "send failed",
		[LINK_CROWDED] = "no descriptor",
		[LINK_SCARCE] = "no descriptor",
	};

	if (error == LINK_OK) /* the deadline: what kept it until then? */
		error = ask->waits;
	if (error == LINK_NO_ROUTE)
		p->no_route = true;
	if (error == LINK_DENIED)
		p->denied = true;
	if (error == LINK_CROWDED || error == LINK_SCARCE)
		p->scarce = true;
	prober_finish(p, ask, OUTCOME_UNSENT, reason[error]);
}

static void
sample_free(struct prober *p, struct ask *ask)
{
	struct sample *sample = ask->sample;

	if (p->record_of == ask)
		p->record_of = NULL;
	outstanding_forget(&sample->probe);
	if (ask->method->forget != NULL)
		ask->method->forget(ask);
	if (sample->record != NULL)
		sample->room = sample->record;
	sample->record = NULL;
	TAILQ_INSERT_HEAD(&p->spare, sample, by_done);
	ask->sample = NULL;
}

/* A stamp that did not come cannot tell where the packet came from. */
static void
find_source(struct prober *p, const struct ask *ask, struct addr *src)
{
	*src = ask->sample->src;
	if (addr_is_set(src) || ask->sample->outcome == OUTCOME_UNSENT ||
	    p->link->source == NULL || ask->flow->socket == -1)
		return;
	(void)p->link->source(p->link, ask->flow->socket, src);
}

void
prober_emit(struct prober *p, struct ask *ask)
{
	const struct sample *sample = ask->sample;
	const struct ask *of = prober_asks_again(p, ask);
	struct record *r = prober_record(p, ask);

	find_source(p, ask, &r->flow.src);
	r->late = sample->late;
	r->dup = sample->dup;
	r->unwanted = sample->unwanted;
	r->conflict = sample->conflict;
	r->retry_of = of == NULL ? -1 : of->place;
	r->flow.dscp = (uint8_t)p->dscp;
	if (p->interface != NULL)
		(void)text_copy(
		    r->flow.interface, sizeof(r->flow.interface), p->interface);
	ask->place = p->emitted++;
	p->sink.emit(p->sink.arg, ask, r);
	TAILQ_REMOVE(&p->done, ask->sample, by_done);
	sample_free(p, ask);
	ask->state = ASK_EMITTED;
	if (--ask->flow->users == 0)
		flow_close(ask->flow, p->link);
}
