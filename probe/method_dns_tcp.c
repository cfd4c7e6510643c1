/*
 * DNS over TCP (RFC 7766): one connection for one sample, opened without TCP
 * Fast Open, and reset when the sample is over. To connect and to answer are
 * timed apart; one deadline, from the first packet on, is over both, whatever
 * drips in meanwhile.
 */
#include "probe/prober.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define STREAM_FIRST 1024 /* bytes of room; it grows with what came */
#define STREAM_MAX (2 + LIMIT_DNS_MESSAGE)
#define STREAM_TAKEN (1 << 20) /* of one that sends all but the answer */

/* What has come and was not read yet. */
struct stream {
	struct mono began;
	size_t len, size, taken;
	uint8_t *bytes;
};

static void
stream_free(struct ask *ask)
{
	if (ask->sample->stream == NULL)
		return;
	free(ask->sample->stream->bytes);
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
	ask->sample->stream->size = STREAM_FIRST;
	if ((ask->sample->stream->bytes = malloc(STREAM_FIRST)) != NULL)
		return 0;
	stream_free(ask);
	return -1;
}

/* As much as one message takes; 0, or -1 without memory. */
static int
stream_keep(struct stream *s, const uint8_t *bytes, size_t len)
{
	size_t size = s->size;
	uint8_t *grown;

	if (len > STREAM_MAX - s->len)
		len = STREAM_MAX - s->len;
	while (size < s->len + len)
		size *= 2;
	if (size > s->size) {
		if ((grown = realloc(s->bytes, size)) == NULL)
			return -1;
		s->bytes = grown;
		s->size = size;
	}
	if (len > 0)
		memcpy(&s->bytes[s->len], bytes, len);
	s->len += len;
	return 0;
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
	const struct stream *s = ask->sample->stream;
	struct record *r = prober_record(p, ask);

	if (r->dns.raw_len == 0 && s->len > 2) {
		dns_keep_raw(&r->dns, &s->bytes[2], s->len - 2);
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
	struct dns_query query;

	dns_query_of(probe, &query);
	switch (dns_reply_match(&query, reply->bytes, reply->len)) {
	case DNS_MATCH_NONE:
		prober_unwanted(p, ask);
		return false;
	case DNS_MATCH_HEADER:
		reply->weak = true;
		break;
	case DNS_MATCH_FULL:
		break;
	}
	if (!dns_answer(p, probe, reply))
		return false;
	hang_up(p, ask);
	return true;
}

/* The length of the message that begins there; false: it is not whole. */
static bool
whole_message(const struct stream *s, size_t at, size_t *len)
{
	struct cursor c = cursor_over(&s->bytes[at], s->len - at);

	*len = cursor_u16(&c);
	return !cursor_failed(&c) && s->len - at >= 2 + *len;
}

static void
take_bytes(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct stream *s = ask->sample->stream;
	struct reply message = *reply;
	size_t at = 0, len;

	if (reply->arrival->len == 0) {
		take_end(p, ask, "closed");
		return;
	}
	s->taken += reply->arrival->len;
	if (s->taken > STREAM_TAKEN) {
		finish(p, ask, OUTCOME_TIMEOUT, "answer not among 1 MiB");
		return;
	}
	if (stream_keep(s, reply->arrival->bytes, reply->arrival->len) == -1) {
		finish(p, ask, OUTCOME_MALFORMED, "no memory");
		return;
	}
	message.kind = REPLY_DNS;
	message.auth_bits = AUTH_PORT + AUTH_SEQ + AUTH_DNS_ID;
	for (; whole_message(s, at, &len); at += 2 + len) {
		message.bytes = &s->bytes[at + 2];
		message.len = len;
		if (take_message(p, probe, &message))
			return;
	}
	s->len -= at;
	memmove(s->bytes, &s->bytes[at], s->len);
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
	bool begun = ask->sample->stream->len > 0;
	const struct record *r = prober_record(p, ask);

	finish(p, ask,
	    r->dns.raw_len != 0 ? OUTCOME_MALFORMED : OUTCOME_TIMEOUT,
	    begun && r->reason[0] == '\0' ? "answer not whole" : NULL);
}

const struct method method_dns_tcp = {
	.type = RECORD_DNS,
	.send = tcp_send,
	.take = tcp_take,
	.expire = tcp_expire,
	.forget = stream_free,
};
