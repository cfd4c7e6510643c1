/* DNS over UDP: one query, NSID on it, and the reply to it. */
#include "probe/prober.h"

#include <stdlib.h>
#include <string.h>

#define CKSUM_TRIES 16 /* one in 65,536 is taken by chance */

/* The UDP checksum that the packet will carry: what an ICMP error that quotes
 * eight bytes has of us (RFC 768). */
static uint16_t
udp_checksum(const struct flow *flow, const uint8_t *message, size_t len)
{
	const struct addr *src = &flow->src, *dst = &flow->peer->addr;
	uint8_t header[8];
	struct writer w = writer_over(header, sizeof(header));
	uint32_t sum;
	uint16_t folded;

	writer_u16(&w, flow->port);
	writer_u16(&w, flow->dport);
	writer_u16(&w, (uint16_t)(len + 8));
	writer_u16(&w, 0);
	if (dst->af == 6) {
		sum = checksum_pseudo6(src, dst, (uint32_t)len + 8, 17);
	} else {
		sum = checksum_add(0, src->bytes, 4);
		sum = checksum_add(sum, dst->bytes, 4);
		sum += 17 + (uint32_t)len + 8;
	}
	sum = checksum_add(sum, header, sizeof(header));
	folded = checksum_fold(checksum_add(sum, message, len));
	return folded == 0 ? 0xffff : folded;
}

/* An error may quote no more of us than the checksum: then two packets of one
 * flow must not share it. */
static bool
is_cksum_taken(const struct probe *probe)
{
	const struct probe *other;

	if (!flow_may_have(probe->ask->flow->cksums, probe->cksum))
		return false;
	TAILQ_FOREACH(other, &probe->ask->flow->probes, by_flow)
	{
		if (other != probe && other->cksum == probe->cksum)
			return true;
	}
	return false;
}

static int
write_query(struct prober *p, struct probe *probe, struct writer *w)
{
	struct dns_query query;

	dns_draw(p, probe);
	dns_query_of(probe, &query);
	w->len = 0;
	dns_query_write(w, &query);
	if (writer_failed(w))
		return -1;
	probe->cksum = udp_checksum(probe->ask->flow, w->bytes, w->len);
	return 0;
}

static enum link_error
play(struct prober *p, struct probe *probe)
{
	struct link_sent sent;
	enum link_error error = dns_recall(p, probe, &sent);

	if (error != LINK_OK)
		return error;
	return prober_transmit(p, probe, sent.bytes, sent.len);
}

enum link_error
dns_udp_transmit(struct prober *p, struct probe *probe)
{
	uint8_t message[512];
	struct writer w = writer_over(message, sizeof(message));
	int tries = 0;

	if (p->link->replay != NULL)
		return play(p, probe);
	do {
		if (write_query(p, probe, &w) == -1)
			return LINK_FAILED;
	} while (is_cksum_taken(probe) && ++tries < CKSUM_TRIES);
	flow_has(&probe->ask->flow->cksums, probe->cksum);
	return prober_transmit(p, probe, message, w.len);
}

static enum send_result
dns_send(struct prober *p, struct ask *ask)
{
	return prober_send_one(p, ask, dns_udp_transmit);
}

/* --- a reply in another case --- */

struct held {
	struct reply reply;
	struct arrival arrival;
	uint8_t bytes[];
};

/* false: no memory. */
static bool
hold(struct sample *sample, const struct reply *reply)
{
	struct held *held = malloc(sizeof(*held) + reply->len);

	if (held == NULL)
		return false;
	held->reply = *reply;
	held->arrival = *reply->arrival;
	memcpy(held->bytes, reply->bytes, reply->len);
	held->reply.arrival = &held->arrival;
	held->reply.bytes = held->bytes;
	sample->held = held;
	return true;
}

static void
let_go(struct ask *ask)
{
	free(ask->sample->held);
	ask->sample->held = NULL;
}

/* A better one did not come: whether it ended the ask. */
static bool
take_held(struct prober *p, struct probe *probe)
{
	struct ask *ask = probe->ask;
	bool taken = ask->sample->held != NULL &&
		     dns_answer(p, probe, &ask->sample->held->reply);

	let_go(ask);
	return taken;
}

static void
take_recased(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;

	if (ask->sample->held != NULL)
		prober_unwanted(p, ask); /* one of them at least */
	else if (!hold(ask->sample, reply))
		(void)dns_answer(p, probe, reply);
}

/* --- what came --- */

static void
dns_take(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;

	if (reply->kind == REPLY_ERROR) {
		if (!take_held(p, probe))
			dns_error(p, probe, reply);
	} else if (reply->recased && ask->letters == LETTERS_MIXED) {
		take_recased(p, probe, reply);
	} else if (dns_answer(p, probe, reply) && ask->sample->held != NULL) {
		prober_unwanted(p, ask);
		let_go(ask);
	}
}

static void
dns_expire(struct prober *p, struct probe *probe)
{
	struct ask *ask = probe->ask;

	if (take_held(p, probe))
		return;
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(p, ask,
	    prober_record(p, ask)->dns.raw_len != 0 ? OUTCOME_MALFORMED
						    : OUTCOME_TIMEOUT,
	    NULL);
}

const struct method method_dns_udp = {
	.type = RECORD_DNS,
	.send = dns_send,
	.take = dns_take,
	.differs = dns_differs,
	.expire = dns_expire,
	.forget = let_go,
};
