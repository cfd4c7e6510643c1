/*
 * What is asked once more because of an answer, and what is asked over a
 * connection: by what the world's answers want and its ledger of what left.
 */
#include <string.h>

#include "tests/sim/prober_audit.h"

#define SLACK_US 30000 /* a busy turn */

const struct world_sent *
audit_sent(const struct audit *a, uint32_t ask)
{
	const struct world *w = a->world;
	size_t i;

	for (i = 0; i < w->sent_count; i++) {
		if (w->sent[i].ask == ask && !w->sent[i].opens)
			return &w->sent[i];
	}
	return NULL;
}

/* How often the question that an ask comes from was asked again for this. */
static bool
was_met_before(
    const struct ask *ask, const struct audit *a, enum world_wants wants)
{
	while ((ask = prober_asks_again(a->prober, ask)) != NULL) {
		if (a->wishes[ask->index].wants == wants)
			return true;
	}
	return false;
}

/* The server's; where it is never content, and its answers overtake each
 * other, not that of this answer, but of the last. */
static bool
has_new_cookie(const struct audit *a, const struct ask *ask,
    const struct world_sent *before, const struct world_sent *now)
{
	uint32_t of = prober_asks_again(a->prober, ask)->index;
	uint64_t said = a->world->got[of].said.cookie;

	if (!a->world->host[now->host].fickle)
		return now->query.cookie == said;
	return now->query.cookie >> 32 == said >> 32 &&
	       now->query.cookie != before->query.cookie;
}

/* The query of a retry is what was wanted, and still what was before. */
static bool
is_as_wanted(const struct audit *a, const struct ask *ask,
    const struct world_sent *before, const struct world_sent *now)
{
	bool plain = before->query.opt && !now->query.opt;
	uint32_t of = prober_asks_again(a->prober, ask)->index;

	if (before->asks && !now->asks)
		return false;
	switch (a->wishes[of].wants) {
	case WORLD_WANTS_PLAIN:
		return plain && before->asks == now->asks;
	case WORLD_WANTS_TCP:
		return now->asks && before->query.opt == now->query.opt;
	case WORLD_WANTS_COOKIE:
		return has_new_cookie(a, ask, before, now) &&
		       before->asks == now->asks && !plain;
	case WORLD_WANTS_NONE:
		break;
	}
	return false;
}

static void
check_retry(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct ask *of = prober_asks_again(a->prober, ask);
	const struct world_sent *before = audit_sent(a, of->index);
	const struct world_sent *now = audit_sent(a, ask->index);

	if (r->retry_of < 0 || (size_t)r->retry_of + 1 >= a->place ||
	    a->placed[r->retry_of] != of->index) {
		audit_wrong(a, ask, "a retry says what it retries");
		return;
	}
	a->wishes[of->index].met++;
	a->again[a->wishes[of->index].wants]++;
	if (a->wishes[of->index].wants == WORLD_WANTS_NONE)
		audit_wrong(a, ask, "nothing is asked again without need");
	else if (now != NULL && !is_as_wanted(a, ask, before, now))
		audit_wrong(a, ask, "what is asked again is what was wanted");
	if (ask->question != of->question || ask->flow->n != of->flow->n ||
	    !addr_equal(&ask->flow->peer->addr, &of->flow->peer->addr))
		audit_wrong(a, ask, "it is the same question to the same host");
}

void
audit_again(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct world_got *got = &a->world->got[ask->index];
	enum world_wants wants = got->said.wants;

	if (prober_asks_again(a->prober, ask) != NULL)
		check_retry(a, ask, r);
	else if (r->retry_of != -1 || ask->index >= a->plan->count)
		audit_wrong(a, ask, "what was planned retries nothing");
	/* A loss is data: only an answer that was taken may want more. */
	if (r->type != RECORD_DNS || r->outcome != OUTCOME_ANSWERED ||
	    a->world->content || was_met_before(ask, a, wants))
		return;
	a->wishes[ask->index].wants = wants;
}

void
audit_again_end(struct audit *a)
{
	size_t i;

	for (i = 0; i < a->world->ask_count; i++) {
		if (a->wishes[i].met > (a->wishes[i].wants != WORLD_WANTS_NONE))
			audit_wrong(a, NULL, "one answer, one more question");
		if (a->wishes[i].met == 0 &&
		    a->wishes[i].wants != WORLD_WANTS_NONE)
			audit_wrong(a, NULL, "what an answer wants is asked");
	}
}

/* --- connections --- */

/* The connection that a record is of, by its flow and time; one is opened at
 * a time. */
static struct world_sent *
find_opening(struct audit *a, const struct record *r)
{
	const struct prober *p = a->prober;
	int64_t t = r->t.ns - p->start_wall.ns + p->start.ns;
	struct world *w = a->world;
	size_t i;

	for (i = 0; i < w->sent_count; i++) {
		if (w->sent[i].opens && w->sent[i].ask == WORLD_NO_ASK &&
		    w->sent[i].port == r->flow.sport &&
		    addr_equal(&w->host[w->sent[i].host].addr, &r->addr) &&
		    w->sent[i].at >= t && w->sent[i].at < t + WORLD_MS)
			return &w->sent[i];
	}
	return NULL;
}

static void
check_connect(struct audit *a, const struct ask *ask, const struct record *r,
    const struct world_sent *opening)
{
	int64_t most =
	    opening->delay_ns / 1000 + SLACK_US + a->world->oversleep_ns / 1000;

	if (r->dns.connect_us == -1) {
		if (a->world->got[ask->index].sent != 0)
			audit_wrong(a, ask, "a query has its connection");
		return;
	}
	a->connected++;
	if (r->dns.connect_us < opening->delay_ns / 1000 ||
	    r->dns.connect_us > most)
		audit_wrong(a, ask, "connecting has its own time");
	if (a->world->got[ask->index].sent != 1)
		audit_wrong(a, ask, "a connection carries one query");
}

void
audit_stream(struct audit *a, const struct ask *ask, const struct record *r)
{
	const struct world_got *got = &a->world->got[ask->index];
	const struct world_host *h;
	struct world_sent *opening = find_opening(a, r);

	if (r->outcome == OUTCOME_UNSENT)
		return;
	if (opening == NULL) {
		audit_wrong(a, ask, "a sample over TCP has its connection");
		return;
	}
	opening->ask = ask->index;
	h = &a->world->host[opening->host];
	check_connect(a, ask, r, opening);
	if (r->dup + r->late + r->conflict + r->unwanted != 0)
		audit_wrong(a, ask, "on its own connection comes its answer");
	if (r->outcome == OUTCOME_TIMEOUT && got->good + got->errors > 0)
		audit_wrong(a, ask, "what comes on a connection is taken");
	if (r->outcome == OUTCOME_REFUSED &&
	    (got->errors > 0 ? strcmp(r->reason, "closed") != 0
			     : !h->dead || strcmp(r->reason, "reset") != 0))
		audit_wrong(a, ask, "a refusal is the host's");
	if (r->outcome == OUTCOME_UNREACHABLE)
		audit_wrong(a, ask, "no router spoke of a connection");
}
