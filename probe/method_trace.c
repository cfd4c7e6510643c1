/* Flow-stable traceroute. With a raw socket the packets are the DNS query on
 * the DNS flow's own 5-tuple, so that the path shown is the path that the
 * answers took; otherwise echo requests of one id and checksum (FIELD.md E4).
 */
#include "probe/prober.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define TRACE_GAP 5   /* silent hops in a row after which a trace gives up */
#define TRACE_TRIES 2 /* packets to a hop that is silent */

enum hop_state {
	HOP_UNASKED,
	HOP_NEAR, /* perhaps another trace has asked it (near.h) */
	HOP_ASKED,
	HOP_AGAIN, /* silent once; asked again */
	HOP_ANSWERED,
	HOP_SILENT,
};

struct trace {
	struct probe probe[LIMIT_TTL + 1]; /* by TTL; 0 is not used */
	struct probe first[LIMIT_TTL + 1]; /* of a hop that is asked again */
	struct record_hop hop[LIMIT_TTL + 1];
	enum hop_state state[LIMIT_TTL + 1];
	int last; /* no TTL beyond it is asked: the target's, once known */
	int in_flight;
	int sent;             /* packets */
	int near;             /* the farthest TTL that is HOP_NEAR; 0: none */
	bool learnt, waiting; /* what is near; for another trace (near.h) */
	bool scheduled;
	bool played; /* link.h */
	bool reached, stopped;
	enum outcome end; /* where it stopped: answered, refused, unreachable */
	char reason[LIMIT_REASON];
};

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

/* The last TTL worth asking: silent hops in a row end a trace whose target has
 * not been heard of. */
static int
horizon(const struct trace *t)
{
	int ttl, silent = 0;

	if (t->stopped)
		return t->last;
	for (ttl = 1; ttl <= t->last; ttl++) {
		silent = t->state[ttl] == HOP_SILENT ? silent + 1 : 0;
		if (silent == TRACE_GAP)
			return ttl;
	}
	return t->last;
}

static bool
is_known(const struct trace *t, int ttl)
{
	return t->state[ttl] == HOP_ANSWERED || t->state[ttl] == HOP_SILENT;
}

/* How many hops may have been asked in all: eight at once, and later about
 * three for four that have answered, so that a short path costs few packets
 * beyond its end. What is played keeps to what was played. */
static int
allowance(const struct trace *t)
{
	int ttl, known = 0, hops;

	for (ttl = 1; ttl <= t->last; ttl++)
		known += is_known(t, ttl) || t->state[ttl] == HOP_NEAR;
	hops = LIMIT_TRACE_IN_FLIGHT + (3 * known + 3) / 4;
	return hops > known ? hops : known + 1;
}

/* The hop to ask next, retries first; 0: none now. */
static int
next_ttl(const struct trace *t)
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

/* Another packet is owed: to a hop that was silent, or because no hop is
 * waited for that was asked the first time. All others are ahead of what is
 * known. */
static bool
owes(const struct trace *t)
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

static bool
all_known(const struct trace *t)
{
	int ttl, end = horizon(t);

	for (ttl = 1; ttl <= end; ttl++) {
		if (t->state[ttl] != HOP_ANSWERED &&
		    t->state[ttl] != HOP_SILENT)
			return false;
	}
	return true;
}

static void
fill_record(struct record *r, const struct trace *t)
{
	int ttl, end = horizon(t);

	/* Silence at the end says nothing: leave it off. */
	while (end > 0 && t->state[end] != HOP_ANSWERED)
		end--;
	for (ttl = 1; ttl <= end; ttl++)
		r->hop[r->hop_count++] = t->hop[ttl];
}

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

static void
finish(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	int ttl;

	for (ttl = 1; ttl <= LIMIT_TTL; ttl++)
		outstanding_close(
		    &p->outstanding, &t->probe[ttl], PATIENCE_HOP);
	if (p->near != NULL) {
		near_leave(p->near, ask);
		wake(p);
	}
	fill_record(prober_record(p, ask), t);
	prober_finish(p, ask, t->stopped ? t->end : OUTCOME_TIMEOUT,
	    t->reason[0] == '\0' ? NULL : t->reason);
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

/* Packets go round in circles: the same router three times, since a balancer
 * alone can show it twice. */
static void
look_for_loop(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	int ttl, second;

	for (ttl = 1; ttl <= t->last && !t->stopped; ttl++) {
		if (!addr_is_set(&t->hop[ttl].addr) ||
		    (second = visit_before(t, ttl)) == 0 ||
		    visit_before(t, second) == 0)
			continue;
		t->stopped = true;
		t->end = OUTCOME_TIMEOUT;
		(void)text_copy(t->reason, sizeof(t->reason), "loop");
		nothing_beyond(p, ask, ttl);
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

	for (ttl = 1; ttl <= NEAR_TTL && is_known(t, ttl); ttl++) {
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

/* The farthest of the near hops is asked once the one behind it is known, and
 * no trace of the round has come by that. */
static void
go_near(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;
	const struct record_hop *behind, *seen;
	enum near_word word = NEAR_YOURS;

	if (p->near == NULL || t->waiting || t->learnt)
		return;
	if (t->near > 0 && is_known(t, t->near + 1)) {
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

/* After every event: over, or more to send. */
static void
advance(struct prober *p, struct ask *ask)
{
	struct trace *t = ask->sample->trace;

	if (ask->state == ASK_DONE)
		return;
	go_near(p, ask);
	if (all_known(t)) {
		finish(p, ask);
	} else if (next_ttl(t) == 0 || (t->scheduled && !ask->ahead)) {
		return;
	} else if (owes(t)) {
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
	t->scheduled = next_ttl(t) != 0;
	if (!t->scheduled)
		return SEND_DONE;
	return owes(t) ? SEND_MORE : SEND_AHEAD;
}

/* Of a path that ends near us it is not known where, as long as a hop before
 * has not been asked. */
static bool
is_end_open(const struct trace *t)
{
	int ttl;

	for (ttl = 1; ttl <= NEAR_TTL && ttl < t->last; ttl++) {
		if (t->state[ttl] == HOP_NEAR || t->state[ttl] == HOP_UNASKED)
			return t->last <= NEAR_TTL + 1;
	}
	return !t->stopped;
}

/* Nor will it be: what is known is not the whole path. */
static void
cut(struct trace *t, const char *reason)
{
	(void)text_copy(t->reason, sizeof(t->reason), reason);
	if (t->end != OUTCOME_ANSWERED)
		t->end = OUTCOME_TIMEOUT;
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
	go_near(p, ask);
	t->learnt = true; /* silence from here on teaches nobody */
	if (is_end_open(t))
		cut(t, "deadline");
	for (ttl = 1; ttl <= LIMIT_TTL; ttl++) {
		if (t->state[ttl] == HOP_UNASKED || t->state[ttl] == HOP_NEAR ||
		    (t->state[ttl] == HOP_AGAIN && !t->probe[ttl].open))
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
 * Later (a route has gone): a hop without an answer, beside those that have
 * one. */
static enum send_result
not_sent(struct prober *p, struct ask *ask, int ttl, enum link_error error)
{
	struct trace *t = ask->sample->trace;

	if (t->sent == 0) {
		prober_unsent(p, ask, error);
		return SEND_OVER;
	}
	if (t->stopped && is_end_open(t))
		cut(t, error == LINK_NO_ROUTE ? "no route" : "send failed");
	t->state[ttl] = HOP_SILENT;
	go_near(p, ask);
	if (all_known(t)) {
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
	go_near(p, ask);
	if (all_known(t)) {
		finish(p, ask);
		return SEND_OVER;
	}
	if ((ttl = next_ttl(t)) == 0)
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
	    dns_reply_parse(&message, reply->bytes, reply->len,
		&ask->question->dns, &fault) != PARSE_OK)
		return;
	r->dns.nsid = message.nsid;
	r->dns.nsid_len = message.nsid_len;
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
	look_for_loop(p, ask);
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
