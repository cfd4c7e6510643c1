/*
 * Of the network of fiction: servers that want to be asked otherwise, by what
 * they read in the query, and the connections that some of it leads to.
 */
#include "tests/sim/prober_transit.h"

#include <string.h>

#include "lib/cursor.h"
#include "lib/dns.h"

/* Only the question and OPT are in it. */
void
query_read(struct world_query *query, const struct transit *t)
{
	struct cursor c = cursor_over(t->packet->bytes, t->packet->len);
	struct cursor options;
	uint16_t code, n, i;
	uint8_t label;

	memset(query, 0, sizeof(*query));
	cursor_skip(&c, t->tuple->kind == LINK_TCP ? 12 : 10);
	query->opt = cursor_u16(&c) != 0;
	while ((label = cursor_u8(&c)) != 0)
		cursor_skip(&c, label);
	cursor_skip(&c, 4);
	if (!query->opt || cursor_failed(&c))
		return;
	cursor_skip(&c, 9);
	n = cursor_u16(&c);
	options = cursor_part(&c, n);
	while (cursor_left(&options) >= 4) {
		code = cursor_u16(&options);
		n = cursor_u16(&options);
		if (code != DNS_OPTION_COOKIE) {
			cursor_skip(&options, n);
			continue;
		}
		query->has_cookie = true;
		for (i = 0; i < 8; i++)
			query->client[i] = cursor_u8(&options);
		for (i = 8; i < n; i++)
			query->cookie =
			    query->cookie << 8 | cursor_u8(&options);
	}
}

static uint64_t
cookie_of(struct world *w, int host, bool fresh)
{
	struct world_host *h = &w->host[host];

	h->cookies += fresh && h->fickle;
	return (uint64_t)(host + 1) << 32 | (uint64_t)h->cookies;
}

void
server_judge(const struct transit *t, struct world_said *said)
{
	const struct world_host *h = &t->w->host[t->host];
	struct world_query query;

	query_read(&query, t);
	*said = (struct world_said){ .opt = query.opt };
	if (h->edns_rcode != 0 && (query.opt || h->grumpy)) {
		said->rcode = query.opt ? h->edns_rcode : DNS_RCODE_FORMERR;
		said->opt = query.opt && h->edns_rcode == DNS_RCODE_BADVERS;
		said->wants = query.opt ? WORLD_WANTS_PLAIN : WORLD_WANTS_NONE;
		return;
	}
	if (h->cookies > 0 && query.has_cookie) {
		memcpy(said->client, query.client, sizeof(said->client));
		said->cookie = cookie_of(t->w, t->host, false);
		if (query.cookie != said->cookie || h->fickle) {
			said->cookie = cookie_of(t->w, t->host, true);
			said->rcode = DNS_RCODE_BADCOOKIE;
			said->wants = WORLD_WANTS_COOKIE;
			return;
		}
	}
	if (t->tuple->kind == LINK_UDP && world_chance(t->w, h->truncates)) {
		said->tc = true;
		said->wants = WORLD_WANTS_TCP;
	}
}

/* --- connections --- */

/* The way there and back of a segment that leaves now. */
static int64_t
way_ns(struct world *w, int host)
{
	const struct world_host *h = &w->host[host];

	return h->delay_ns +
	       (int64_t)world_random(w, (uint64_t)h->jitter_ns + 1);
}

void
stream_open(const struct transit *t)
{
	struct world *w = t->w;
	const struct world_host *h = &w->host[t->host];
	int64_t way = way_ns(w, t->host);
	struct transit opening = *t;
	struct world_event *e;

	opening.arrives = w->now + way;
	world_ledger(w, &(struct world_sent){ .ask = WORLD_NO_ASK,
			    .opens = true,
			    .cost = 5, /* a connection and one question */
			    .port = t->tuple->port,
			    .host = t->host,
			    .at = w->now,
			    .delay_ns = way });
	if (h->silent || (h->barrier != 0 && h->barrier <= h->hops) ||
	    world_chance(w, h->loss))
		return;
	e = event_new(&opening, WORTH_NOTHING, "", 0);
	e->arrival.kind = h->dead ? ARRIVAL_BROKEN : ARRIVAL_CONNECTED;
	e->arrival.error = h->dead ? LINK_REFUSED : LINK_OK;
	event_add(w, e);
}

static struct world_event *
send_piece(const struct transit *t, enum worth worth, const uint8_t *bytes,
    size_t len, int64_t at)
{
	struct world_event *e = event_new(t, worth, bytes, len);

	e->arrival.kind = ARRIVAL_STREAM;
	e->at = at;
	event_add(t->w, e);
	return e;
}

/* In pieces cut anywhere; the last makes the message whole. */
void
stream_say(const struct transit *t, const uint8_t *bytes, size_t len,
    const struct world_said *said)
{
	struct world *w = t->w;
	const struct world_host *h = &w->host[t->host];
	int64_t at = t->arrives;
	size_t whole = len, done = 0, n;

	if (world_chance(w, h->closes)) {
		(void)send_piece(t, WORTH_ERROR, bytes, 0, at);
		return;
	}
	if (world_chance(w, h->halves))
		len -= 1 + world_random(w, len);
	for (; done < len; done += n) {
		n = 1 + world_random(w, len);
		if (n > len - done)
			n = len - done;
		send_piece(t, done + n == whole ? WORTH_GOOD : WORTH_NOTHING,
		    &bytes[done], n, at)
		    ->said = *said;
	}
}
