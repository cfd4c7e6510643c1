/*
 * DNS over TCP (RFC 7766): one connection for one sample, opened without TCP
 * Fast Open, and reset when the sample is over. To connect and to answer are
 * timed apart; one deadline, from the first packet on, is over both, whatever
 * drips in meanwhile.
 */
#include "probe/prober.h"

#include <stdlib.h>
#include <string.h>

#include "lib/dns_stream.h"
#include "lib/text.h"

/* Since when, and what has come. */
struct stream {
	struct mono began;
	struct dns_stream in;
};

static void
stream_free(struct ask *ask)
{
	if (ask->sample->stream == NULL)
		return;
	dns_stream_free(&ask->sample->stream->in);
	free(ask->sample->stream);
	ask->sample->stream = NULL;
}

static int
stream_new(struct ask *ask, struct mono began)
{
	if ((ask->sample->stream = calloc(1, sizeof(*ask->sample->stream))) ==
	    NULL)
		return -1;
	ask->sample->stream->began = began;
	if (dns_stream_init(&ask->sample->stream->in) == 0)
		return 0;
	stream_free(ask);
	return -1;
}

/* The flow is free for the next sample from here on. */
static void
hang_up(struct prober *p, struct ask *ask)
{
	outstanding_close(
	    &p->outstanding, &ask->sample->probe, PATIENCE_ANSWER);
	flow_close(ask->flow, p->link);
	stream_free(ask);
}

static void
finish(
    struct prober *p, struct ask *ask, enum outcome outcome, const char *reason)
{
	hang_up(p, ask);
	prober_finish(p, ask, outcome, reason);
}

/* The flow has just been opened at probe->sent. */
static enum send_result
tcp_send(struct prober *p, struct ask *ask)
{
	struct probe *probe = &ask->sample->probe;

	p->sent++;
	probe->ask = ask;
	prober_departed(p, ask, probe->sent);
	if (stream_new(ask, probe->sent) == -1) {
		flow_close(ask->flow, p->link);
		prober_unsent(p, ask, LINK_RETRY);
		return SEND_OVER;
	}
	prober_charge(p, ask, PROBER_TCP_PACKETS - 1);
	outstanding_add(&p->outstanding, probe, PATIENCE_ANSWER);
	return SEND_DONE;
}

/* The query, or what it was; nothing written where it cannot be. */
static void
write_query(struct prober *p, struct probe *probe, struct writer *w)
{
	struct dns_query query;
	struct link_sent sent;

	if (p->link->replay != NULL) {
		if (dns_recall(p, probe, &sent) == LINK_OK)
			writer_bytes(w, sent.bytes, sent.len);
		else
			w->failed = true;
		return;
	}
	dns_draw(p, probe);
	dns_query_of(probe, &query);
	dns_query_write(w, &query);
}

/* The length and the message in one write, as RFC 7766 section 8 wants it. */
static void
connected(struct prober *p, struct probe *probe, const struct arrival *arrival)
{
	struct ask *ask = probe->ask;
	uint8_t message[512];
	struct writer w = writer_over(message, sizeof(message));

	prober_record(p, ask)->dns.connect_us =
	    span_to_us(mono_since(arrival->user, ask->sample->stream->began));
	writer_u16(&w, 0);
	write_query(p, probe, &w);
	if (!writer_failed(&w)) {
		struct writer head = writer_over(message, 2);

		writer_u16(&head, (uint16_t)(w.len - 2));
		if (prober_transmit(p, probe, message, w.len) == LINK_OK)
			return;
	}
	finish(p, ask, OUTCOME_REFUSED, "reset");
}

/* What is left of a stream that holds no whole message. */
static void
take_end(struct prober *p, struct ask *ask, const char *how)
{
	struct record *r = prober_record(p, ask);
	const uint8_t *rest;
	size_t len;

	rest = dns_stream_rest(&ask->sample->stream->in, &len);
	if (r->dns.raw_len == 0 && len > 2) {
		dns_keep_raw(&r->dns, &rest[2], len - 2);
		(void)text_copy(r->reason, sizeof(r->reason), "malformed end");
	}
	if (r->dns.raw_len != 0)
		finish(p, ask, OUTCOME_MALFORMED, NULL);
	else
		finish(p, ask, OUTCOME_REFUSED, how);
}

/* A whole message: true where it ended the ask. */
static bool
take_message(struct prober *p, struct probe *probe, struct reply *reply)
{
	struct ask *ask = probe->ask;

	if (!dns_matches(probe, reply)) {
		prober_unwanted(p, ask);
		return false;
	}
	if (!dns_answer(p, probe, reply))
		return false;
	hang_up(p, ask);
	return true;
}

static void
take_bytes(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct dns_stream *in = &ask->sample->stream->in;
	struct reply message = *reply;

	if (reply->arrival->len == 0) {
		take_end(p, ask, "closed");
		return;
	}
	if (dns_stream_put(in, reply->arrival->bytes, reply->arrival->len) ==
	    -1) {
		finish(p, ask, OUTCOME_MALFORMED, "no memory");
		return;
	}
	message.kind = REPLY_DNS;
	message.auth_bits = AUTH_PORT + AUTH_SEQ + AUTH_DNS_ID;
	while (dns_stream_next(in, &message.bytes, &message.len)) {
		if (take_message(p, probe, &message))
			return;
	}
	if (in->over)
		finish(p, ask, OUTCOME_TIMEOUT, "answer not among 1 MiB");
}

static void
tcp_take(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;

	if (reply->kind == REPLY_ERROR) {
		dns_error(p, probe, reply);
		hang_up(p, ask);
		return;
	}
	switch (reply->arrival->kind) {
	case ARRIVAL_CONNECTED:
		connected(p, probe, reply->arrival);
		break;
	case ARRIVAL_STREAM:
		take_bytes(p, probe, reply);
		break;
	default:
		if (reply->arrival->error == LINK_REFUSED)
			take_end(p, ask, "reset");
		else if (reply->arrival->error == LINK_NO_ROUTE)
			finish(p, ask, OUTCOME_UNREACHABLE, "no route");
		else
			finish(p, ask, OUTCOME_TIMEOUT, "connection lost");
		break;
	}
}

static void
tcp_expire(struct prober *p, struct probe *probe)
{
	struct ask *ask = probe->ask;
	const struct record *r = prober_record(p, ask);
	size_t begun;

	(void)dns_stream_rest(&ask->sample->stream->in, &begun);
	finish(p, ask,
	    r->dns.raw_len != 0 ? OUTCOME_MALFORMED : OUTCOME_TIMEOUT,
	    begun > 0 && r->reason[0] == '\0' ? "answer not whole" : NULL);
}

const struct method method_dns_tcp = {
	.type = RECORD_DNS,
	.send = tcp_send,
	.take = tcp_take,
	.expire = tcp_expire,
	.forget = stream_free,
};
