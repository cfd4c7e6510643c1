#include "probe/evidence_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/evidence.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "probe/evidence_packet.h"

#define STREAM_NUMBERS (1U << 18) /* of one stream, so that none looks old */
#define CLOCK_READINGS 8
#define STAMP_WAIT_MS 1000 /* a stamp that is later does not come */

/* A socket of the link behind us; the owner of its arrivals there. */
struct socket {
	struct link_tuple tuple;
	void *owner;
	bool connected;
	bool over;             /* of a stream: its end is in the file */
	uint32_t ours, theirs; /* of a stream: the next numbers */
};

/* A packet that is not in the file yet: it, or one before it, waits for the
 * kernel's stamp. */
struct waiting {
	struct wall at;
	struct mono since;
	bool unstamped;
	uint64_t cookie;
	uint8_t *bytes;
	size_t len;
};

struct witness {
	struct link link; /* first: the prober sees this */
	struct link *inner;
	struct evidence *file;
	const char *path;
	struct mono last;      /* the clock as the prober read it last */
	struct mono base;      /* as the prober pairs its clocks at its start */
	struct wall base_wall; /* 0: not yet */
	uint32_t streams;
	bool told;          /* that no more is saved */
	struct addr src[2]; /* last used, by family */
	bool several[2];    /* sources */
	struct socket **sockets;
	size_t socket_count;
	struct waiting waiting[LIMIT_EVIDENCE_WAITING]; /* a ring */
	size_t first, count;
	uint8_t packet[EVIDENCE_PACKET_MAX];
};

/* --- the file --- */

static void
flush(struct witness *w)
{
	if (evidence_flush(w->file) == 0)
		return;
	w->told = true;
	log_warn("%s: no more packets are saved, %llu are there", w->path,
	    (unsigned long long)evidence_saved(w->file));
}

static void
release_first(struct witness *w)
{
	struct waiting *first = &w->waiting[w->first];

	if (evidence_room(w->file) < first->len)
		flush(w);
	evidence_add(w->file, first->at, first->bytes, first->len);
	free(first->bytes);
	w->first = (w->first + 1) % LIMIT_EVIDENCE_WAITING;
	w->count--;
}

/* In the order in which things happened, stamped or not. */
static void
release(struct witness *w)
{
	struct span limit = span_ms(STAMP_WAIT_MS);

	while (
	    w->count > 0 &&
	    (!w->waiting[w->first].unstamped ||
		mono_since(w->last, w->waiting[w->first].since).ns > limit.ns))
		release_first(w);
}

static struct wall
wall_at(const struct witness *w, struct mono mono)
{
	return wall_add(w->base_wall, mono_since(mono, w->base));
}

/* What lies in w->packet, by the prober's clock until there is better. */
static struct waiting *
save(struct witness *w, size_t len, struct mono at)
{
	struct waiting *new;
	uint8_t *bytes;

	if (len == 0 || (bytes = malloc(len)) == NULL)
		return NULL;
	if (w->count == LIMIT_EVIDENCE_WAITING)
		release_first(w);
	new = &w->waiting[(w->first + w->count++) % LIMIT_EVIDENCE_WAITING];
	memcpy(bytes, w->packet, len);
	*new = (struct waiting){
		.at = wall_at(w, at), .since = at, .bytes = bytes, .len = len
	};
	return new;
}

static void
save_sent(struct witness *w, size_t len, uint64_t cookie)
{
	struct waiting *new = save(w, len, w->last);

	if (new == NULL)
		return;
	new->unstamped = true;
	new->cookie = cookie;
}

static void
save_taken(struct witness *w, size_t len, const struct arrival *arrival)
{
	struct waiting *new = save(w, len, arrival->user);

	if (new != NULL && arrival->kernel.ns != 0)
		new->at = arrival->kernel;
	release(w);
}

static void
note_stamp(struct witness *w, const struct arrival *arrival)
{
	size_t i;

	for (i = 0; i < w->count; i++) {
		struct waiting *x =
		    &w->waiting[(w->first + i) % LIMIT_EVIDENCE_WAITING];

		if (!x->unstamped || x->cookie != arrival->cookie)
			continue;
		x->unstamped = false;
		if (arrival->kernel.ns != 0)
			x->at = arrival->kernel;
		break;
	}
	release(w);
}

/* --- streams --- */

/* A segment of the stream as its socket saw it, from the one or the other. */
static size_t
write_segment(struct witness *w, struct socket *s, bool from_peer,
    struct evidence_segment segment)
{
	uint32_t *next = from_peer ? &s->theirs : &s->ours;

	segment.seq = *next;
	segment.ack = from_peer ? s->ours : s->theirs;
	*next += (uint32_t)segment.len +
		 ((segment.flags & (EVIDENCE_SYN | EVIDENCE_FIN)) != 0);
	return evidence_packet_tcp(w->packet, &s->tuple, from_peer, &segment);
}

static void
save_empty(struct witness *w, struct socket *s, bool from_peer, uint8_t flags,
    struct mono at)
{
	struct evidence_segment segment = { .flags = flags, .ttl = 64 };

	if (from_peer)
		segment.ttl = 0;
	(void)save(w, write_segment(w, s, from_peer, segment), at);
	release(w);
}

static void
save_stream(struct witness *w, struct socket *s, const struct arrival *arrival)
{
	struct evidence_segment segment = { .flags =
						EVIDENCE_PSH | EVIDENCE_ACK,
		.ttl = arrival->ttl < 0 ? 0 : (uint8_t)arrival->ttl,
		.bytes = arrival->bytes };
	size_t left = arrival->len;

	while (left > 0) {
		segment.len =
		    left > EVIDENCE_SEGMENT_MAX ? EVIDENCE_SEGMENT_MAX : left;
		save_taken(w, write_segment(w, s, true, segment), arrival);
		segment.bytes += segment.len;
		left -= segment.len;
	}
}

static void
save_break(struct witness *w, struct socket *s, const struct arrival *arrival)
{
	if (arrival->error != LINK_REFUSED)
		return; /* no packet says so */
	save_empty(w, s, true, EVIDENCE_RST | EVIDENCE_ACK, arrival->user);
	s->over = true;
}

/* --- what arrives --- */

/* Where a message to the shared ICMP socket went to. */
static struct addr
destination(const struct witness *w, const struct arrival *arrival)
{
	size_t six = arrival->af == 6, i;
	struct icmp_message icmp;

	if (icmp_read(&icmp, arrival->af, arrival->bytes, arrival->len) ==
		PARSE_OK &&
	    icmp.quote.present)
		return icmp.quote.src;
	for (i = 0; w->several[six] && i < w->socket_count; i++) {
		const struct socket *s = w->sockets[i];

		if (s != NULL && s->tuple.kind == LINK_ICMP &&
		    addr_equal(&s->tuple.dst, &arrival->from) &&
		    s->tuple.port == icmp.id)
			return s->tuple.src;
	}
	return w->src[six];
}

static void
save_icmp(struct witness *w, const struct arrival *arrival)
{
	struct addr to = arrival->owner != NULL
			     ? ((struct socket *)arrival->owner)->tuple.src
			     : destination(w, arrival);
	struct ip_header ip = { .af = arrival->af,
		.src = arrival->from,
		.dst = to,
		.protocol = arrival->af == 4 ? 1 : 58,
		.ttl = arrival->ttl < 0 ? 0 : (uint8_t)arrival->ttl };

	if (to.af != arrival->af)
		return; /* before anything of ours was sent */
	save_taken(w,
	    evidence_packet(w->packet, &ip, arrival->bytes, arrival->len),
	    arrival);
}

static void
save_arrival(struct witness *w, const struct arrival *arrival)
{
	struct socket *s = arrival->owner;

	switch (arrival->kind) {
	case ARRIVAL_STAMP:
		note_stamp(w, arrival);
		break;
	case ARRIVAL_UDP:
		save_taken(w,
		    evidence_packet_udp(w->packet, &s->tuple, arrival),
		    arrival);
		break;
	case ARRIVAL_ICMP:
		save_icmp(w, arrival);
		break;
	case ARRIVAL_ERROR:
		/* Of a stream the raw socket has it as it came. */
		if (s->tuple.kind != LINK_TCP || !w->link.raw)
			save_taken(w,
			    evidence_packet_error(
				w->packet, &s->tuple, arrival),
			    arrival);
		break;
	case ARRIVAL_CONNECTED:
		s->connected = true;
		save_empty(
		    w, s, true, EVIDENCE_SYN | EVIDENCE_ACK, arrival->user);
		break;
	case ARRIVAL_STREAM:
		if (arrival->len == 0)
			save_empty(w, s, true, EVIDENCE_FIN | EVIDENCE_ACK,
			    arrival->user);
		else
			save_stream(w, s, arrival);
		break;
	case ARRIVAL_BROKEN:
		save_break(w, s, arrival);
		break;
	}
}

/* --- the link --- */

static struct mono
witness_mono(struct link *link)
{
	struct witness *w = (struct witness *)link;

	w->last = w->inner->mono(w->inner);
	return w->last;
}

static struct mono
witness_boot(struct link *link)
{
	struct witness *w = (struct witness *)link;

	return w->inner->boot(w->inner);
}

static struct wall
witness_wall(struct link *link)
{
	struct witness *w = (struct witness *)link;

	return w->inner->wall(w->inner);
}

static int
keep_socket(struct witness *w, int number, struct socket *s)
{
	size_t size = w->socket_count;
	struct socket **grown;

	if ((size_t)number >= size) {
		size = (size_t)number + 64;
		grown = reallocarray(w->sockets, size, sizeof(struct socket *));
		if (grown == NULL)
			return -1;
		memset(&grown[w->socket_count], 0,
		    (size - w->socket_count) * sizeof(struct socket *));
		w->sockets = grown;
		w->socket_count = size;
	}
	w->sockets[number] = s;
	return 0;
}

static void
note_source(struct witness *w, const struct addr *src)
{
	bool six = src->af == 6;

	if (addr_is_set(&w->src[six]) && !addr_equal(&w->src[six], src))
		w->several[six] = true;
	w->src[six] = *src;
}

static enum link_error
witness_open(
    struct link *link, struct link_tuple *tuple, void *owner, int *number)
{
	struct witness *w = (struct witness *)link;
	struct socket *s = calloc(1, sizeof(*s));
	enum link_error error;

	if (s == NULL)
		return LINK_RETRY;
	s->owner = owner;
	error = w->inner->open(w->inner, tuple, s, number);
	s->tuple = *tuple;
	s->ours = s->theirs = w->streams++ * STREAM_NUMBERS;
	if (tuple->kind == LINK_TCP &&
	    (error == LINK_OK || error == LINK_REFUSED))
		save_empty(w, s, false, EVIDENCE_SYN, w->last);
	if (tuple->kind == LINK_TCP && error == LINK_REFUSED)
		save_empty(w, s, true, EVIDENCE_RST | EVIDENCE_ACK, w->last);
	if (error == LINK_OK && keep_socket(w, *number, s) == -1) {
		w->inner->close(w->inner, *number);
		error = LINK_RETRY;
	}
	if (error == LINK_OK)
		note_source(w, &s->tuple.src);
	else
		free(s);
	return error;
}

/* A stream that was open is reset. */
static void
witness_close(struct link *link, int number)
{
	struct witness *w = (struct witness *)link;
	struct socket *s = w->sockets[number];

	w->inner->close(w->inner, number);
	if (s->connected && !s->over)
		save_empty(w, s, false, EVIDENCE_RST | EVIDENCE_ACK, w->last);
	free(s);
	w->sockets[number] = NULL;
}

static enum link_error
witness_send(struct link *link, int number, const struct link_packet *packet)
{
	struct witness *w = (struct witness *)link;
	struct socket *s = w->sockets[number];
	struct evidence_segment segment = { .flags =
						EVIDENCE_PSH | EVIDENCE_ACK,
		.ttl = 64,
		.bytes = packet->bytes,
		.len = packet->len };
	enum link_error error;
	size_t len;

	error = w->inner->send(w->inner, number, packet);
	if (error != LINK_OK)
		return error;
	len = s->tuple.kind == LINK_TCP
		  ? write_segment(w, s, false, segment)
		  : evidence_packet_sent(w->packet, &s->tuple, packet);
	save_sent(w, len, packet->cookie);
	return LINK_OK;
}

static bool
witness_receive(struct link *link, struct arrival *arrival)
{
	struct witness *w = (struct witness *)link;
	const struct socket *s;

	if (!w->inner->receive(w->inner, arrival))
		return false;
	save_arrival(w, arrival);
	s = arrival->owner;
	arrival->owner = s == NULL ? NULL : s->owner;
	return true;
}

static void
witness_wait(struct link *link, struct mono until)
{
	struct witness *w = (struct witness *)link;

	w->inner->wait(w->inner, until);
}

/* The least disturbed of a few readings. */
static void
pair_clocks(struct witness *w)
{
	int64_t shortest = INT64_MAX;
	int i;

	for (i = 0; i < CLOCK_READINGS; i++) {
		struct mono before = w->inner->mono(w->inner);
		struct wall wall = w->inner->wall(w->inner);
		int64_t took = mono_since(w->inner->mono(w->inner), before).ns;

		if (took >= shortest)
			continue;
		shortest = took;
		w->base = mono_add(before, (struct span){ took / 2 });
		w->base_wall = wall;
	}
}

struct link *
evidence_write(struct link *inner, const char *path)
{
	struct witness *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->inner = inner;
	w->path = path;
	if ((w->file = evidence_create(path)) == NULL) {
		free(w);
		return NULL;
	}
	w->link = (struct link){ .mono = witness_mono,
		.boot = inner->boot == NULL ? NULL : witness_boot,
		.wall = witness_wall,
		.open = witness_open,
		.close = witness_close,
		.send = witness_send,
		.receive = witness_receive,
		.wait = witness_wait,
		.raw = inner->raw,
		.can_echo = { inner->can_echo[0], inner->can_echo[1] } };
	/* A packet is written down as it leaves. */
	inner->tells_late = false;
	return &w->link;
}

int
evidence_write_start(struct link *link)
{
	struct witness *w = (struct witness *)link;

	pair_clocks(w);
	if (evidence_start(w->file) == 0)
		return 0;
	w->told = true;
	log_warn("%s: no packets are saved", w->path);
	return -1;
}

int
evidence_write_done(struct link *link)
{
	struct witness *w = (struct witness *)link;
	unsigned long long left_out;
	size_t i;
	bool lost;

	if (w == NULL)
		return 0;
	while (w->count > 0)
		release_first(w);
	flush(w);
	left_out = evidence_left_out(w->file);
	lost = w->told;
	if (evidence_close(w->file) == -1) {
		lost = true;
		log_warn("%s", w->path);
	} else if (left_out > 0 && !w->told) {
		log_warnx("%s: %llu packets are not in it", w->path, left_out);
	}
	for (i = 0; i < w->socket_count; i++)
		free(w->sockets[i]);
	free(w->sockets);
	free(w);
	return lost ? -1 : 0;
}
