/* Flow-stable traceroute. With a raw socket the packets are the DNS query on
 * the DNS flow's own 5-tuple, so that the path shown is the path that the
 * answers took; otherwise echo requests of one id and checksum (FIELD.md E4).
 */
#include "probe/method_trace_private.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

static struct trace *
trace_new(const struct prober *p, struct ask *ask)
{
	struct trace *t = calloc(1, sizeof(*t));
	int ttl;

	if (t == NULL)
		return NULL;
	for (ttl = 1; ttl <= LIMIT_TTL; ttl++) {
		t->probe[ttl].ask = ask;
		t->probe[ttl].ttl = (uint8_t)ttl;
		t->hop[ttl] = (struct record_hop){ .ttl = (uint8_t)ttl,
			.rtt_us = -1,
			.icmp_type = -1,
			.icmp_code = -1,
			.quoted_ttl = -1 };
		if (p->near != NULL && ttl <= NEAR_TTL)
			t->state[t->near = ttl] = HOP_NEAR;
	}
	t->last = LIMIT_TTL;
	t->scheduled = true; /* the first send comes from the plan */
	return t;
}

static void
trace_forget(struct ask *ask)
{
	int ttl;

	if (ask->sample->trace == NULL)
		return;
	for (ttl = 1; ttl <= LIMIT_TTL; ttl++) {
		outstanding_forget(&ask->sample->trace->probe[ttl]);
		outstanding_forget(&ask->sample->trace->first[ttl]);
	}
	free(ask->sample->trace);
	ask->sample->trace = NULL;
}

static bool
reply_is_exceeded(const struct reply *reply)
{
	return reply->icmp_type == (reply->from.af == 4 ? ICMP4_TIME_EXCEEDED
							: ICMP6_TIME_EXCEEDED);
}

static void
finish(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	int ttl;

	for (ttl = 1; ttl <= LIMIT_TTL; ttl++)
		outstanding_close(
		    &p->outstanding, &t->probe[ttl], PATIENCE_HOP);
	trace_leave_near(p, ask);
	/* What seemed to be the end may be a router before it. */
	if (t->untold != NULL && t->end != OUTCOME_ANSWERED &&
	    trace_end_is_open(t)) {
		t->stopped = false;
		t->reason[0] = '\0';
	}
	trace_fill(prober_record(p, ask), t);
	prober_finish(p, ask, t->stopped ? t->end : OUTCOME_TIMEOUT, NULL);
}

/* What is behind this TTL is of no interest. */
static void
nothing_beyond(struct prober *p, struct ask *ask, int ttl)
{
	struct trace *t = ask->sample->trace;
	int beyond;

	t->last = ttl;
	for (beyond = ttl + 1; beyond <= LIMIT_TTL; beyond++) {
		if (t->probe[beyond].open)
			t->in_flight--;
		t->probe[beyond].beyond = t->first[beyond].beyond = true;
		outstanding_close(
		    &p->outstanding, &t->probe[beyond], PATIENCE_HOP);
	}
}

/* After every event: over, or more to send. */
static void
advance(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;

	if (ask->state == ASK_DONE)
		return;
	trace_go_near(p, ask);
	if (trace_knows_all(t)) {
		finish(p, ask);
	} else if (trace_next_ttl(t) == 0 || (t->scheduled && !ask->ahead)) {
		return;
	} else if (trace_owes(t)) {
		t->scheduled = true;
		ask->due = p->link->mono(p->link);
		prober_want(p, ask);
	} else if (!t->scheduled) {
		t->scheduled = true;
		prober_ahead(p, ask);
	}
}

/* What is to become of an ask that has sent a packet. */
static enum send_result
go_on(struct trace *t)
{
	t->scheduled = trace_next_ttl(t) != 0;
	if (!t->scheduled)
		return SEND_DONE;
	return trace_owes(t) ? SEND_MORE : SEND_AHEAD;
}

static void
trace_stop(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	int ttl;

	if (t->sent == 0) { /* no buffer all the time */
		prober_unsent(p, ask, LINK_OK);
		return;
	}
	trace_go_near(p, ask);
	t->learnt = true; /* silence from here on teaches nobody */
	t->untold = "deadline";
	for (ttl = 1; ttl <= LIMIT_TTL; ttl++) {
		if (t->state[ttl] == HOP_UNASKED || t->state[ttl] == HOP_NEAR)
			t->state[ttl] = HOP_NEVER;
		else if (t->state[ttl] == HOP_AGAIN && !t->probe[ttl].open)
			t->state[ttl] = HOP_SILENT;
	}
	t->scheduled = false;
	advance(p, ask);
}

/* A late reply to the first packet must not look like a forged one. */
static void
keep_first(struct trace *t, int ttl)
{
	struct probe *probe = &t->probe[ttl], *first = &t->first[ttl];

	if (!probe->linked || first->linked)
		return;
	*first = *probe;
	TAILQ_INSERT_AFTER(&probe->ask->flow->probes, probe, first, by_flow);
}

static enum link_error
transmit(struct prober *p, struct probe *probe)
{
	if (probe->ask->flow->proto == PROTO_UDP)
		return dns_udp_transmit(p, probe);
	return echo_transmit(p, probe);
}

/* No packet to this hop leaves the host. The first of all: the ask is unsent.
 * Later (a route has gone): beside hops that have answered, one that was never
 * asked, or not again. */
static enum send_result
not_sent(struct prober *p, struct ask *ask, int ttl, enum link_error error)
{
	struct trace *t = ask->sample->trace;

	if (t->sent == 0) {
		prober_unsent(p, ask, error);
		return SEND_OVER;
	}
	if (t->state[ttl] == HOP_UNASKED) {
		if (p->link->replay == NULL) /* else the capture has no more */
			t->untold =
			    error == LINK_NO_ROUTE ? "no route" : "send failed";
		t->state[ttl] = HOP_NEVER;
	} else {
		t->state[ttl] = HOP_SILENT;
	}
	trace_go_near(p, ask);
	if (trace_knows_all(t)) {
		finish(p, ask);
		return SEND_OVER;
	}
	return go_on(t);
}

static enum send_result
trace_send(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	enum link_error error;
	int ttl;

	if (t == NULL && (t = ask->sample->trace = trace_new(p, ask)) == NULL)
		return SEND_LATER;
	t->played = p->link->replay != NULL;
	t->scheduled = false;
	trace_go_near(p, ask);
	if (trace_knows_all(t)) {
		finish(p, ask);
		return SEND_OVER;
	}
	if ((ttl = trace_next_ttl(t)) == 0)
		return SEND_DONE;
	keep_first(t, ttl);
	error = transmit(p, &t->probe[ttl]);
	if (error == LINK_RETRY) {
		t->scheduled = true;
		return SEND_LATER;
	}
	if (error != LINK_OK)
		return not_sent(p, ask, ttl, error);
	if (t->sent == 0)
		prober_departed(p, ask, t->probe[ttl].sent);
	if (t->state[ttl] == HOP_UNASKED)
		t->state[ttl] = HOP_ASKED;
	t->sent++;
	t->probe[ttl].tries++;
	t->in_flight++;
	outstanding_add(&p->outstanding, &t->probe[ttl], PATIENCE_HOP);
	return go_on(t);
}

/* The target itself answered at this TTL. */
static void
reached(struct prober *p, struct ask *ask, int ttl, enum outcome end)
{
	struct trace *t = ask->sample->trace;
	struct record *r = prober_record(p, ask);

	if (t->stopped && ttl >= t->last)
		return;
	t->stopped = true;
	t->end = end;
	t->reason[0] = '\0';
	nothing_beyond(p, ask, ttl);
	r->rtt_us = end == OUTCOME_ANSWERED ? t->hop[ttl].rtt_us : -1;
}

/* A checksum that the host had left to its network card, as a hypervisor or
 * another namespace of the same host sees it. */
static bool
is_left_to_card(const struct icmp_quote *quote)
{
	uint32_t sum = IPPROTO_UDP + (uint32_t)quote->udp_len;

	sum = checksum_add(sum, quote->src.bytes, addr_len(&quote->src));
	sum = checksum_add(sum, quote->dst.bytes, addr_len(&quote->dst));
	return quote->protocol == IPPROTO_UDP && quote->udp_len != -1 &&
	       quote->cksum == (uint16_t)~checksum_fold(sum);
}

/* What of our packet was another than when it left us. */
static enum hop_nat
nat_of(const struct probe *probe, const struct reply *reply)
{
	const struct flow *flow = probe->ask->flow;
	const struct icmp_quote *quote;

	if (reply_is_exceeded(reply) &&
	    addr_equal(&reply->from, &flow->peer->addr))
		return HOP_NAT_TARGET;
	if (reply->icmp == NULL || !reply->icmp->quote.present)
		return HOP_NAT_NONE;
	quote = &reply->icmp->quote;
	if (!addr_equal(&quote->src, &flow->src))
		return HOP_NAT_SOURCE;
	if (quote->cksum > 0 && quote->cksum != probe->cksum &&
	    !is_left_to_card(quote))
		return HOP_NAT_CHECKSUM;
	return HOP_NAT_NONE;
}

/* An ICMP error is the word of a router, or the end of the path. */
static void
take_error(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct trace *t = ask->sample->trace;
	struct record_hop *hop = &t->hop[probe->ttl];

	hop->icmp_type = reply->icmp_type;
	hop->icmp_code = reply->icmp_code;
	if (reply->icmp != NULL) {
		hop->quoted_ttl = reply->icmp->quote.ttl;
		hop->mpls_count = reply->icmp->mpls_count;
		memcpy(hop->mpls, reply->icmp->mpls, sizeof(hop->mpls));
	}
	hop->nat = (uint8_t)nat_of(probe, reply);
	if (reply_is_exceeded(reply))
		return;
	reached(p, ask, probe->ttl,
	    reply_is_refusal(reply) ? OUTCOME_REFUSED : OUTCOME_UNREACHABLE);
	(void)text_print(t->reason, sizeof(t->reason), "icmp %d/%d",
	    reply->icmp_type, reply->icmp_code);
}

/* Who is at the end names itself on the packet that found the way. */
static void
name_end(const struct ask *ask, struct record *r, const struct reply *reply)
{
	struct dns_reply message;
	const char *fault;

	if (reply->kind != REPLY_DNS || reply->weak ||
	    dns_read(&message, ask, reply, &fault) != PARSE_OK)
		return;
	r->dns.nsid = message.nsid;
	r->dns.nsid_len = message.nsid_len;
}

/* Packets go round in circles. */
static void
stop_at_loop(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	int ttl = t->stopped ? 0 : trace_loop(t);

	if (ttl == 0)
		return;
	t->stopped = true;
	t->end = OUTCOME_TIMEOUT;
	(void)text_copy(t->reason, sizeof(t->reason), "loop");
	nothing_beyond(p, ask, ttl);
}

static void
trace_take(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct trace *t = ask->sample->trace;
	struct record *r = prober_record(p, ask);
	struct record_hop *hop = &t->hop[probe->ttl];
	enum stamp_source stamp;

	outstanding_close(&p->outstanding, probe, PATIENCE_HOP);
	t->in_flight--;
	t->state[probe->ttl] = HOP_ANSWERED;
	hop->addr =
	    reply->kind == REPLY_DNS ? ask->flow->peer->addr : reply->from;
	hop->rtt_us = prober_rtt_us(p, probe, reply->arrival, &stamp);
	hop->auth_bits = reply->auth_bits;
	if (reply->kind == REPLY_ERROR) {
		take_error(p, probe, reply);
	} else if (!t->reached || probe->ttl < t->last) {
		reached(p, ask, probe->ttl, OUTCOME_ANSWERED);
		t->reached = true;
		r->stamp = stamp;
		r->reply_ttl = reply->arrival->ttl;
		r->auth_bits = reply->auth_bits;
		name_end(ask, r, reply);
	}
	stop_at_loop(p, ask);
	advance(p, ask);
}

static void
trace_expire(struct prober *p, struct probe *probe)
{
	struct trace *t = probe->ask->sample->trace;

	outstanding_close(&p->outstanding, probe, PATIENCE_HOP);
	t->in_flight--;
	t->state[probe->ttl] =
	    probe->tries < TRACE_TRIES ? HOP_AGAIN : HOP_SILENT;
	advance(p, probe->ask);
}

const struct method method_trace = {
	.type = RECORD_TRACE,
	.send = trace_send,
	.take = trace_take,
	.expire = trace_expire,
	.stop = trace_stop,
	.forget = trace_forget,
};
