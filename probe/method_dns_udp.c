/* DNS over UDP: one query, NSID on it, and the reply to it. */
#include "probe/prober.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/text.h"

void
dns_udp_query(const struct probe *probe, struct dns_query *query)
{
	*query = (struct dns_query){ .id = probe->id,
		.question = probe->ask->question->dns,
		.edns = true,
		.nsid = true };
}

/* Random, and not of another probe that a reply could be taken for. */
static uint16_t
fresh_id(const struct flow *flow)
{
	const struct probe *probe;
	uint16_t id;

	do {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			abort();
		TAILQ_FOREACH(probe, &flow->probes, by_flow)
		{
			if (probe->id == id)
				break;
		}
	} while (probe != NULL);
	return id;
}

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

enum link_error
dns_udp_transmit(struct prober *p, struct probe *probe)
{
	struct flow *flow = probe->ask->flow;
	uint8_t message[512];
	struct writer w = writer_over(message, sizeof(message));
	struct dns_query query;

	probe->id = fresh_id(flow);
	dns_udp_query(probe, &query);
	dns_query_write(&w, &query);
	if (writer_failed(&w))
		return LINK_FAILED;
	probe->cksum = udp_checksum(flow, message, w.len);
	return prober_transmit(p, probe, message, w.len);
}

static enum send_result
dns_send(struct prober *p, struct ask *ask)
{
	struct probe *probe = &ask->probe;
	enum link_error error;

	probe->ask = ask;
	error = dns_udp_transmit(p, probe);
	if (error == LINK_RETRY)
		return SEND_LATER;
	if (error != LINK_OK) {
		prober_unsent(p, ask, error);
		return SEND_OVER;
	}
	ask->record->t =
	    wall_add(p->start_wall, mono_since(probe->sent, p->start));
	outstanding_add(&p->outstanding, probe, PATIENCE_ANSWER);
	return SEND_DONE;
}

static void
keep_raw(struct record_dns *dns, const struct reply *reply)
{
	size_t len =
	    reply->len < LIMIT_RAW_REPLY ? reply->len : LIMIT_RAW_REPLY;

	memcpy(dns->raw, reply->bytes, len);
	dns->raw_len = (uint16_t)len;
}

static void
fill_record(struct record_dns *dns, const struct dns_reply *reply, size_t size)
{
	size_t i;

	dns->rcode = reply->rcode;
	dns->nsid = reply->nsid;
	dns->nsid_len = reply->nsid_len;
	dns->answer_count = reply->answer_kept;
	for (i = 0; i < reply->answer_kept; i++)
		dns->answer[i] = reply->answer[i];
	dns->serial = reply->serial;
	dns->tc = reply->tc;
	dns->aa = reply->aa;
	dns->edns = reply->edns;
	dns->size = (int32_t)size;
}

static void
take_error(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	char reason[LIMIT_REASON];

	(void)text_print(reason, sizeof(reason), "icmp %d/%d", reply->icmp_type,
	    reply->icmp_code);
	ask->record->auth_bits = reply->auth_bits;
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(p, ask,
	    reply_is_refusal(reply) ? OUTCOME_REFUSED : OUTCOME_UNREACHABLE,
	    reason);
}

/* An unparseable reply is kept, and the wait goes on: a good one wins. */
static void
take_malformed(struct ask *ask, const struct reply *reply, const char *fault)
{
	struct record *r = ask->record;

	if (r->reason[0] == '\0') {
		(void)text_print(
		    r->reason, sizeof(r->reason), "malformed %s", fault);
		keep_raw(&r->dns, reply);
	}
}

static void
dns_take(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct record *r = ask->record;
	struct dns_reply message;
	const char *fault;

	if (reply->kind == REPLY_ERROR) {
		take_error(p, probe, reply);
		return;
	}
	if (dns_reply_parse(&message, reply->bytes, reply->len,
		&ask->question->dns, &fault) != PARSE_OK) {
		take_malformed(ask, reply, fault);
		return;
	}
	fill_record(&r->dns, &message, reply->len);
	r->dns.raw_len = 0;
	r->reason[0] = '\0';
	r->rtt_us = prober_rtt_us(p, probe, reply->arrival, &r->stamp);
	r->reply_ttl = reply->arrival->ttl;
	r->auth_bits = reply->auth_bits;
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(
	    p, ask, OUTCOME_ANSWERED, reply->weak ? "header only" : NULL);
}

static bool
same_bytes(const struct record_bytes *a, const struct record_bytes *b)
{
	return a->present == b->present && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* A second reply with another name, rcode or answer: the first bytes of it
 * are kept. Who injects answers first. */
static bool
dns_differs(const struct ask *ask, const struct reply *reply)
{
	struct record_dns *dns = &ask->record->dns;
	struct dns_reply other;
	const char *fault;
	size_t i;
	bool same;

	if (reply->kind != REPLY_DNS ||
	    ask->record->outcome != OUTCOME_ANSWERED)
		return false;
	same = dns_reply_parse(&other, reply->bytes, reply->len,
		   &ask->question->dns, &fault) == PARSE_OK &&
	       other.rcode == dns->rcode &&
	       same_bytes(&other.nsid, &dns->nsid) &&
	       other.answer_kept == dns->answer_count;
	for (i = 0; same && i < dns->answer_count; i++)
		same = same_bytes(&other.answer[i], &dns->answer[i]);
	if (!same && dns->raw_len == 0)
		keep_raw(dns, reply);
	return !same;
}

static void
dns_expire(struct prober *p, struct probe *probe)
{
	struct ask *ask = probe->ask;

	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(p, ask,
	    ask->record->dns.raw_len != 0 ? OUTCOME_MALFORMED : OUTCOME_TIMEOUT,
	    NULL);
}

const struct method method_dns_udp = {
	.type = RECORD_DNS,
	.send = dns_send,
	.take = dns_take,
	.differs = dns_differs,
	.expire = dns_expire,
};
