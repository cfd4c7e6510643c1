#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/import_ripe_atlas_error.h"
#include "collector/import_ripe_atlas_result.h"
#include "collector/import_ripe_atlas_values.h"
#include "lib/addr.h"
#include "lib/base64.h"
#include "lib/dns.h"
#include "lib/text.h"
#include "lib/times.h"

#define PORT_DNS 53

/* One answer of a result: the result itself, or an element of resultset. */
struct answer {
	const json_t *object;
	const json_t *reply; /* "result", or NULL */
	uint8_t *packet;     /* decoded abuf, or NULL */
	size_t packet_len;
};

/* The question section of a reply or of the query that qbuf keeps. */
static bool
question_of_message(
    struct dns_question *asked, const uint8_t *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);
	uint16_t count;

	cursor_skip(&c, 4);
	count = cursor_u16(&c);
	cursor_seek(&c, DNS_HEADER_LEN);
	return !cursor_failed(&c) && count == 1 &&
	       dns_question_read(asked, &c) == PARSE_OK;
}

static bool
find_question(struct dns_question *asked, const struct answer *answer)
{
	const char *qbuf = atlas_text(answer->object, "qbuf");
	uint8_t *bytes;
	size_t len;
	bool found;

	if (answer->packet != NULL &&
	    question_of_message(asked, answer->packet, answer->packet_len))
		return true;
	if (*qbuf == '\0')
		qbuf = atlas_text(answer->reply, "qbuf");
	if ((bytes = base64_decode(qbuf, &len)) == NULL)
		return false;
	found = question_of_message(asked, bytes, len);
	free(bytes);
	return found;
}

static void
set_malformed(
    struct record *record, const struct answer *answer, const char *fault)
{
	struct record_dns *dns = &record->dns;

	record->outcome = OUTCOME_MALFORMED;
	(void)text_print(
	    record->reason, sizeof(record->reason), "dns %s", fault);
	dns->raw_len =
	    (uint16_t)(answer->packet_len < LIMIT_RAW_REPLY ? answer->packet_len
							    : LIMIT_RAW_REPLY);
	memcpy(dns->raw, answer->packet, dns->raw_len);
}

static void
set_rtt(struct record *record, const json_t *reply)
{
	record->rtt_us = atlas_rtt_us(reply, "rt");
	if (record->rtt_us != -1)
		record->stamp = STAMP_USER;
}

static void
packet_read(struct record *record, const struct answer *answer)
{
	struct dns_question asked = { 0 };
	struct atlas_question q = { 0 };
	struct dns_reply reply;
	const char *fault;
	enum parse_result parsed;

	if (find_question(&asked, answer)) {
		atlas_question_of_dns(&q, &asked);
		atlas_question_to_record(record, &q);
	}
	if (answer->packet == NULL)
		return;
	parsed = dns_reply_parse(
	    &reply, answer->packet, answer->packet_len, &asked, &fault);
	dns_reply_keep(&record->dns, &reply, answer->packet_len);
	record->auth_bits = 0; /* what the probe checked it does not say */
	if (parsed == PARSE_OK && !reply.qr)
		fault = "header";
	if (fault != NULL) {
		set_malformed(record, answer, fault);
		return;
	}
	record->outcome = OUTCOME_ANSWERED;
	set_rtt(record, answer->reply);
}

/* A key of an answer, or of the result around it. */
static const json_t *
get_either(
    const struct atlas_reading *r, const struct answer *answer, const char *key)
{
	const json_t *value = json_object_get(answer->object, key);

	return value != NULL ? value : json_object_get(r->object, key);
}

static void
address_read(struct record *record, const struct atlas_reading *r,
    const struct answer *answer)
{
	const char *dst = json_string_value(get_either(r, answer, "dst_addr"));
	const char *src = json_string_value(get_either(r, answer, "src_addr"));
	const char *proto = json_string_value(get_either(r, answer, "proto"));
	int64_t port = atlas_int(answer->object, "dst_port",
	    atlas_int(r->object, "dst_port", PORT_DNS));

	if (dst != NULL)
		(void)addr_parse(&record->addr, dst);
	if (src != NULL)
		(void)addr_parse(&record->flow.src, src);
	record->proto = proto != NULL && strcasecmp(proto, "tcp") == 0
			    ? PROTO_TCP
			    : PROTO_UDP;
	record->port =
	    port > 0 && port <= UINT16_MAX ? (int32_t)port : PORT_DNS;
	record->flow.dport = record->port;
}

/* When it was asked: an answer's own time, where it has one that belongs to
 * the result's batch. */
static int64_t
answer_time(const struct atlas_reading *r, const struct answer *answer)
{
	int64_t start = r->result->time_s;
	int64_t time_s = atlas_int(answer->object, "time", start);

	return time_s >= start && time_s - start < LIMIT_BATCH_SPAN_S ? time_s
								      : start;
}

/* All that makes the record goes into the digest, and nothing else: a later
 * download may have keys that this one has not. */
static void
digest_answer(const struct atlas_reading *r, const struct record *record,
    const struct answer *answer)
{
	char dst[ADDR_TEXT], src[ADDR_TEXT];

	(void)fprintf(r->digest, "%lld %s %s %s %d %d %lld %s %s %s\n",
	    (long long)record->t.ns, addr_format(dst, &record->addr),
	    addr_format(src, &record->flow.src), proto_name(record->proto),
	    record->port, (int)record->outcome, (long long)record->rtt_us,
	    record->reason, atlas_text(answer->reply, "abuf"),
	    atlas_text(answer->object, "qbuf"));
}

static enum atlas_fault
answer_fill(
    struct record *record, const struct atlas_reading *r, struct answer *answer)
{
	const json_t *error = json_object_get(answer->object, "error");
	const char *abuf = atlas_text(answer->reply, "abuf");

	if (*abuf == '\0' && error == NULL)
		return ATLAS_NO_ANSWER;
	record_init(record);
	record->type = RECORD_DNS;
	record->t = wall_from_us(answer_time(r, answer) * 1000000);
	address_read(record, r, answer);
	if (*abuf != '\0' &&
	    (answer->packet = base64_decode(abuf, &answer->packet_len)) == NULL)
		return ATLAS_BAD_ABUF;
	if (answer->packet == NULL)
		atlas_error_of_dns(record, error);
	packet_read(record, answer);
	digest_answer(r, record, answer);
	return ATLAS_OK;
}

static void
answer_read(struct atlas_reading *r, const json_t *object)
{
	struct atlas_result *result = r->result;
	struct answer answer = { .object = object,
		.reply = json_object_get(object, "result") };
	enum atlas_fault fault;

	fault = answer_fill(&result->records[result->count], r, &answer);
	if (fault == ATLAS_OK)
		result->count++;
	else
		result->unread[fault]++;
	free(answer.packet);
}

enum atlas_fault
atlas_dns_read(struct atlas_reading *r)
{
	const json_t *set = json_object_get(r->object, "resultset");
	size_t i;

	if (!json_is_array(set)) {
		answer_read(r, r->object);
		return ATLAS_OK;
	}
	if (json_array_size(set) > LIMIT_ATLAS_ANSWERS)
		return ATLAS_TOO_MANY;
	for (i = 0; i < json_array_size(set); i++)
		answer_read(r, json_array_get(set, i));
	return ATLAS_OK;
}
