/* What each packet of a capture means to who asked. */
#include "probe/evidence_read.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/limits.h"
#include "probe/evidence_packet.h"

#define QUERY_MAX 1024       /* of a stream; longer is none of DNS */
#define TIME_MAX (4LL << 60) /* room to add to */

/* Of a packet, as it says. */
struct ends {
	enum link_kind kind;
	struct addr client, server;
	uint16_t port, dport; /* of the client, of the server */
};

/* --- conversations --- */

static size_t
bucket_of(const struct ends *ends)
{
	size_t hash = 5381, i;

	for (i = 0; i < sizeof(ends->server.bytes); i++)
		hash = hash * 33 + ends->server.bytes[i];
	hash = hash * 65599 + ends->port;
	hash = hash * 65599 + ends->dport + (size_t)ends->kind;
	return hash % EVIDENCE_BUCKETS;
}

struct conversation *
evidence_find(const struct evidence_sorter *s, const struct link_tuple *tuple)
{
	struct ends ends = { .kind = tuple->kind,
		.server = tuple->dst,
		.port = tuple->port,
		.dport = tuple->dport };
	struct conversation *c = s->buckets[bucket_of(&ends)];

	for (; c != NULL; c = c->next) {
		if (c->tuple.kind == tuple->kind &&
		    c->tuple.port == tuple->port &&
		    c->tuple.dport == tuple->dport &&
		    addr_equal(&c->tuple.dst, &tuple->dst))
			break;
	}
	return c;
}

static struct conversation *
find(const struct evidence_sorter *s, const struct ends *ends)
{
	struct link_tuple tuple = { .kind = ends->kind,
		.dst = ends->server,
		.dport = ends->dport,
		.port = ends->port };
	struct conversation *c = evidence_find(s, &tuple);

	return c != NULL && addr_equal(&c->tuple.src, &ends->client) ? c : NULL;
}

static struct ends
turned(const struct ends *ends)
{
	return (struct ends){ ends->kind, ends->server, ends->client,
		ends->dport, ends->port };
}

/* NULL: no memory, or another host has the same port to the same server. */
static struct conversation *
make(struct evidence_sorter *s, const struct ends *ends, int32_t label)
{
	struct conversation *c = find(s, ends);
	size_t at = bucket_of(ends);

	if (c != NULL)
		return c;
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		s->failed = true;
		return NULL;
	}
	c->tuple = (struct link_tuple){ .kind = ends->kind,
		.dst = ends->server,
		.dport = ends->dport,
		.src = ends->client,
		.port = ends->port,
		.label = label };
	if (evidence_find(s, &c->tuple) != NULL) {
		free(c);
		return NULL;
	}
	c->n = -1;
	c->first = c->last = c->sending = c->stream.query = -1;
	c->next = s->buckets[at];
	s->buckets[at] = c;
	return c;
}

/* --- events --- */

/* The packet that is being sorted. */
struct packet {
	struct wall at;
	struct ip_header ip;
};

static struct event *
add(struct evidence_sorter *s, const struct packet *packet,
    enum event_kind kind, struct conversation *with)
{
	struct event *grown, *e;
	size_t size = s->size == 0 ? 256 : 2 * s->size;
	int64_t at = packet->at.ns > TIME_MAX ? TIME_MAX : packet->at.ns;

	if (s->count == s->size) {
		grown = reallocarray(s->events, size, sizeof(*grown));
		if (grown == NULL || s->count >= INT32_MAX / 2) {
			s->failed = true;
			return NULL;
		}
		s->events = grown;
		s->size = size;
	}
	if (s->count > 0 && at < s->events[s->count - 1].at.ns)
		at = s->events[s->count - 1].at.ns;
	e = &s->events[s->count++];
	*e = (struct event){ .kind = kind,
		.at = { at },
		.stamp = packet->at,
		.with = with,
		.before = -1,
		.next = -1,
		.from = packet->ip.src,
		.af = packet->ip.af,
		.ttl = packet->ip.ttl == 0 ? -1 : packet->ip.ttl };
	return e;
}

static struct event *
add_sent(struct evidence_sorter *s, const struct packet *packet,
    enum event_kind kind, struct conversation *with)
{
	struct event *e = add(s, packet, kind, with);
	int32_t place = (int32_t)s->count - 1;

	if (e == NULL)
		return NULL;
	if (with->first == -1)
		with->first = place;
	else
		s->events[with->last].next = place;
	e->before = with->last;
	with->last = place;
	return e;
}

static void
add_taken(struct evidence_sorter *s, const struct packet *packet,
    enum arrival_kind kind, struct conversation *with, struct cursor bytes)
{
	struct event *e = add(s, packet, EVENT_TAKEN, with);

	if (e == NULL)
		return;
	e->arrival = kind;
	e->bytes = &bytes.bytes[bytes.at];
	e->len = bytes.len - bytes.at;
}

/* --- datagrams --- */

static bool
is_query(struct cursor c)
{
	struct cursor whole = cursor_over(&c.bytes[c.at], cursor_left(&c));
	struct dns_question question;
	uint16_t flags, count;

	cursor_skip(&whole, 2);
	flags = cursor_u16(&whole);
	count = cursor_u16(&whole);
	cursor_skip(&whole, 6);
	return !cursor_failed(&whole) && (flags & 0xf800) == 0 && count == 1 &&
	       dns_question_read(&question, &whole) == PARSE_OK;
}

static bool
sort_udp(
    struct evidence_sorter *s, const struct packet *packet, struct cursor c)
{
	struct ends ends = { .kind = LINK_UDP,
		.client = packet->ip.src,
		.server = packet->ip.dst };
	struct ends back;
	struct conversation *with;
	struct event *e;
	size_t len;
	uint16_t cksum;

	ends.port = cursor_u16(&c);
	ends.dport = cursor_u16(&c);
	len = cursor_u16(&c);
	cksum = cursor_u16(&c);
	if (cursor_failed(&c))
		return false;
	if (len >= 8 && len - 8 < cursor_left(&c))
		c = cursor_over(cursor_take(&c, len - 8), len - 8);
	back = turned(&ends);
	if ((with = find(s, &back)) != NULL) {
		add_taken(s, packet, ARRIVAL_UDP, with, c);
		return true;
	}
	if (!is_query(c) || (with = make(s, &ends, packet->ip.label)) == NULL ||
	    (e = add_sent(s, packet, EVENT_SENT, with)) == NULL)
		return false;
	e->bytes = &c.bytes[c.at];
	e->len = cursor_left(&c);
	e->cksum = cksum;
	evidence_order(s, with->last);
	return true;
}

/* --- ICMP --- */

static bool
sort_echo(
    struct evidence_sorter *s, const struct packet *packet, struct cursor c)
{
	struct cursor whole = c;
	struct ends ends = { .kind = LINK_ICMP,
		.client = packet->ip.src,
		.server = packet->ip.dst };
	struct conversation *with;
	struct event *e;
	uint16_t cksum;

	cursor_skip(&c, 2);
	cksum = cursor_u16(&c);
	ends.port = cursor_u16(&c);
	cursor_skip(&c, 2);
	if (cursor_failed(&c) ||
	    (with = make(s, &ends, packet->ip.label)) == NULL ||
	    (e = add_sent(s, packet, EVENT_SENT, with)) == NULL)
		return false;
	if (with->first == with->last)
		with->cksum = cksum;
	e->bytes = &whole.bytes[whole.at];
	e->len = cursor_left(&whole);
	e->cksum = cksum;
	evidence_order(s, with->last);
	return true;
}

/* Whose packet an error quotes. */
static struct conversation *
quoted(const struct evidence_sorter *s, const struct icmp_quote *quote)
{
	struct ends ends = { .client = quote->src, .server = quote->dst };

	if (quote->sport != -1 && quote->dport != -1) {
		ends.kind =
		    quote->protocol == IPPROTO_TCP ? LINK_TCP : LINK_UDP;
		ends.port = (uint16_t)quote->sport;
		ends.dport = (uint16_t)quote->dport;
	} else if (quote->icmp_id != -1) {
		ends.kind = LINK_ICMP;
		ends.port = (uint16_t)quote->icmp_id;
	} else {
		return NULL;
	}
	return find(s, &ends);
}

/* Behind the IP header that an error quotes, and UDP's. */
static struct cursor
behind_quote(struct cursor c, enum link_kind kind)
{
	struct ip_header ip;

	cursor_skip(&c, 8);
	(void)ip_header_read(&ip, &c);
	if (kind != LINK_ICMP)
		cursor_skip(&c, 8);
	return cursor_failed(&c) ? cursor_over(c.bytes, 0) : c;
}

static bool
sort_icmp(
    struct evidence_sorter *s, const struct packet *packet, struct cursor c)
{
	const uint8_t *bytes = &c.bytes[c.at];
	struct icmp_message icmp;
	struct conversation *with = NULL;
	int af = packet->ip.af;
	bool told;

	if (icmp_read(&icmp, af, bytes, cursor_left(&c)) != PARSE_OK) {
		add_taken(s, packet, ARRIVAL_ICMP, NULL, c);
		return true;
	}
	if (icmp.type == (af == 4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST))
		return sort_echo(s, packet, c);
	if (icmp.quote.present)
		with = quoted(s, &icmp.quote);
	/* By the error queue, of what has no header or is a stream's. */
	told = with != NULL &&
	       (packet->ip.ttl == 0 || with->tuple.kind == LINK_TCP);
	if (!told) {
		add_taken(s, packet, ARRIVAL_ICMP, NULL, c);
		return true;
	}
	add_taken(
	    s, packet, ARRIVAL_ERROR, with, behind_quote(c, with->tuple.kind));
	if (!s->failed) {
		s->events[s->count - 1].icmp_type = icmp.type;
		s->events[s->count - 1].icmp_code = icmp.code;
	}
	return true;
}

/* --- streams --- */

struct segment {
	uint32_t seq;
	uint8_t flags;
	struct cursor data;
};

/* What of a segment is new; nothing where bytes before it are missing. */
static struct cursor
news(const struct segment *segment, uint32_t expected)
{
	struct cursor data = segment->data;
	uint32_t old = expected - segment->seq;

	if (old != 0 && (old > INT32_MAX || old > cursor_left(&data)))
		return cursor_over(data.bytes, 0);
	cursor_skip(&data, old);
	return data;
}

static bool
begin_stream(struct evidence_sorter *s, const struct packet *packet,
    const struct ends *ends, const struct segment *segment)
{
	struct conversation *with = make(s, ends, packet->ip.label);

	if (with == NULL)
		return false;
	if (with->stream.ours_known && !with->stream.theirs_known &&
	    with->stream.ours == segment->seq + 1)
		return true; /* once more */
	/* The bytes of the last query stay with its event. */
	with->stream = (struct stream_state){
		.ours_known = true, .ours = segment->seq + 1, .query = -1
	};
	return add_sent(s, packet, EVENT_OPEN, with) != NULL;
}

static uint8_t *
query_new(struct evidence_sorter *s)
{
	uint8_t **grown =
	    reallocarray(s->queries, s->query_count + 1, sizeof(uint8_t *));

	if (grown == NULL)
		return NULL;
	s->queries = grown;
	if ((grown[s->query_count] = malloc(QUERY_MAX)) == NULL)
		return NULL;
	return grown[s->query_count++];
}

static void
keep_query(struct evidence_sorter *s, const struct packet *packet,
    struct conversation *with, const struct segment *segment)
{
	struct stream_state *stream = &with->stream;
	struct cursor data = news(segment, stream->ours);
	size_t len = cursor_left(&data), room = QUERY_MAX - stream->query_len;
	struct cursor head;
	struct event *e;

	if (!stream->ours_known || len == 0 || stream->query != -1)
		return;
	stream->ours += (uint32_t)len;
	if (len > room)
		len = room;
	if (stream->query_bytes == NULL &&
	    (stream->query_bytes = query_new(s)) == NULL) {
		s->failed = true;
		return;
	}
	memcpy(&stream->query_bytes[stream->query_len], cursor_take(&data, len),
	    len);
	stream->query_len += len;
	head = cursor_over(stream->query_bytes, stream->query_len);
	len = cursor_u16(&head);
	if (cursor_left(&head) < len || cursor_failed(&head))
		return;
	if ((e = add_sent(s, packet, EVENT_SENT, with)) == NULL)
		return;
	stream->query = (int32_t)s->count - 1;
	e->bytes = &stream->query_bytes[2];
	e->len = len;
}

/* Later segments, whose turn has come. */
static void
take_held(struct evidence_sorter *s, const struct packet *packet,
    struct conversation *with)
{
	struct stream_state *stream = &with->stream;
	size_t i = 0;

	while (i < stream->held_count) {
		struct segment segment = { .seq = stream->held[i].seq };
		struct cursor data;

		segment.data =
		    cursor_over(stream->held[i].bytes, stream->held[i].len);
		data = news(&segment, stream->theirs);
		if (cursor_left(&data) == 0) {
			i++;
			continue;
		}
		stream->theirs += (uint32_t)cursor_left(&data);
		add_taken(s, packet, ARRIVAL_STREAM, with, data);
		stream->held[i] = stream->held[--stream->held_count];
		i = 0;
	}
}

static void
take_data(struct evidence_sorter *s, const struct packet *packet,
    struct conversation *with, const struct segment *segment)
{
	struct stream_state *stream = &with->stream;
	struct cursor data = news(segment, stream->theirs);

	if (!stream->theirs_known || cursor_left(&segment->data) == 0)
		return;
	if (cursor_left(&data) > 0) {
		stream->theirs += (uint32_t)cursor_left(&data);
		add_taken(s, packet, ARRIVAL_STREAM, with, data);
		take_held(s, packet, with);
	} else if (segment->seq - stream->theirs < INT32_MAX &&
		   stream->held_count < EVIDENCE_HELD) {
		stream->held[stream->held_count++] =
		    (struct held){ segment->seq,
			    &segment->data.bytes[segment->data.at],
			    cursor_left(&segment->data) };
	}
}

static void
take_segment(struct evidence_sorter *s, const struct packet *packet,
    struct conversation *with, const struct segment *segment)
{
	struct stream_state *stream = &with->stream;
	struct cursor none = cursor_over(segment->data.bytes, 0);
	uint32_t end = segment->seq + (uint32_t)cursor_left(&segment->data);

	if ((segment->flags & EVIDENCE_SYN) != 0) {
		if (stream->theirs_known)
			return;
		stream->theirs_known = true;
		stream->theirs = segment->seq + 1;
		add_taken(s, packet, ARRIVAL_CONNECTED, with, none);
		return;
	}
	take_data(s, packet, with, segment);
	if ((segment->flags & EVIDENCE_RST) != 0)
		add_taken(s, packet, ARRIVAL_BROKEN, with, none);
	else if ((segment->flags & EVIDENCE_FIN) != 0 && end == stream->theirs)
		add_taken(s, packet, ARRIVAL_STREAM, with, none);
}

static bool
sort_tcp(
    struct evidence_sorter *s, const struct packet *packet, struct cursor c)
{
	struct ends ends = { .kind = LINK_TCP,
		.client = packet->ip.src,
		.server = packet->ip.dst };
	struct ends back;
	struct segment segment;
	struct conversation *with;
	uint16_t words;

	ends.port = cursor_u16(&c);
	ends.dport = cursor_u16(&c);
	segment.seq = cursor_u32(&c);
	cursor_skip(&c, 4);
	words = cursor_u16(&c);
	segment.flags = (uint8_t)words;
	cursor_skip(&c, 6);
	if (words >> 12 < 5)
		return false;
	cursor_skip(&c, ((words >> 12) - 5U) * 4);
	if (cursor_failed(&c))
		return false;
	segment.data = c;
	if ((segment.flags & (EVIDENCE_SYN | EVIDENCE_ACK)) == EVIDENCE_SYN)
		return begin_stream(s, packet, &ends, &segment);
	back = turned(&ends);
	if ((with = find(s, &ends)) != NULL)
		keep_query(s, packet, with, &segment);
	else if ((with = find(s, &back)) != NULL)
		take_segment(s, packet, with, &segment);
	return with != NULL;
}

/* --- all --- */

void
evidence_sort(
    struct evidence_sorter *s, struct wall at, const uint8_t *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);
	struct packet packet = { .at = at };
	bool ours = false;

	if (ip_header_read(&packet.ip, &c) == PARSE_OK && !packet.ip.fragment) {
		/* What Ethernet pads, or the header does not count. */
		if (packet.ip.total_len >= cursor_at(&c) &&
		    packet.ip.total_len < len)
			c.len = packet.ip.total_len;
		if (packet.ip.protocol == IPPROTO_UDP)
			ours = sort_udp(s, &packet, c);
		else if (packet.ip.protocol == IPPROTO_TCP)
			ours = sort_tcp(s, &packet, c);
		else if (packet.ip.protocol ==
			 (packet.ip.af == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
			ours = sort_icmp(s, &packet, c);
	}
	if (!ours)
		s->passed_over++;
}
