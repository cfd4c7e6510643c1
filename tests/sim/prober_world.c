#include "tests/sim/prober_transit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/icmp.h"
#include "probe/near.h"

#define READ_NS 70 /* a look at the clock takes time */

struct world_socket {
	bool open;
	unsigned generation;
	struct link_tuple tuple;
	void *owner;
};

/* --- chance --- */

uint64_t
world_random(struct world *w, uint64_t n)
{
	uint64_t x = w->random += 0x9e3779b97f4a7c15; /* splitmix64 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) % n;
}

bool
world_chance(struct world *w, int per_mille)
{
	return (int)world_random(w, 1000) < per_mille;
}

static void
broke(struct world *w, const char *promise)
{
	if (w->broken == NULL)
		w->broken = promise;
}

/* --- places --- */

int
world_find(const struct world *w, const struct addr *addr)
{
	int i;

	for (i = 0; i < w->host_count; i++) {
		if (addr_equal(&w->host[i].addr, addr))
			return i;
	}
	return -1;
}

struct addr
world_router(const struct world *w, int host, int ttl)
{
	struct addr a = { .af = w->host[host].addr.af };

	if (ttl > w->host[host].hops)
		return w->host[host].addr;
	/* The first ones are those of every path. */
	if (ttl <= NEAR_TTL + 1)
		host = a.af == 4 ? 0 : 1;
	if (a.af == 4) {
		a.bytes[0] = 100;
		a.bytes[1] = 64;
		a.bytes[2] = (uint8_t)host;
		a.bytes[3] = (uint8_t)ttl;
	} else {
		a.bytes[0] = 0xfd;
		a.bytes[7] = (uint8_t)host;
		a.bytes[15] = (uint8_t)ttl;
	}
	return a;
}

/* --- clocks --- */

static struct mono
world_mono(struct link *link)
{
	struct world *w = (struct world *)link;

	return (struct mono){ w->now += READ_NS };
}

static int64_t
boot_at(const struct world *w, int64_t mono)
{
	return mono + w->slept_before +
	       (w->sleep_ns > 0 && w->sleep_at <= mono ? w->sleep_ns : 0);
}

static struct mono
world_boot(struct link *link)
{
	struct world *w = (struct world *)link;

	w->now += READ_NS;
	return (struct mono){ boot_at(w, w->now) };
}

static struct wall
wall_at(const struct world *w, int64_t mono)
{
	struct wall wall = { boot_at(w, mono) + w->wall_base };
	int i;

	for (i = 0; i < w->step_count; i++) {
		if (w->step_at[i] <= mono)
			wall.ns += w->step_ns[i];
	}
	return wall;
}

static struct wall
world_wall(struct link *link)
{
	struct world *w = (struct world *)link;

	w->now += READ_NS;
	if (w->hide_steps)
		return (struct wall){ boot_at(w, w->now) + w->wall_base };
	return wall_at(w, w->now);
}

/* --- events, a heap by time --- */

static bool
event_before(const struct world_event *a, const struct world_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void
event_add(struct world *w, struct world_event *e)
{
	static uint64_t order;
	size_t i = w->event_count++;

	e->order = order++;
	if (i == w->event_size) {
		w->event_size = 2 * w->event_size + 64;
		w->heap = reallocarray(
		    w->heap, w->event_size, sizeof(struct world_event *));
		if (w->heap == NULL)
			abort();
	}
	for (; i > 0 && event_before(e, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static struct world_event *
event_take(struct world *w)
{
	struct world_event *first = w->heap[0], *last;
	size_t i = 0, child;

	last = w->heap[--w->event_count];
	while ((child = 2 * i + 1) < w->event_count) {
		if (child + 1 < w->event_count &&
		    event_before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!event_before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

/* --- the link --- */

struct world_event *
event_new(
    const struct transit *t, enum worth worth, const void *bytes, size_t len)
{
	struct world_event *e = calloc(1, sizeof(*e) + len);

	if (e == NULL)
		abort();
	e->at = t->arrives;
	e->worth = worth;
	e->ask = t->ask;
	e->socket = t->socket;
	e->guess = -1;
	e->generation = t->w->sockets[t->socket].generation;
	e->len = len;
	memcpy(e->bytes, bytes, len);
	e->arrival.af = t->tuple->dst.af;
	e->arrival.ttl = (int16_t)(64 - t->w->host[t->host].hops);
	e->arrival.from = t->tuple->dst;
	e->arrival.owner = t->w->sockets[t->socket].owner;
	return e;
}

/* As a kernel has it: a tuple belongs to one socket. */
static bool
is_taken(const struct world *w, const struct link_tuple *tuple)
{
	size_t i;

	for (i = 0; i < w->socket_count; i++) {
		const struct link_tuple *other = &w->sockets[i].tuple;

		if (w->sockets[i].open && other->kind == tuple->kind &&
		    other->port == tuple->port &&
		    other->dport == tuple->dport &&
		    addr_equal(&other->dst, &tuple->dst))
			return true;
	}
	return false;
}

/* As sockets.c does. */
static bool
tells_late(const struct link_tuple *tuple)
{
	return tuple->kind == LINK_ICMP && tuple->dst.af == 4;
}

static enum link_error
world_open(struct link *link, struct link_tuple *tuple, void *owner, int *out)
{
	struct world *w = (struct world *)link;
	int host = world_find(w, &tuple->dst);
	size_t i;

	w->now += 20000;
	if (host == -1)
		return LINK_NO_ROUTE;
	if (w->host[host].no_route)
		return LINK_NO_ROUTE;
	if (tuple->kind == LINK_TCP && w->firewall)
		return LINK_DENIED;
	if (tuple->kind == LINK_ICMP && w->denied[tuple->dst.af == 6])
		return LINK_DENIED;
	if (is_taken(w, tuple) || world_chance(w, w->taken))
		return LINK_TAKEN;
	if (world_chance(w, w->no_descriptor))
		return LINK_RETRY;
	for (i = 0; i < w->socket_count && w->sockets[i].open; i++)
		continue;
	if (i == w->socket_count) {
		w->sockets = reallocarray(
		    w->sockets, ++w->socket_count, sizeof(*w->sockets));
		if (w->sockets == NULL)
			abort();
		memset(&w->sockets[i], 0, sizeof(*w->sockets));
	}
	memset(&tuple->src, 0, sizeof(tuple->src));
	tuple->src.af = tuple->dst.af;
	tuple->src.bytes[0] = 192;
	tuple->src.bytes[3] = 7;
	w->sockets[i].open = true;
	w->sockets[i].generation++;
	w->sockets[i].tuple = *tuple;
	w->sockets[i].owner = owner;
	w->open_sockets++;
	*out = (int)i;
	if (tuple->kind == LINK_TCP)
		stream_open(&(struct transit){
		    .w = w, .socket = (int)i, .host = host, .tuple = tuple });
	if (tells_late(tuple))
		tuple->src = (struct addr){ 0 };
	return LINK_OK;
}

static enum link_error
world_source(struct link *link, int socket, struct addr *src)
{
	*src = ((struct world *)link)->sockets[socket].tuple.src;
	return LINK_OK;
}

static void
world_close(struct link *link, int socket)
{
	struct world *w = (struct world *)link;

	if (socket < 0 || (size_t)socket >= w->socket_count ||
	    !w->sockets[socket].open)
		broke(w, "only what is open is closed");
	w->sockets[socket].open = false;
	w->sockets[socket].owner = NULL;
	w->open_sockets--;
}

/* The echo's checksum is right, whatever was tuned to make it so. */
static void
check_echo(struct world *w, const struct link_tuple *tuple,
    const struct link_packet *packet)
{
	uint32_t sum = tuple->dst.af == 4
			   ? 0
			   : checksum_pseudo6(&tuple->src, &tuple->dst,
				 (uint32_t)packet->len, 58);

	if (checksum_fold(checksum_add(sum, packet->bytes, packet->len)) != 0)
		broke(w, "an echo request has a right checksum");
}

void
world_ledger(struct world *w, const struct world_sent *sent)
{
	if (w->sent_count == w->sent_size) {
		w->sent_size = 2 * w->sent_size + 256;
		w->sent = reallocarray(w->sent, w->sent_size, sizeof(*w->sent));
		if (w->sent == NULL)
			abort();
	}
	w->sent[w->sent_count++] = *sent;
}

static void
ledger_add(struct world *w, const struct transit *t)
{
	struct world_sent sent = { .ask = t->ask,
		.ttl = t->packet->ttl,
		.id = (uint16_t)t->packet->cookie,
		.cksum = t->tuple->kind == LINK_UDP ? network_udp_cksum(t) : 0,
		.asks = t->tuple->kind == LINK_TCP,
		.cost = t->tuple->kind == LINK_TCP ? 0 : 1,
		.port = t->tuple->port,
		.host = t->host,
		.at = w->now,
		.delay_ns = t->arrives - w->now - 3000 };

	if (t->tuple->kind != LINK_ICMP)
		query_read(&sent.query, t);
	world_ledger(w, &sent);
	w->got[t->ask].sent++;
}

static void
send_stamp(const struct transit *t)
{
	struct world_event *e;

	if (world_chance(t->w, t->w->stamp_lost))
		return;
	e = event_new(t, WORTH_NOTHING, "", 0);
	e->arrival.kind = ARRIVAL_STAMP;
	e->arrival.from =
	    tells_late(t->tuple) ? t->tuple->src : (struct addr){ 0 };
	e->arrival.cookie = t->packet->cookie;
	e->at = t->w->now + 3000;
	event_add(t->w, e);
}

static enum link_error
world_send(struct link *link, int socket, const struct link_packet *packet)
{
	struct world *w = (struct world *)link;
	const struct link_tuple *tuple = &w->sockets[socket].tuple;
	struct transit t = { .w = w,
		.socket = socket,
		.packet = packet,
		.tuple = tuple,
		.ask = (uint32_t)(packet->cookie >> 32) };
	struct world_host *h;
	int ttl = packet->ttl == 0 ? 64 : packet->ttl;

	if (!w->sockets[socket].open)
		broke(w, "only open sockets send");
	t.host = world_find(w, &tuple->dst);
	h = &w->host[t.host];
	if (tuple->kind != LINK_TCP && world_chance(w, w->no_buffer))
		return LINK_RETRY;
	if (tuple->kind != LINK_TCP && h->route_ends != 0 &&
	    w->now >= h->route_ends)
		return LINK_NO_ROUTE;
	if (w->firewall)
		return LINK_DENIED;
	if (tuple->kind == LINK_ICMP)
		check_echo(w, tuple, packet);
	w->now += 2000;
	t.arrives =
	    w->now + 3000 +
	    h->delay_ns * (ttl > h->hops ? h->hops + 1 : ttl) / (h->hops + 1) +
	    (int64_t)world_random(w, (uint64_t)h->jitter_ns + 1);
	ledger_add(w, &t);
	send_stamp(&t);
	if (tuple->kind != LINK_TCP) {
		network_attack(&t);
		network_complain(&t);
	}
	if (!world_chance(w, h->loss))
		network_deliver(&t);
	return LINK_OK;
}

static void
ledger_got(struct world *w, const struct world_event *e)
{
	struct world_got *got = &w->got[e->ask];

	if (e->worth != WORTH_FORGED && e->worth != WORTH_NOTHING &&
	    w->emitted[e->ask] != 0) {
		w->stray++;
		return;
	}
	switch (e->worth) {
	case WORTH_GOOD:
		if (got->good++ == 0) {
			got->first_good = e->at;
			got->said = e->said;
		}
		break;
	case WORTH_MALFORMED:
		got->malformed++;
		break;
	case WORTH_ERROR:
		if (got->errors++ == 0)
			got->first_error = e->at;
		break;
	case WORTH_CONFLICT:
		got->conflicts++;
		break;
	case WORTH_SIZE:
		got->sizes++;
		break;
	case WORTH_FORGED:
		w->forged++;
		break;
	case WORTH_NOTHING:
		break;
	}
}

/* A forger who guessed right has not forged. */
static bool
is_lucky(const struct world *w, const struct world_event *e)
{
	size_t i;

	for (i = 0; i < w->sent_count && e->guess != -1; i++) {
		if (e->guess ==
		    (e->guess_cksum ? w->sent[i].cksum : w->sent[i].id))
			return true;
	}
	return false;
}

static bool
world_receive(struct link *link, struct arrival *arrival)
{
	struct world *w = (struct world *)link;
	struct world_event *e;
	bool lost;

	while (w->event_count > 0 && w->heap[0]->at <= w->now) {
		e = event_take(w);
		lost = !w->sockets[e->socket].open ||
		       w->sockets[e->socket].generation != e->generation ||
		       is_lucky(w, e);
		if (!lost) {
			w->now += 1000;
			ledger_got(w, e);
			*arrival = e->arrival;
			arrival->user.ns = w->now;
			arrival->kernel = wall_at(w, e->at);
			memcpy(w->packet, e->bytes, e->len);
			arrival->bytes = w->packet;
			arrival->len = e->len;
		}
		free(e);
		if (!lost)
			return true;
	}
	return false;
}

static void
world_wait(struct link *link, struct mono until)
{
	struct world *w = (struct world *)link;
	int64_t next = until.ns;

	if (w->event_count > 0 && w->heap[0]->at < next)
		next = w->heap[0]->at;
	if (next == INT64_MAX) {
		broke(w, "it never sleeps for ever");
		abort();
	}
	if (next > w->now)
		w->now = next + (int64_t)world_random(
				    w, (uint64_t)w->oversleep_ns + 1);
}

void
world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed;
	w->now = 5 * WORLD_S;
	w->link = (struct link){ .mono = world_mono,
		.boot = world_boot,
		.wall = world_wall,
		.open = world_open,
		.close = world_close,
		.send = world_send,
		.receive = world_receive,
		.wait = world_wait,
		.source = world_source };
}

static void
forget_events(struct world *w)
{
	while (w->event_count > 0)
		free(event_take(w));
}

void
world_start(struct world *w, size_t asks)
{
	forget_events(w);
	w->sent_count = 0;
	w->forged = w->stray = 0;
	free(w->got);
	w->got = calloc(asks, sizeof(*w->got));
	if (w->got == NULL)
		abort();
	w->ask_count = asks;
}

void
world_clear(struct world *w)
{
	forget_events(w);
	free(w->heap);
	free(w->sent);
	free(w->got);
	free(w->sockets);
}
