#include "probe/evidence_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/evidence.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/sandbox.h"

#define PATIENCE 20 /* doublings of 1 ns before one too early tries again */
#define HOLD_MS 20  /* how long what was sent waits for being sent again */

/* When what was sent now left then. */
struct stamp {
	uint64_t cookie;
	struct wall at;
	void *owner;
};

struct evidence_replay {
	struct link link; /* first: the prober sees this */
	struct evidence_reader reader;
	struct evidence_sorter sorter;
	size_t next; /* event that is not done */
	struct mono clock;
	struct conversation **sockets;
	size_t socket_count;
	struct stamp *stamps;
	size_t stamp_count, stamp_size, stamp_at;
	const struct event *held; /* what holds up those behind it ... */
	struct mono held_since;   /* ... and since when */
	int idle;                 /* waits since anything happened */
	uint64_t not_again;       /* sent then, and not now */
};

/* --- the clock, which the packets drive --- */

static struct mono
replay_mono(struct link *link)
{
	return ((struct evidence_replay *)link)->clock;
}

static struct wall
replay_wall(struct link *link)
{
	return (struct wall){ ((struct evidence_replay *)link)->clock.ns };
}

/* The next event of the file, NULL behind the last. */
static struct event *
next_event(struct evidence_replay *r)
{
	while (r->next < r->sorter.count && r->sorter.events[r->next].done)
		r->next++;
	return r->next < r->sorter.count ? &r->sorter.events[r->next] : NULL;
}

static struct mono
latest(struct mono a, struct mono b)
{
	return mono_before(a, b) ? b : a;
}

static struct mono
earliest(struct mono a, struct mono b)
{
	return mono_before(a, b) ? a : b;
}

/* Whether what was sent has waited long enough for being sent again, counted
 * from when nothing before it was missing: what is late because of another is
 * not to blame. */
static bool
is_given_up(struct evidence_replay *r, const struct event *e, struct mono until)
{
	if (r->held != e) {
		r->held = e;
		r->held_since = latest(r->clock, e->at);
	}
	return !mono_before(until, mono_add(r->held_since, span_ms(HOLD_MS)));
}

/* To the next packet, at most. One that was sent is to be sent again, and
 * holds up those behind it for a while. */
static void
replay_wait(struct link *link, struct mono until)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct event *e;

	if (r->idle < PATIENCE)
		r->idle++;
	while ((e = next_event(r)) != NULL) {
		if (mono_before(r->clock, e->at) || e->kind == EVENT_TAKEN) {
			r->clock = latest(r->clock, earliest(until, e->at));
			return;
		}
		if (!is_given_up(r, e, until))
			break;
		e->done = true;
		r->not_again++;
	}
	r->clock = latest(r->clock, until);
}

/* --- sockets --- */

static struct event *
event_at(struct evidence_replay *r, int32_t place)
{
	return place == -1 ? NULL : &r->sorter.events[place];
}

bool
evidence_is_hop(const struct event *e)
{
	return e->ttl > 0 && e->ttl <= LIMIT_TTL;
}

/* What this conversation sends next: of a stream its beginning, else a hop of
 * a trace or anything but that. -1: nothing more. */
static int32_t
next_sent(struct evidence_replay *r, const struct conversation *c, bool hop)
{
	bool stream = c->tuple.kind == LINK_TCP;
	int32_t place = c->first;
	const struct event *e;

	for (; (e = event_at(r, place)) != NULL; place = e->next) {
		if (!e->done &&
		    (stream ? e->kind == EVENT_OPEN : e->hop == hop))
			return place;
	}
	return -1;
}

static void
set_done(struct evidence_replay *r, struct conversation *c, int32_t place)
{
	struct event *first;

	r->sorter.events[place].done = true;
	r->idle = 0;
	/* The next search begins behind what is done. */
	while ((first = event_at(r, c->first)) != NULL && first->done)
		c->first = first->next;
}

/* The same whenever it is open. -1: no memory. */
static int
socket_of(struct evidence_replay *r, struct conversation *c)
{
	struct conversation **grown;

	if (c->number == 0) {
		grown = reallocarray(
		    r->sockets, r->socket_count + 1, sizeof(*grown));
		if (grown == NULL)
			return -1;
		r->sockets = grown;
		r->sockets[r->socket_count++] = c;
		c->number = (int)r->socket_count;
	}
	return c->number - 1;
}

static enum link_error
replay_open(
    struct link *link, struct link_tuple *tuple, void *owner, int *number)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct conversation *c = evidence_find(&r->sorter, tuple);
	int32_t place;

	if (c == NULL)
		return LINK_NO_ROUTE;
	if (tuple->kind == LINK_TCP) {
		if ((place = next_sent(r, c, false)) == -1)
			return LINK_NO_ROUTE;
		set_done(r, c, place);
	}
	if ((*number = socket_of(r, c)) == -1)
		return LINK_RETRY;
	tuple->src = c->tuple.src;
	tuple->label = c->tuple.label;
	c->owner = owner;
	c->open = true;
	return LINK_OK;
}

static void
replay_close(struct link *link, int number)
{
	struct evidence_replay *r = (struct evidence_replay *)link;

	r->sockets[number]->open = false;
}

/* --- sending again --- */

static bool
replay_early(struct link *link, const struct link_tuple *tuple, bool hop,
    struct mono *when)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct conversation *c = evidence_find(&r->sorter, tuple);
	int32_t place = c == NULL ? -1 : next_sent(r, c, hop);
	const struct event *next = next_event(r);

	if (place == -1 || next == event_at(r, place))
		return false;
	*when = latest(next->at,
	    mono_add(r->clock, (struct span){ (int64_t)1 << r->idle }));
	return true;
}

/* The query of the stream that the event opens; NULL: there is none. */
static const struct event *
query_of(struct evidence_replay *r, const struct event *opening)
{
	const struct event *e = event_at(r, opening->next);

	while (e != NULL && e->kind != EVENT_SENT && e->kind != EVENT_OPEN)
		e = event_at(r, e->next);
	return e != NULL && e->kind == EVENT_SENT ? e : NULL;
}

static bool
replay_carries(struct link *link, const struct link_tuple *tuple,
    const struct dns_question *question)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct conversation *c = evidence_find(&r->sorter, tuple);
	const struct event *opening =
	    c == NULL ? NULL : event_at(r, next_sent(r, c, false));
	const struct event *query =
	    opening == NULL ? NULL : query_of(r, opening);
	struct dns_question asked;
	struct cursor message;

	if (query == NULL)
		return true;
	message = cursor_over(query->bytes, query->len);
	cursor_seek(&message, DNS_HEADER_LEN);
	return dns_question_read(&asked, &message) != PARSE_OK ||
	       dns_question_equal(&asked, question);
}

static bool
replay_sends(struct link *link, const struct link_tuple *tuple)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct conversation *c = evidence_find(&r->sorter, tuple);

	return c != NULL && next_sent(r, c, false) != -1;
}

/* A query of a stream is recalled when the stream is open, a little before it
 * was sent. */
static int32_t
next_query(struct evidence_replay *r, const struct conversation *c)
{
	int32_t place = c->first;
	const struct event *e;

	while ((e = event_at(r, place)) != NULL && e->done)
		place = e->next;
	return e != NULL && e->kind == EVENT_SENT ? place : -1;
}

static enum link_error
replay_recall(
    struct link *link, int number, uint8_t ttl, struct link_sent *sent)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct conversation *c = r->sockets[number];
	bool stream = c->tuple.kind == LINK_TCP;
	int32_t place = stream ? next_query(r, c) : next_sent(r, c, ttl != 0);
	const struct event *e = event_at(r, place);

	if (e == NULL)
		return LINK_FAILED;
	if (!stream && (e != next_event(r) || (ttl != 0 && e->ttl != ttl)))
		return LINK_RETRY;
	set_done(r, c, place);
	c->sending = place;
	*sent = (struct link_sent){ e->bytes, e->len, e->cksum };
	return LINK_OK;
}

static enum link_error
replay_send(struct link *link, int number, const struct link_packet *packet)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	const struct conversation *c = r->sockets[number];
	struct stamp *grown;

	if (r->stamp_count == r->stamp_size) {
		grown = reallocarray(
		    r->stamps, r->stamp_size * 2 + 64, sizeof(*grown));
		if (grown == NULL)
			return LINK_RETRY;
		r->stamps = grown;
		r->stamp_size = r->stamp_size * 2 + 64;
	}
	r->stamps[r->stamp_count++] = (struct stamp){ packet->cookie,
		r->sorter.events[c->sending].stamp, c->owner };
	return LINK_OK;
}

/* --- receiving --- */

static bool
take_stamp(struct evidence_replay *r, struct arrival *arrival)
{
	const struct stamp *stamp;

	if (r->stamp_at == r->stamp_count) {
		r->stamp_at = r->stamp_count = 0;
		return false;
	}
	stamp = &r->stamps[r->stamp_at++];
	*arrival = (struct arrival){ .kind = ARRIVAL_STAMP,
		.owner = stamp->owner,
		.cookie = stamp->cookie,
		.ttl = -1,
		.kernel = stamp->at,
		.user = r->clock };
	return true;
}

static bool
replay_receive(struct link *link, struct arrival *arrival)
{
	struct evidence_replay *r = (struct evidence_replay *)link;
	struct event *e;

	if (take_stamp(r, arrival))
		return true;
	while ((e = next_event(r)) != NULL && e->kind == EVENT_TAKEN &&
	       !mono_before(r->clock, e->at)) {
		e->done = true;
		r->idle = 0;
		if (e->with != NULL && !e->with->open)
			continue;
		*arrival = (struct arrival){ .kind = e->arrival,
			.owner = e->with == NULL ? NULL : e->with->owner,
			.from = e->from,
			.af = e->af,
			.ttl = e->ttl,
			.icmp_type = e->icmp_type,
			.icmp_code = e->icmp_code,
			.error = LINK_REFUSED,
			.kernel = e->stamp,
			.user = r->clock,
			.bytes = e->bytes,
			.len = e->len };
		return true;
	}
	return false;
}

/* --- the file --- */

static int
read_file(struct evidence_replay *r, const char *path)
{
	struct evidence_packet packet = { 0 };

	if (evidence_open(&r->reader, path) == -1)
		return evidence_explain(path, &r->reader);
	/* Nothing more is opened, and what comes is foreign. */
	if (sandbox_drop(NULL) == -1) {
		log_warn("giving up privilege");
		return EXIT_STORAGE;
	}
	while (
	    !r->sorter.failed && evidence_next(&r->reader, &packet) == PARSE_OK)
		evidence_sort(&r->sorter, packet.at, packet.bytes, packet.len);
	if (r->sorter.failed) {
		log_warnx("%s: out of memory", path);
		return EXIT_STORAGE;
	}
	if (r->reader.damage[0] != '\0')
		log_warnx("%s: what comes before this is read: %s", path,
		    r->reader.damage);
	if (r->sorter.count > 0)
		r->clock = r->sorter.events[0].at;
	return EXIT_DONE;
}

struct evidence_replay *
evidence_read(const char *path, int *code)
{
	static const struct link_replay replay = { replay_early, replay_carries,
		replay_sends, replay_recall };
	struct evidence_replay *r = calloc(1, sizeof(*r));

	*code = EXIT_STORAGE;
	if (r == NULL)
		return NULL;
	r->sorter.buckets =
	    calloc(EVIDENCE_BUCKETS, sizeof(struct conversation *));
	r->link = (struct link){ .mono = replay_mono,
		.wall = replay_wall,
		.open = replay_open,
		.close = replay_close,
		.send = replay_send,
		.receive = replay_receive,
		.wait = replay_wait,
		.replay = &replay,
		.raw = true,
		.can_echo = { true, true } };
	if (r->sorter.buckets != NULL)
		*code = read_file(r, path);
	if (*code == EXIT_DONE)
		return r;
	evidence_read_done(r);
	return NULL;
}

void
evidence_read_done(struct evidence_replay *r)
{
	struct conversation *c, *next;
	size_t i;

	if (r == NULL)
		return;
	if (r->not_again > 0)
		log_info("%llu packets of the capture were not sent again",
		    (unsigned long long)r->not_again);
	for (i = 0; r->sorter.buckets != NULL && i < EVIDENCE_BUCKETS; i++) {
		for (c = r->sorter.buckets[i]; c != NULL; c = next) {
			next = c->next;
			free(c);
		}
	}
	for (i = 0; i < r->sorter.query_count; i++)
		free(r->sorter.queries[i]);
	free(r->sorter.queries);
	free(r->sorter.buckets);
	free(r->sorter.events);
	free(r->sockets);
	free(r->stamps);
	evidence_reader_clear(&r->reader);
	free(r);
}

struct link *
evidence_link(struct evidence_replay *r)
{
	return &r->link;
}

size_t
evidence_event_count(const struct evidence_replay *r)
{
	return r->sorter.count;
}

struct event *
evidence_event(struct evidence_replay *r, size_t i)
{
	return &r->sorter.events[i];
}

struct span
evidence_span(const struct evidence_replay *r)
{
	const struct event *events = r->sorter.events;

	if (r->sorter.count == 0)
		return (struct span){ 0 };
	return mono_since(events[r->sorter.count - 1].at, events[0].at);
}
