/* ICMP echo on an exact flow, with a token in the payload that proves that a
 * reply is ours. */
#include "probe/prober.h"

#include <string.h>

#include "lib/text.h"

#define ECHO_PAYLOAD \
	120 /* token and contact text; the tuning bytes come on top */

static uint64_t
echo_token(const struct prober *p, const struct probe *probe)
{
	const struct flow *flow = probe->ask->flow;
	uint8_t bytes[32];
	struct writer w = writer_over(bytes, sizeof(bytes));

	if (p->link->replay != NULL)
		return probe->mixed;
	writer_bytes(&w, "echo", 4);
	writer_bytes(&w, flow->peer->addr.bytes, 16);
	writer_u16(&w, flow->port);
	writer_u16(&w, probe->id);
	return keyed_hash(&p->run_key, bytes, w.len);
}

bool
echo_token_valid(const struct prober *p, const struct probe *probe,
    const uint8_t *payload, size_t len)
{
	uint64_t token = echo_token(p, probe);
	struct cursor c = cursor_over(payload, len);
	uint32_t high = cursor_u32(&c), low = cursor_u32(&c);

	return !cursor_failed(&c) && token == ((uint64_t)high << 32 | low);
}

/* The token is what the payload began with, whoever chose it. */
static enum link_error
play(struct prober *p, struct probe *probe)
{
	struct link_sent sent;
	enum link_error error = prober_recall(p, probe, &sent);
	struct cursor c;

	if (error != LINK_OK)
		return error;
	c = cursor_over(sent.bytes, sent.len);
	cursor_skip(&c, 6);
	probe->id = cursor_u16(&c);
	probe->cksum = sent.cksum;
	probe->mixed = (uint64_t)cursor_u32(&c) << 32;
	probe->mixed |= cursor_u32(&c);
	return prober_transmit(p, probe, sent.bytes, sent.len);
}

enum link_error
echo_transmit(struct prober *p, struct probe *probe)
{
	struct flow *flow = probe->ask->flow;
	uint8_t payload[ECHO_PAYLOAD], message[ECHO_PAYLOAD + 16];
	struct writer text = writer_over(payload, sizeof(payload));
	struct writer w = writer_over(message, sizeof(message));
	struct icmp_echo echo = { .af = flow->peer->addr.af,
		.id = flow->port,
		.cksum = flow->cksum,
		.src = &flow->src,
		.dst = &flow->peer->addr,
		.payload = payload };
	uint64_t token;

	if (p->link->replay != NULL)
		return play(p, probe);
	probe->id = echo.seq = ++flow->next_seq;
	probe->cksum = flow->cksum;
	token = echo_token(p, probe);
	writer_u32(&text, (uint32_t)(token >> 32));
	writer_u32(&text, (uint32_t)token);
	writer_bytes(&text, p->contact, strlen(p->contact));
	if ((text.len & 1) != 0)
		writer_u8(&text, ' ');
	echo.payload_len = text.len;
	icmp_echo_write(&w, &echo);
	if (writer_failed(&text) || writer_failed(&w))
		return LINK_FAILED;
	return prober_transmit(p, probe, message, w.len);
}

static enum send_result
echo_send(struct prober *p, struct ask *ask)
{
	return prober_send_one(p, ask, echo_transmit);
}

static void
echo_take(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct record *r = prober_record(p, ask);
	char reason[LIMIT_REASON];

	r->auth_bits = reply->auth_bits;
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	if (reply->kind == REPLY_ERROR) {
		(void)text_print(reason, sizeof(reason), "icmp %d/%d",
		    reply->icmp_type, reply->icmp_code);
		prober_finish(p, ask, OUTCOME_UNREACHABLE, reason);
		return;
	}
	r->rtt_us = prober_rtt_us(p, probe, reply->arrival, &r->stamp);
	r->reply_ttl = reply->arrival->ttl;
	prober_finish(p, ask, OUTCOME_ANSWERED, NULL);
}

static void
echo_expire(struct prober *p, struct probe *probe)
{
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(p, probe->ask, OUTCOME_TIMEOUT, NULL);
}

const struct method method_echo = {
	.type = RECORD_ECHO,
	.send = echo_send,
	.take = echo_take,
	.expire = echo_expire,
};
