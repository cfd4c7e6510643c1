#include "tests/sim/prober_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "probe/near.h"

#define SAID_FIRST 20            /* of what is wrong, so much is printed */
#define SLACK_NS (30 * WORLD_MS) /* a busy turn: clocks, opens, sends */

void
audit_wrong(struct audit *a, const struct ask *ask, const char *promise)
{
	char addr[ADDR_TEXT];

	if (a->wrong++ >= SAID_FIRST)
		return;
	(void)printf("# broken in round %llu: %s",
	    (unsigned long long)a->rounds, promise);
	if (ask != NULL)
		(void)printf(" (ask %u, %s, %s, flow %d, %s %s)", ask->index,
		    addr_format(addr, &ask->flow->peer->addr),
		    ask->question->name, ask->flow->n,
		    ask->sample == NULL ? ""
					: outcome_name(ask->sample->outcome),
		    ask->state == ASK_DONE ? "done" : "");
	(void)printf("\n");
}

#define wrong audit_wrong

static bool
is_name(const struct record_bytes *bytes, const char *name)
{
	return bytes->present && bytes->len == strlen(name) &&
	       memcmp(bytes->bytes, name, bytes->len) == 0;
}

/* --- one record --- */

/* The RTT is that of a packet of this ask (and TTL), whatever was done to the
 * wall clock. */
static bool
rtt_is_true(const struct audit *a, uint32_t ask, int ttl, int64_t rtt_us,
    enum stamp_source stamp)
{
	const struct world *w = a->world;
	int64_t least, most = 1;
	size_t i;

	if (stamp != STAMP_KERNEL)
		most = w->oversleep_ns / 1000 + SLACK_NS / 1000;
	for (i = 0; i < w->sent_count; i++) {
		if (w->sent[i].ask != ask || w->sent[i].opens ||
		    (ttl != -1 && w->sent[i].ttl != ttl))
			continue;
		least = w->sent[i].delay_ns / 1000 - 1;
		/* A good reply may come behind a malformed one. */
		if (rtt_us >= least && (rtt_us <= least + 2 + most ||
					   (w->got[ask].malformed > 0 &&
					       rtt_us <= least + 1002 + most)))
			return true;
	}
	return false;
}

static void
check_answered(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct world_got *got = &a->world->got[ask->index];
	int host = world_find(a->world, &r->addr);

	/* To a trace any reply to its packet is the target's. */
	if (got->good == 0 &&
	    (r->type != RECORD_TRACE || got->malformed + got->conflicts == 0))
		wrong(a, ask, "answered: a true reply has come");
	if (r->rtt_us < 0 || r->stamp == STAMP_NONE)
		wrong(a, ask, "answered: it has a round trip and its stamp");
	else if (!rtt_is_true(a, ask->index, -1, r->rtt_us, r->stamp))
		wrong(a, ask, "the round trip is the path's, not a clock's");
	if (r->auth_bits < 28)
		wrong(a, ask, "answered: so many bits of ours were checked");
	if (r->type == RECORD_DNS && strcmp(r->reason, "header only") != 0 &&
	    (got->said.opt ? !is_name(&r->dns.nsid, a->world->host[host].name)
			   : r->dns.nsid.present))
		wrong(a, ask, "the name is the host's own");
	if (r->type == RECORD_DNS && r->reason[0] != '\0' &&
	    (r->dns.nsid.present || r->dns.rcode == 0))
		wrong(a, ask, "a reply without question is an error, no name");
	if (r->type == RECORD_DNS && got->good > 0 &&
	    (r->dns.rcode != got->said.rcode || r->dns.tc != got->said.tc))
		wrong(a, ask, "the rcode and the truncation are the answer's");
}

static void
check_silence(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct world_got *got = &a->world->got[ask->index];
	char reason[LIMIT_REASON];

	if (r->rtt_us != -1)
		wrong(a, ask, "what was not answered has no round trip");
	switch (r->outcome) {
	case OUTCOME_TIMEOUT:
		break;
	case OUTCOME_MALFORMED:
		if (got->malformed == 0 || r->dns.raw_len == 0 ||
		    strncmp(r->reason, "malformed", 9) != 0)
			wrong(a, ask, "malformed: and the bytes are kept");
		break;
	case OUTCOME_REFUSED:
	case OUTCOME_UNREACHABLE:
		if (r->proto == PROTO_TCP)
			break;
		(void)snprintf(reason, sizeof(reason), "icmp %d/%d",
		    r->addr.af == 4 ? 3 : 1,
		    r->outcome == OUTCOME_REFUSED ? (r->addr.af == 4 ? 3 : 4)
						  : (r->addr.af == 4 ? 13 : 1));
		/* Hops that were not asked have a reason of their own. */
		if (got->errors == 0 ||
		    strncmp(r->reason, reason, strlen(reason)) != 0 ||
		    (r->reason[strlen(reason)] != '\0' &&
			(r->type != RECORD_TRACE ||
			    r->reason[strlen(reason)] != ';')))
			wrong(a, ask, "an ICMP error has come, of this type");
		break;
	case OUTCOME_UNSENT:
		if (got->sent != 0 || r->reason[0] == '\0')
			wrong(a, ask, "unsent: nothing left, and why");
		break;
	default:
		wrong(a, ask, "the outcome is of the list");
	}
}

/* The packet's time, by the wall clock as it was at the start. */
static void
check_time(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct prober *p = a->prober;
	int64_t t = r->t.ns - p->start_wall.ns + p->start.ns;
	const struct world *w = a->world;
	size_t i;

	if (r->outcome == OUTCOME_UNSENT) {
		if (t < p->start.ns || t > w->now)
			wrong(a, ask, "an unsent record has a time of the run");
		return;
	}
	for (i = 0; i < w->sent_count &&
		    (w->sent[i].ask != ask->index || w->sent[i].asks);
	     i++)
		continue;
	if (i == w->sent_count || t > w->sent[i].at ||
	    t < w->sent[i].at - WORLD_MS)
		wrong(a, ask, "its time is that of the first packet");
}

static bool
in_time(const struct audit *a, const struct ask *ask, int64_t arrival)
{
	const struct world *w = a->world;
	size_t i;

	for (i = 0; i < w->sent_count; i++) {
		if (w->sent[i].ask == ask->index)
			return arrival < w->sent[i].at + a->answer.ns -
					     SLACK_NS - w->oversleep_ns &&
			       arrival <
				   a->deadline - SLACK_NS - w->oversleep_ns;
	}
	return false;
}

/* A question of one packet. */
static void
check_question(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct world_got *got = &a->world->got[ask->index];
	int more =
	    got->good + got->conflicts + got->errors -
	    (r->outcome == OUTCOME_ANSWERED || r->outcome == OUTCOME_REFUSED ||
		r->outcome == OUTCOME_UNREACHABLE);

	if (r->outcome != OUTCOME_UNSENT && got->sent != 1)
		wrong(a, ask, "a question is one packet");
	if (r->outcome == OUTCOME_TIMEOUT &&
	    ((got->good > 0 && in_time(a, ask, got->first_good)) ||
		(got->errors > 0 && in_time(a, ask, got->first_error))))
		wrong(a, ask, "what comes in time is taken");
	if (got->malformed == 0 && got->sizes == 0 &&
	    (int)(r->dup + r->late) != more)
		wrong(a, ask, "each further reply is counted");
	if (r->outcome == OUTCOME_ANSWERED && got->malformed == 0 &&
	    (int)r->conflict != got->conflicts)
		wrong(a, ask, "each conflict is counted");
	if (r->conflict > 0 && r->dns.raw_len == 0)
		wrong(a, ask, "of a conflict the bytes are kept");
}

/* ask: NULL: by any trace. */
static bool
was_asked(const struct audit *a, const struct ask *ask, int ttl)
{
	const struct world *w = a->world;
	size_t i;

	for (i = 0; i < w->sent_count; i++) {
		if ((ask == NULL || w->sent[i].ask == ask->index) &&
		    w->sent[i].ttl == ttl)
			return true;
	}
	return false;
}

static void
check_hop(struct audit *a, const struct ask *ask, const struct record *r,
    const struct record_hop *hop, int host)
{
	const struct world_host *h = &a->world->host[host];
	int ttl = hop->ttl;
	struct addr router;

	if (!addr_is_set(&hop->addr)) {
		if (hop->rtt_us != -1 || hop->icmp_type != -1)
			wrong(a, ask, "a silent hop says nothing");
		if (!was_asked(a, a->near && ttl <= NEAR_TTL ? NULL : ask, ttl))
			wrong(a, ask, "who was not asked is not silent");
		return;
	}
	a->hops++;
	if (h->barrier != 0 && ttl > h->barrier)
		ttl = h->barrier;
	router = world_router(a->world, host, ttl);
	if (!addr_equal(&hop->addr, &router))
		wrong(a, ask, "each hop is the path's");
	if (hop->shared) {
		a->shared++;
		if (!a->near || hop->rtt_us != -1 || hop->ttl > NEAR_TTL)
			wrong(a, ask, "what is shared was not measured");
		return;
	}
	if (ttl <= h->hops && (h->silent_routers >> ttl & 1) != 0 &&
	    ttl != h->barrier)
		wrong(a, ask, "a silent router is not seen");
	if (!rtt_is_true(a, ask->index, hop->ttl, hop->rtt_us, STAMP_USER))
		wrong(a, ask, "a hop's round trip is the path's");
	(void)r;
}

static void
check_trace(struct audit *a, const struct ask *ask, const struct record *r)
{
	int host = world_find(a->world, &r->addr), i, ttl = 1;
	const struct world_host *h = &a->world->host[host];
	int end =
	    h->barrier != 0 && h->barrier <= h->hops ? h->barrier : h->hops + 1;

	for (i = 0; i < r->hop_count; i++) {
		for (; ttl < r->hop[i].ttl; ttl++) {
			if (was_asked(a, ask, ttl) || r->reason[0] == '\0')
				wrong(a, ask, "who was asked is in the record");
		}
		if (r->hop[i].ttl != ttl++)
			wrong(a, ask, "hops stand in the order of their TTL");
		check_hop(a, ask, r, &r->hop[i], host);
	}
	/* Where the end's own reply was lost or late, one beyond may stand, and
	 * where the nearest hops were to be asked last, a few. */
	if (r->hop_count > end && h->loss == 0 &&
	    !(a->near && end <= NEAR_TTL &&
		(r->reason[0] != '\0' || !was_asked(a, ask, end))) &&
	    h->delay_ns + h->jitter_ns < a->hop.ns - SLACK_NS)
		wrong(a, ask, "nothing lies beyond the end of the path");
	if (r->outcome == OUTCOME_ANSWERED &&
	    (r->hop_count == 0 ||
		!addr_equal(&r->hop[r->hop_count - 1].addr, &h->addr)))
		wrong(a, ask, "an answered trace ends at its target");
}

/* --- flows --- */

static bool
same_flow(const struct record_flow *a, const struct record_flow *b)
{
	return a->sport == b->sport && a->dport == b->dport &&
	       a->icmp_id == b->icmp_id && a->cksum == b->cksum &&
	       a->label == b->label;
}

static void
check_flow(struct audit *a, const struct ask *ask, const struct record *r)
{
	struct audit_flow *f = a->flows;
	struct record_flow own;
	size_t i;

	flow_describe(ask->flow, &own);
	/* That of a connection may be another since: see audit_stream. */
	if (r->outcome != OUTCOME_UNSENT && r->proto != PROTO_TCP &&
	    (!same_flow(&own, &r->flow) || own.moved != r->flow.moved ||
		!addr_is_set(&r->flow.src)))
		wrong(a, ask, "the record has the flow that its packet took");
	if (r->flow.moved) {
		a->moved++;
		return;
	}
	for (i = 0; i < a->flow_count; i++, f++) {
		if (f->n == r->flow.n && f->proto == r->proto &&
		    f->dport == ask->flow->dport &&
		    addr_equal(&f->addr, &r->addr))
			break;
	}
	if (i < a->flow_count) {
		if (!same_flow(&f->seen, &r->flow))
			wrong(a, ask, "a flow is the same in every round");
	} else if (i < AUDIT_FLOWS) {
		*f = (struct audit_flow){ r->addr, r->proto, ask->flow->dport,
			r->flow.n, r->flow };
		a->flow_count++;
	}
}

void
audit_record(void *arg, const struct ask *ask, const struct record *r)
{
	struct audit *a = arg;

	a->placed[a->place++] = ask->index;
	if (a->skip_record && ask->index == 3)
		return;
	a->records++;
	a->outcomes[r->outcome]++;
	a->kernel += r->stamp == STAMP_KERNEL;
	a->user += r->stamp == STAMP_USER;
	a->unwanted += r->unwanted;
	a->dup += r->dup;
	a->late += r->late;
	a->conflict += r->conflict;
	if (a->emitted[ask->index]++ != 0)
		wrong(a, ask, "each ask ends as one record, no more");
	if (r->outcome == OUTCOME_ANSWERED)
		check_answered(a, ask, r);
	else
		check_silence(a, ask, r);
	if (r->proto == PROTO_TCP)
		audit_stream(a, ask, r);
	audit_again(a, ask, r);
	check_time(a, ask, r);
	check_flow(a, ask, r);
	if (r->type == RECORD_TRACE)
		check_trace(a, ask, r);
	else if (r->proto != PROTO_TCP)
		check_question(a, ask, r);
}

/* --- a round --- */

void
audit_start(struct audit *a, const struct prober_settings *settings)
{
	free(a->emitted);
	free(a->wishes);
	free(a->placed);
	a->emitted = calloc(a->world->ask_count + 1, 1);
	a->wishes = calloc(a->world->ask_count + 1, sizeof(*a->wishes));
	a->placed = calloc(a->world->ask_count + 1, sizeof(*a->placed));
	if (a->emitted == NULL || a->wishes == NULL || a->placed == NULL)
		abort();
	a->place = 0;
	a->rate = settings->rate;
	a->burst = settings->burst;
	a->answer = settings->answer;
	a->hop = settings->hop;
	a->near = settings->near != NULL;
	a->deadline = a->prober->deadline.ns;
	a->unwanted = 0;
	a->to_the_end = settings->linger.ns > 1000 * WORLD_S &&
			settings->tail_answers == PROBER_TAIL_WHOLE &&
			a->world->no_descriptor == 0;
	a->world->emitted = a->emitted;
}

/* No window has more packets than its bucket gives: that is so where a bucket
 * that starts full never runs dry. host -1: all of the vantage point. */
static void
check_pace(struct audit *a, int host, double rate, double burst)
{
	const struct world *w = a->world;
	double tokens = burst;
	int64_t last = 0;
	size_t i;

	for (i = 0; i < w->sent_count; i++) {
		if (host != -1 && w->sent[i].host != host)
			continue;
		if (last != 0)
			tokens += rate * (double)(w->sent[i].at - last) / 1e9;
		if (tokens > burst)
			tokens = burst;
		last = w->sent[i].at;
		if (w->sent[i].cost == 0)
			continue; /* with its connection */
		/* A send may stand some µs behind the turn that allowed it. */
		if (tokens - 1 < -0.01 - rate * 0.03) {
			wrong(a, NULL,
			    host == -1 ? "the vantage point keeps its rate"
				       : "an address has its rate");
			return;
		}
		tokens -= w->sent[i].cost;
	}
}

static int
packets_in_window(const struct world *w, int host, int64_t window)
{
	int most = 0, count = 0;
	size_t first = 0, i;

	for (i = 0; i < w->sent_count; i++) {
		if (w->sent[i].host != host || w->sent[i].asks)
			continue;
		count++;
		for (; w->sent[first].at <= w->sent[i].at - window; first++)
			count -=
			    w->sent[first].host == host && !w->sent[first].asks;
		if (count > most)
			most = count;
	}
	return most;
}

static void
check_paces(struct audit *a)
{
	static const int seconds[] = { 1, 2, 5, 10, 30 };
	int host;
	size_t i;

	check_pace(a, -1, a->rate, a->burst);
	for (host = 0; host < a->world->host_count; host++) {
		check_pace(a, host, LIMIT_ADDRESS_RATE, LIMIT_BUCKET);
		for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
			if (packets_in_window(
				a->world, host, seconds[i] * WORLD_S) >
			    LIMIT_BUCKET + LIMIT_ADDRESS_RATE * seconds[i] + 1)
				wrong(a, NULL, "no window holds too many");
		}
	}
}

/* What happened to the clocks while the prober ran is noted, nothing else. */
static void
check_clocks(struct audit *a)
{
	const struct world *w = a->world;
	int64_t start = a->prober->start.ns, end = w->now, slept = 0;
	bool stepped = false;
	int i;

	for (i = 0; i < w->step_count; i++)
		stepped |= w->step_at[i] > start && w->step_at[i] < end;
	if (w->sleep_at > start && w->sleep_at < end)
		slept = w->sleep_ns;
	if (a->prober->clock_stepped != stepped && !w->hide_steps)
		wrong(a, NULL, "a clock that was set is noted");
	if (llabs(a->prober->suspended.ns - slept) > WORLD_MS)
		wrong(a, NULL, "that the host slept is noted");
	a->stepped += stepped;
	a->slept += slept > 0;
}

void
audit_end(struct audit *a)
{
	struct world *w = a->world;
	size_t i;

	for (i = 0; i < a->plan->count; i++) {
		if (a->emitted[i] != 1)
			wrong(a, &a->plan->asks[i],
			    "each ask ends as one record, no less");
	}
	audit_again_end(a);
	if (w->now > a->deadline + SLACK_NS + w->oversleep_ns)
		wrong(a, NULL, "the round ends by its deadline");
	if (w->open_sockets != 0)
		wrong(a, NULL, "every socket is closed");
	if (a->prober->unwanted != w->forged + w->stray)
		wrong(
		    a, NULL, "each forged packet is counted, nothing else is");
	if (a->unwanted > a->prober->unwanted ||
	    (a->to_the_end && a->unwanted != w->forged))
		wrong(a, NULL, "records count each forged packet once");
	if (w->broken != NULL)
		wrong(a, NULL, w->broken);
	w->broken = NULL;
	check_clocks(a);
	check_paces(a);
	a->forged += w->forged;
	a->packets += w->sent_count;
	a->rounds++;
}
