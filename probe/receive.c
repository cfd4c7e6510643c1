#include "probe/prober.h"

#include <netinet/in.h>
#include <string.h>

#include "lib/dns.h"
#include "lib/limits.h"

/* The format of records ends there, too. */
static void
count(uint32_t *counter)
{
	if (*counter < LIMIT_UNWANTED)
		(*counter)++;
}

/* Foreign packets are counted on the question that they came in beside. */
static void
count_unwanted(struct prober *p, struct flow *flow)
{
	struct probe *probe;

	p->unwanted++;
	p->strange = true;
	if (flow == NULL)
		return;
	TAILQ_FOREACH(probe, &flow->probes, by_flow)
	{
		if (probe->open)
			break;
	}
	if (probe == NULL)
		probe = TAILQ_LAST(&flow->probes, probe_list);
	if (probe != NULL)
		count(&probe->ask->sample->unwanted);
}

/* A further reply to a probe that is no longer open. */
static void
count_surplus(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct sample *sample = ask->sample;

	if (ask->state != ASK_DONE || probe->beyond)
		return;
	if (sample->outcome == OUTCOME_TIMEOUT) {
		count(&sample->late);
		return;
	}
	p->strange = true;
	count(&sample->dup);
	if (ask->method->differs != NULL && ask->method->differs(p, ask, reply))
		count(&sample->conflict);
}

bool
reply_is_about_size(const struct reply *reply)
{
	if (reply->kind != REPLY_ERROR)
		return false;
	if (reply->arrival->af == 4)
		return (reply->icmp_type == ICMP4_UNREACHABLE &&
			   reply->icmp_code == 4) ||
		       (reply->icmp_type == ICMP4_TIME_EXCEEDED &&
			   reply->icmp_code == 1);
	return reply->icmp_type == ICMP6_TOO_BIG ||
	       (reply->icmp_type == ICMP6_TIME_EXCEEDED &&
		   reply->icmp_code == 1);
}

bool
reply_is_refusal(const struct reply *reply)
{
	if (reply->kind != REPLY_ERROR)
		return false;
	return reply->arrival->af == 4
		   ? reply->icmp_type == ICMP4_UNREACHABLE &&
			 reply->icmp_code == 3
		   : reply->icmp_type == ICMP6_UNREACHABLE &&
			 reply->icmp_code == 4;
}

static void
hand_over(struct prober *p, struct probe *probe, const struct reply *reply)
{
	if (reply_is_about_size(reply))
		return;
	if (probe->open)
		probe->ask->method->take(p, probe, reply);
	else
		count_surplus(p, probe, reply);
}

/* --- datagrams --- */

static struct probe *
probe_of_message(struct flow *flow, struct reply *reply)
{
	struct probe *probe;

	/* The last one sent is the one that is awaited, most often. */
	TAILQ_FOREACH_REVERSE(probe, &flow->probes, probe_list, by_flow)
	{
		if (reply->len < 2 ||
		    probe->id !=
			(uint16_t)(reply->bytes[0] << 8 | reply->bytes[1]))
			continue;
		if (dns_matches(probe, reply))
			return probe;
	}
	return NULL;
}

static void
receive_datagram(struct prober *p, const struct arrival *arrival)
{
	struct flow *flow = arrival->owner;
	struct reply reply = { .kind = REPLY_DNS,
		.arrival = arrival,
		.from = arrival->from,
		.bytes = arrival->bytes,
		.len = arrival->len,
		.auth_bits = AUTH_PORT + AUTH_DNS_ID };
	struct probe *probe = probe_of_message(flow, &reply);

	if (probe == NULL)
		count_unwanted(p, flow);
	else
		hand_over(p, probe, &reply);
}

/* --- ICMP --- */

static struct probe *
probe_by_id(const struct flow *flow, int32_t id)
{
	struct probe *probe;

	TAILQ_FOREACH(probe, &flow->probes, by_flow)
	{
		if (probe->id == id)
			return probe;
	}
	return NULL;
}

/* Eight bytes of a UDP header: the checksum tells the packets of a flow apart,
 * and where two of those asked for have the same it proves nothing. */
static struct probe *
probe_by_cksum(const struct flow *flow, int32_t cksum, bool open)
{
	struct probe *probe, *found = NULL;

	TAILQ_FOREACH(probe, &flow->probes, by_flow)
	{
		if (probe->cksum != cksum || probe->open != open)
			continue;
		if (found != NULL)
			return NULL;
		found = probe;
	}
	return found;
}

static void
receive_echo_reply(struct prober *p, const struct arrival *arrival,
    const struct icmp_message *icmp)
{
	struct reply reply = { .kind = REPLY_ECHO,
		.arrival = arrival,
		.from = arrival->from,
		.icmp = icmp,
		.auth_bits = AUTH_ECHO_ID + AUTH_TOKEN };
	struct flow *flow = arrival->owner;
	struct probe *probe;

	if (flow == NULL)
		flow = flow_find(p->flows, &arrival->from, PROTO_ICMP,
		    (uint16_t)icmp->id, -1);
	if (flow == NULL)
		return; /* of another program on this host */
	probe = probe_by_id(flow, icmp->seq);
	if (probe == NULL || !addr_equal(&arrival->from, &flow->peer->addr) ||
	    !echo_token_valid(p, probe, icmp->payload, icmp->payload_len))
		count_unwanted(p, flow);
	else
		hand_over(p, probe, &reply);
}

/* What a router pads its quote with (RFC 4884 section 5.5) is nothing of ours:
 * neither a DNS message nor an echo payload is all zeros. */
static bool
is_padding(const struct icmp_quote *quote)
{
	size_t i;

	for (i = 0; i < quote->payload_len; i++) {
		if (quote->payload[i] != 0)
			return false;
	}
	return true;
}

static struct probe *
probe_of_udp_quote(
    const struct flow *flow, const struct icmp_quote *quote, uint8_t *auth_bits)
{
	struct probe *probe;

	if (quote->payload_len >= 2 && !is_padding(quote)) {
		*auth_bits = AUTH_PORT + AUTH_DNS_ID;
		return probe_by_id(
		    flow, quote->payload[0] << 8 | quote->payload[1]);
	}
	*auth_bits = AUTH_PORT + AUTH_CKSUM;
	probe = probe_by_cksum(flow, quote->cksum, true);
	return probe != NULL ? probe
			     : probe_by_cksum(flow, quote->cksum, false);
}

static struct probe *
probe_of_echo_quote(const struct prober *p, const struct flow *flow,
    const struct icmp_quote *quote, uint8_t *auth_bits)
{
	struct probe *probe = probe_by_id(flow, quote->icmp_seq);

	*auth_bits = AUTH_ECHO_ID;
	if (probe == NULL || quote->payload_len < sizeof(uint64_t) ||
	    is_padding(quote))
		return probe;
	*auth_bits += AUTH_TOKEN;
	return echo_token_valid(p, probe, quote->payload, quote->payload_len)
		   ? probe
		   : NULL;
}

static struct flow *
flow_of_quote(const struct prober *p, const struct icmp_quote *quote)
{
	if (quote->protocol == IPPROTO_TCP)
		return NULL; /* the stream's own socket tells */
	if (quote->sport != -1)
		return flow_find(p->flows, &quote->dst, PROTO_UDP,
		    (uint16_t)quote->sport, quote->dport);
	if (quote->icmp_id != -1)
		return flow_find(p->flows, &quote->dst, PROTO_ICMP,
		    (uint16_t)quote->icmp_id, -1);
	return NULL;
}

static void
receive_quote(struct prober *p, const struct arrival *arrival,
    const struct icmp_message *icmp)
{
	const struct icmp_quote *quote = &icmp->quote;
	struct reply reply = { .kind = REPLY_ERROR,
		.arrival = arrival,
		.from = arrival->from,
		.icmp = icmp,
		.icmp_type = icmp->type,
		.icmp_code = icmp->code };
	struct flow *flow = quote->present ? flow_of_quote(p, quote) : NULL;
	struct probe *probe;

	if (flow == NULL)
		return; /* of another program on this host */
	probe = flow->proto == PROTO_UDP
		    ? probe_of_udp_quote(flow, quote, &reply.auth_bits)
		    : probe_of_echo_quote(p, flow, quote, &reply.auth_bits);
	if (probe == NULL)
		count_unwanted(p, flow);
	else
		hand_over(p, probe, &reply);
}

static void
receive_icmp(struct prober *p, const struct arrival *arrival)
{
	struct icmp_message icmp;

	if (icmp_read(&icmp, arrival->af, arrival->bytes, arrival->len) !=
	    PARSE_OK) {
		p->unwanted++;
		return;
	}
	if (icmp_is_error(arrival->af, icmp.type))
		receive_quote(p, arrival, &icmp);
	else if (icmp.type ==
		 (arrival->af == 4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY))
		receive_echo_reply(p, arrival, &icmp);
}

/* --- streams --- */

/* One sample at a time: what happens to the stream happens to it. */
static void
receive_stream(struct prober *p, const struct arrival *arrival)
{
	struct flow *flow = arrival->owner;
	struct reply reply = { .kind = arrival->kind == ARRIVAL_ERROR
					   ? REPLY_ERROR
					   : REPLY_STREAM,
		.arrival = arrival,
		.from = arrival->from,
		.icmp_type = arrival->icmp_type,
		.icmp_code = arrival->icmp_code,
		.auth_bits = AUTH_PORT + AUTH_SEQ };
	struct probe *probe;

	TAILQ_FOREACH(probe, &flow->probes, by_flow)
	{
		if (probe->open)
			break;
	}
	if (probe == NULL)
		flow_close(flow, p->link);
	else
		hand_over(p, probe, &reply);
}

/* --- errors --- */

/* The error queue has matched the 5-tuple; the bytes are our own packet's,
 * behind the UDP header or from the ICMP header on. */
static void
receive_error(struct prober *p, const struct arrival *arrival)
{
	struct flow *flow = arrival->owner;
	struct reply reply = { .kind = REPLY_ERROR,
		.arrival = arrival,
		.from = arrival->from,
		.icmp_type = arrival->icmp_type,
		.icmp_code = arrival->icmp_code };
	struct cursor c = cursor_over(arrival->bytes, arrival->len);
	struct probe *probe;

	if (flow->proto == PROTO_TCP) {
		receive_stream(p, arrival);
		return;
	}
	if (flow->proto == PROTO_ICMP)
		cursor_skip(&c, 6);
	probe = probe_by_id(flow, cursor_u16(&c));
	reply.auth_bits =
	    flow->proto == PROTO_ICMP ? AUTH_ECHO_ID : AUTH_PORT + AUTH_DNS_ID;
	if (cursor_failed(&c) || probe == NULL)
		count_unwanted(p, flow);
	else
		hand_over(p, probe, &reply);
}

/* --- send stamps --- */

/* Where opening the flow did not tell it. */
static void
note_source(struct ask *ask, const struct addr *src)
{
	if (!addr_is_set(src))
		return;
	ask->flow->src = *src;
	ask->sample->src = *src;
}

static bool
is_stamp_of(const struct probe *probe, const struct arrival *arrival)
{
	return probe->linked &&
	       probe->ttl == (uint8_t)(arrival->cookie >> 16) &&
	       probe->id == (uint16_t)arrival->cookie;
}

static void
note_stamp(struct prober *p, const struct arrival *arrival)
{
	struct ask *ask = prober_ask(p, (uint32_t)(arrival->cookie >> 32));
	struct probe *probe;

	if (ask == NULL || ask->sample == NULL)
		return;
	probe = &ask->sample->probe;
	if (!is_stamp_of(probe, arrival)) {
		TAILQ_FOREACH(probe, &ask->flow->probes, by_flow)
		{
			if (probe->ask == ask && is_stamp_of(probe, arrival))
				break;
		}
	}
	if (probe == NULL)
		return;
	probe->sent_kernel = arrival->kernel;
	note_source(ask, &arrival->from);
}

void
prober_receive(struct prober *p, const struct arrival *arrival)
{
	switch (arrival->kind) {
	case ARRIVAL_STAMP:
		note_stamp(p, arrival);
		break;
	case ARRIVAL_UDP:
		receive_datagram(p, arrival);
		break;
	case ARRIVAL_ICMP:
		receive_icmp(p, arrival);
		break;
	case ARRIVAL_ERROR:
		receive_error(p, arrival);
		break;
	case ARRIVAL_CONNECTED:
	case ARRIVAL_STREAM:
	case ARRIVAL_BROKEN:
		receive_stream(p, arrival);
		break;
	}
}
