#include "tests/sim/prober_transit.h"

#include <string.h>

#include "lib/dns.h"
#include "lib/icmp.h"
#include "lib/writer.h"

/* --- what comes back --- */

static void
put_opt(struct writer *w, const char *nsid, const struct world_said *said)
{
	uint16_t len = (uint16_t)strlen(nsid);
	int cookie = said->cookie != 0 ? 4 + 8 + 8 : 0;

	writer_u8(w, 0);
	writer_u16(w, DNS_TYPE_OPT);
	writer_u16(w, 1232);
	writer_u32(w, (uint32_t)said->rcode >> 4 << 24);
	writer_u16(w, (uint16_t)(len + 4 + cookie));
	writer_u16(w, DNS_OPTION_NSID);
	writer_u16(w, len);
	writer_bytes(w, nsid, len);
	if (cookie == 0)
		return;
	writer_u16(w, DNS_OPTION_COOKIE);
	writer_u16(w, 16);
	writer_bytes(w, said->client, sizeof(said->client));
	writer_u32(w, (uint32_t)(said->cookie >> 32));
	writer_u32(w, (uint32_t)said->cookie);
}

struct saying {
	uint16_t id, flags;
	const char *nsid;
	int answers;      /* that the header counts; -1: none and no question */
	bool other_name;  /* another question */
	bool extra_bytes; /* behind the end */
	struct world_said said;
};

/* The question's length in our query: one name, type and class. */
static size_t
question_len(const uint8_t *query, size_t len)
{
	size_t at = 12;

	while (at < len && query[at] != 0)
		at += query[at] + 1u;
	return at + 5 - 12;
}

static void
put_message(struct writer *w, const struct transit *t, const struct saying *say)
{
	size_t head = t->tuple->kind == LINK_TCP ? 2 : 0;
	const uint8_t *query = (const uint8_t *)t->packet->bytes + head;
	size_t len = question_len(query, t->packet->len - head);
	bool opt = say->answers >= 0 && say->said.opt;

	writer_u16(w, say->id);
	writer_u16(w, (uint16_t)(say->flags | (say->said.rcode & 15) |
				 (say->said.tc ? 0x0200 : 0)));
	writer_u16(w, say->answers < 0 ? 0 : 1);
	writer_u16(w, say->answers < 0 ? 0 : (uint16_t)say->answers);
	writer_u16(w, 0);
	writer_u16(w, opt);
	if (say->answers >= 0) {
		if (say->other_name)
			writer_bytes(w, "\4evil", 5);
		writer_bytes(w, query + 12, len);
	}
	if (opt)
		put_opt(w, say->nsid, &say->said);
	if (say->extra_bytes)
		writer_bytes(w, "\0\0\0", 3);
}

static void
send_saying(const struct transit *t, const struct saying *say, enum worth worth,
    int64_t at)
{
	uint8_t message[1024];
	struct writer w = writer_over(message, sizeof(message));
	struct world_event *e;

	put_message(&w, t, say);
	e = event_new(t, worth, message, w.len);
	e->arrival.kind = ARRIVAL_UDP;
	e->said = say->said;
	if (worth == WORTH_FORGED && !say->other_name && say->flags == 0x8400)
		e->guess = say->id;
	e->at = at;
	event_add(t->w, e);
}

/* --- ICMP --- */

static void
put_quote(struct writer *w, const struct transit *t, uint16_t udp_cksum,
    size_t payload)
{
	const struct link_tuple *tuple = t->tuple;
	bool udp = tuple->kind == LINK_UDP;
	uint16_t len = (uint16_t)(t->packet->len + (udp ? 8 : 0));

	if (tuple->dst.af == 4) {
		writer_u16(w, 0x4500);
		writer_u16(w, (uint16_t)(len + 20));
		writer_u32(w, 0);
		writer_u8(w, 1);
		writer_u8(w, udp ? 17 : 1);
		writer_u16(w, 0);
	} else {
		writer_u32(w,
		    6u << 28 | (tuple->label > 0 ? (uint32_t)tuple->label : 0));
		writer_u16(w, len);
		writer_u8(w, udp ? 17 : 58);
		writer_u8(w, 1);
	}
	writer_bytes(w, tuple->src.bytes, addr_len(&tuple->src));
	writer_bytes(w, tuple->dst.bytes, addr_len(&tuple->dst));
	if (udp) {
		writer_u16(w, tuple->port);
		writer_u16(w, tuple->dport);
		writer_u16(w, len);
		writer_u16(w, udp_cksum);
		writer_bytes(w, t->packet->bytes, payload);
	} else {
		writer_bytes(w, t->packet->bytes,
		    payload + 8 > t->packet->len ? t->packet->len
						 : payload + 8);
	}
}

uint16_t
network_udp_cksum(const struct transit *t)
{
	const struct link_tuple *tuple = t->tuple;
	uint8_t bytes[2048];
	struct writer w = writer_over(bytes, sizeof(bytes));
	uint16_t len = (uint16_t)(t->packet->len + 8), sum;

	writer_bytes(&w, tuple->src.bytes, addr_len(&tuple->src));
	writer_bytes(&w, tuple->dst.bytes, addr_len(&tuple->dst));
	writer_u16(&w, 17);
	writer_u16(&w, len);
	writer_u16(&w, tuple->port);
	writer_u16(&w, tuple->dport);
	writer_u16(&w, len);
	writer_u16(&w, 0);
	writer_bytes(&w, t->packet->bytes, t->packet->len);
	sum = checksum_fold(checksum_add(0, bytes, w.len));
	return sum == 0 ? 0xffff : sum;
}

struct icmp_word {
	uint8_t type, code;
	struct addr from;
	bool false_id; /* quotes a packet that was never sent */
	bool brief;    /* 8 bytes of the transport header */
	bool padded;   /* and then zeros, as RFC 4884 has it */
};

static void
send_error_queue(const struct transit *t, const struct icmp_word *say,
    enum worth worth, int64_t at)
{
	uint8_t bytes[600];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct world_event *e;
	size_t len = t->packet->len;

	if (say->brief)
		len = t->tuple->kind == LINK_UDP ? 0 : 8;
	writer_bytes(&w, t->packet->bytes, len);
	if (say->false_id && len != 0)
		bytes[t->tuple->kind == LINK_UDP ? 0 : 6] ^= 0x55;
	e = event_new(t, worth, bytes, w.len);
	e->arrival.kind = ARRIVAL_ERROR;
	if (say->false_id && len != 0 && t->tuple->kind == LINK_UDP)
		e->guess = bytes[0] << 8 | bytes[1];
	e->arrival.icmp_type = say->type;
	e->arrival.icmp_code = say->code;
	e->arrival.from = say->from;
	e->at = at;
	event_add(t->w, e);
}

static void
send_icmp(const struct transit *t, const struct icmp_word *say,
    enum worth worth, int64_t at)
{
	uint8_t bytes[1400];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct world_event *e;
	size_t start = t->tuple->dst.af == 4 ? 28 : 48;
	bool udp = t->tuple->kind == LINK_UDP;

	if (!t->w->link.raw) {
		send_error_queue(t, say, worth, at);
		return;
	}
	writer_u8(&w, say->type);
	writer_u8(&w, say->code);
	writer_u16(&w, 0);
	writer_u32(&w, 0);
	put_quote(&w, t, network_udp_cksum(t), say->brief ? 0 : t->packet->len);
	if (say->false_id) /* the DNS id or the UDP checksum; the sequence */
		bytes[start + (!udp ? 6 : say->brief ? 6 : 8)] ^= 0x55;
	while (say->padded && w.len < 8 + 128)
		writer_u8(&w, 0);
	e = event_new(t, worth, bytes, w.len);
	e->arrival.kind = ARRIVAL_ICMP;
	e->arrival.owner = NULL;
	e->arrival.from = say->from;
	if (say->false_id && udp) {
		e->guess_cksum = say->brief;
		start += say->brief ? 6 : 8;
		e->guess = bytes[start] << 8 | bytes[start + 1];
	}
	e->at = at;
	event_add(t->w, e);
}

static void
send_echo_reply(const struct transit *t, enum worth worth, int64_t at, int flip)
{
	uint8_t bytes[600];
	struct world_event *e;

	memcpy(bytes, t->packet->bytes, t->packet->len);
	bytes[0] = t->tuple->dst.af == 4 ? 0 : 129;
	if (flip != 0)
		bytes[flip] ^= 0x55;
	e = event_new(t, worth, bytes, t->packet->len);
	e->arrival.kind = ARRIVAL_ICMP;
	if (t->w->link.raw)
		e->arrival.owner = NULL;
	e->at = at;
	event_add(t->w, e);
}

/* --- the attacker --- */

static void
forge_dns(const struct transit *t, int64_t at)
{
	const struct world *w = t->w;
	uint16_t id = (uint16_t)(((const uint8_t *)t->packet->bytes)[0] << 8 |
				 ((const uint8_t *)t->packet->bytes)[1]);
	struct saying say = {
		.id = id, .flags = 0x8400, .nsid = "forged", .said.opt = true
	};
	struct icmp_word word = { .from = t->tuple->dst,
		.false_id = true,
		.type = t->tuple->dst.af == 4 ? 3 : 1,
		.code = t->tuple->dst.af == 4 ? 3 : 4 };
	size_t i;
	bool known;

	switch (world_random(t->w, 5)) {
	case 0: /* an id of no query of this flow */
		do {
			say.id = (uint16_t)world_random(t->w, 65536);
			known = say.id == id;
			for (i = 0; i < w->sent_count; i++)
				known = known || w->sent[i].id == say.id;
		} while (known);
		break;
	case 1:
		say.other_name = true;
		break;
	case 2:
		say.flags = 0x0400; /* a query */
		break;
	case 3:
		say.flags = 0xa400; /* another opcode */
		break;
	default:
		word.brief = w->link.raw && world_chance(t->w, 500);
		send_icmp(t, &word, WORTH_FORGED, at);
		return;
	}
	send_saying(t, &say, WORTH_FORGED, at);
}

static void
forge_echo(const struct transit *t, int64_t at)
{
	struct icmp_word word = { .from = t->tuple->dst,
		.false_id = true,
		.type = t->tuple->dst.af == 4 ? 3 : 1,
		.code = 1 };

	switch (world_random(t->w, 3)) {
	case 0:
		send_echo_reply(t, WORTH_FORGED, at, 8); /* the token */
		break;
	case 1: /* a sequence number that was not sent */
		send_echo_reply(t, WORTH_FORGED, at, 6);
		break;
	default:
		send_icmp(t, &word, WORTH_FORGED, at);
		break;
	}
}

void
network_attack(const struct transit *t)
{
	struct saying say = { .id = (uint16_t)(t->packet->cookie),
		.flags = 0x8400,
		.nsid = "forged",
		.said.opt = true };
	int64_t left = t->arrives - t->w->now;
	int64_t at =
	    t->w->now + (int64_t)world_random(t->w, 2 * (uint64_t)left + 1);

	if (t->w->betray && t->tuple->kind == LINK_UDP)
		send_saying(t, &say, WORTH_NOTHING, t->w->now + 1000);
	if (!world_chance(t->w, t->w->host[t->host].forged))
		return;
	if (t->tuple->kind == LINK_UDP)
		forge_dns(t, at);
	else
		forge_echo(t, at);
}

/* --- honest hosts --- */

static void
answer_dns(const struct transit *t)
{
	const struct world_host *h = &t->w->host[t->host];
	struct saying say = { .id = (uint16_t)t->packet->cookie,
		.flags = 0x8400,
		.nsid = h->name,
		.said.opt = true };
	struct saying other = say;

	if (world_chance(t->w, h->malformed)) {
		say.answers = world_chance(t->w, 500) ? 3 : 0;
		say.extra_bytes = say.answers == 0;
		send_saying(t, &say, WORTH_MALFORMED, t->arrives);
		if (world_chance(t->w, 500))
			return;
		say.answers = 0;
		say.extra_bytes = false;
		server_judge(t, &say.said);
		send_saying(t, &say, WORTH_GOOD, t->arrives + WORLD_MS);
		return;
	}
	if (world_chance(t->w, h->header_only)) {
		say.said = (struct world_said){ .rcode = 5 };
		say.answers = -1;
	} else {
		server_judge(t, &say.said);
	}
	send_saying(t, &say, WORTH_GOOD, t->arrives);
	if (world_chance(t->w, h->duplicate))
		send_saying(t, &say, WORTH_GOOD, t->arrives + WORLD_MS);
	if (world_chance(t->w, h->conflict)) {
		other.nsid = "injected";
		send_saying(
		    t, &other, WORTH_CONFLICT, t->arrives + 50 * WORLD_MS);
	}
}

static void
answer_stream(const struct transit *t)
{
	struct saying say = { .id = (uint16_t)t->packet->cookie,
		.flags = 0x8400,
		.nsid = t->w->host[t->host].name };
	uint8_t message[1024];
	struct writer head = writer_over(message, 2);
	struct writer w = writer_over(&message[2], sizeof(message) - 2);

	server_judge(t, &say.said);
	put_message(&w, t, &say);
	writer_u16(&head, (uint16_t)w.len);
	stream_say(t, message, w.len + 2, &say.said);
}

static void
answer_echo(const struct transit *t)
{
	const struct world_host *h = &t->w->host[t->host];

	if (h->no_echo)
		return;
	send_echo_reply(t, WORTH_GOOD, t->arrives, 0);
	if (world_chance(t->w, h->duplicate))
		send_echo_reply(t, WORTH_GOOD, t->arrives + WORLD_MS, 0);
}

/* Where the packet ends: at a router, a barrier or the target. */
void
network_deliver(const struct transit *t)
{
	const struct world_host *h = &t->w->host[t->host];
	bool four = h->addr.af == 4, udp = t->tuple->kind == LINK_UDP;
	int ttl = t->packet->ttl == 0 ? 64 : t->packet->ttl;
	struct icmp_word say = { .brief = world_chance(t->w, h->short_quote) };

	if (t->tuple->kind == LINK_TCP) {
		answer_stream(t);
		return;
	}
	say.padded = say.brief && world_chance(t->w, 300);
	if (!t->w->link.raw && udp)
		say.brief = false; /* a quote without our id proves nothing */
	if (h->barrier != 0 && ttl >= h->barrier) {
		say.from = world_router(t->w, t->host, h->barrier);
		say.type = four ? 3 : 1;
		say.code = four ? 13 : 1;
		send_icmp(t, &say, WORTH_ERROR, t->arrives);
	} else if (ttl <= h->hops) {
		if ((h->silent_routers >> ttl & 1) != 0)
			return;
		say.from = world_router(t->w, t->host, ttl);
		say.type = four ? 11 : 3;
		send_icmp(t, &say, WORTH_GOOD, t->arrives);
	} else if (h->silent) {
		return;
	} else if (h->dead && udp) {
		say.from = h->addr;
		say.type = four ? 3 : 1;
		say.code = four ? 3 : 4;
		send_icmp(t, &say, WORTH_ERROR, t->arrives);
	} else if (udp) {
		answer_dns(t);
	} else {
		answer_echo(t);
	}
}

/* A router's word about packet size answers nothing. */
void
network_complain(const struct transit *t)
{
	struct icmp_word say = {
		.from = world_router(t->w, t->host, 1),
		.type = t->tuple->dst.af == 4 ? 3 : 2,
		.code = t->tuple->dst.af == 4 ? 4 : 0,
	};

	if (world_chance(t->w, t->w->host[t->host].size_error))
		send_icmp(t, &say, WORTH_SIZE, t->w->now + 10000);
}
