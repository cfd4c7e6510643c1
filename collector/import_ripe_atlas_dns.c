#include "collector/import_ripe_atlas_dns.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/addr.h"
#include "lib/dns.h"
#include "lib/text.h"
#include "lib/times.h"

#define PORT_DNS 53
#define SUBIDS 100 /* number = time * SUBIDS + subid */

/* One answer of a result: the result itself, or an element of resultset. */
struct answer {
	const json_t *object;
	const json_t *reply; /* "result", or NULL */
	uint8_t *packet;     /* decoded abuf, or NULL */
	size_t packet_len;
};

/* A result being read: what is believed of it goes into the digest. */
struct reading {
	struct atlas_result *result;
	const json_t *object;
	FILE *digest;
};

const char *
atlas_fault_name(enum atlas_fault fault)
{
	static const char *const names[] = {
		"read",
		"not a JSON object",
		"longer than a result can be",
		"not of type dns",
		"no probe, measurement or time",
		"more answers than a result can have",
		"no abuf and no error",
		"abuf is no base64",
	};

	return names[fault];
}

/* --- values --- */

static int64_t
get_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);
	int64_t number;

	if (json_is_integer(value))
		return json_integer_value(value);
	if (json_is_string(value) && text_int(&number, json_string_value(value),
					 INT32_MIN, INT64_MAX) == 0)
		return number;
	return otherwise;
}

static const char *
get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4. The caller frees; NULL where text is none or empty. */
static uint8_t *
base64_decode(const char *text, size_t *len)
{
	size_t size = strlen(text), i;
	uint32_t bits = 0;
	uint8_t *bytes;
	int digit;

	while (size > 0 && text[size - 1] == '=')
		size--;
	if (size == 0 || size % 4 == 1 || strlen(text) - size > 2 ||
	    (bytes = malloc(size)) == NULL)
		return NULL;
	*len = 0;
	for (i = 0; i < size; i++) {
		if ((digit = base64_digit(text[i])) == -1) {
			free(bytes);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			bytes[(*len)++] = (uint8_t)(bits >> (2 * (3 - i % 4)));
	}
	return bytes;
}

/* --- questions --- */

static const struct {
	uint16_t type;
	const char *name;
} type_names[] = {
	{ DNS_TYPE_A, "a" },
	{ DNS_TYPE_NS, "ns" },
	{ 5, "cname" },
	{ 12, "ptr" },
	{ 15, "mx" },
	{ DNS_TYPE_AAAA, "aaaa" },
	{ 33, "srv" },
	{ 43, "ds" },
	{ 46, "rrsig" },
	{ 47, "nsec" },
	{ 48, "dnskey" },
	{ 255, "any" },
};

/* "example.com/a": what is neither SOA nor TXT names no instance, but is a
 * lane of its own. */
static void
name_question(struct atlas_question *q, const char *name)
{
	const char *class = q->qclass == DNS_CLASS_CH ? "/ch" : "";
	size_t i;

	if (q->qtype == DNS_TYPE_TXT) {
		(void)text_print(q->name, sizeof(q->name), "%s", name);
		return;
	}
	if (q->qtype == DNS_TYPE_SOA && q->qclass == DNS_CLASS_IN) {
		(void)text_copy(q->name, sizeof(q->name), "soa");
		return;
	}
	for (i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		if (type_names[i].type != q->qtype)
			continue;
		(void)text_print(q->name, sizeof(q->name), "%.200s%s/%s", name,
		    class, type_names[i].name);
		return;
	}
	(void)text_print(
	    q->name, sizeof(q->name), "%.200s%s/type%u", name, class, q->qtype);
}

/* Lower case, without the final dot. */
static void
plain_name(char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	for (; *name != '\0'; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
}

static void
question_from_dns(struct atlas_question *q, const struct dns_question *asked)
{
	char name[LIMIT_DNS_NAME_TEXT];

	q->qtype = asked->type;
	q->qclass = asked->class;
	dns_name_to_text(name, sizeof(name), &asked->name);
	(void)text_print(q->qname, sizeof(q->qname), "%s", name);
	plain_name(name);
	name_question(q, name);
}

int
atlas_question_parse(struct atlas_question *q, const char *text)
{
	static const char *const chaos[] = { "hostname.bind", "id.server",
		"version.bind", "version.server" };
	struct dns_question asked = { .type = DNS_TYPE_TXT,
		.class = DNS_CLASS_IN };
	size_t i;

	*q = (struct atlas_question){ 0 };
	if (strcasecmp(text, "soa") == 0) {
		asked.type = DNS_TYPE_SOA;
		text = ".";
	}
	for (i = 0; i < sizeof(chaos) / sizeof(chaos[0]); i++)
		if (strcasecmp(text, chaos[i]) == 0)
			asked.class = DNS_CLASS_CH;
	if (dns_name_from_text(&asked.name, text) == -1)
		return -1;
	question_from_dns(q, &asked);
	return 0;
}

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
	const char *qbuf = get_text(answer->object, "qbuf");
	uint8_t *bytes;
	size_t len;
	bool found;

	if (answer->packet != NULL &&
	    question_of_message(asked, answer->packet, answer->packet_len))
		return true;
	if (*qbuf == '\0')
		qbuf = get_text(answer->reply, "qbuf");
	if ((bytes = base64_decode(qbuf, &len)) == NULL)
		return false;
	found = question_of_message(asked, bytes, len);
	free(bytes);
	return found;
}

static void
set_question(struct record *record, const struct atlas_question *q)
{
	(void)text_copy(record->question, sizeof(record->question), q->name);
	(void)text_copy(record->dns.qname, sizeof(record->dns.qname), q->qname);
	record->dns.qtype = q->qtype;
	record->dns.qclass = q->qclass;
}

static void
question_of_record(struct atlas_question *q, const struct record *record)
{
	*q = (struct atlas_question){ .qtype = record->dns.qtype,
		.qclass = record->dns.qclass };
	(void)text_copy(q->name, sizeof(q->name), record->question);
	(void)text_copy(q->qname, sizeof(q->qname), record->dns.qname);
}

void
atlas_result_question(
    const struct atlas_result *result, struct atlas_question *q)
{
	size_t i;

	*q = (struct atlas_question){ 0 };
	for (i = 0; i < result->count; i++) {
		if (result->records[i].question[0] == '\0')
			continue;
		if (q->name[0] == '\0') {
			question_of_record(q, &result->records[i]);
		} else if (strcmp(q->name, result->records[i].question) != 0) {
			*q = (struct atlas_question){ 0 };
			return;
		}
	}
}

void
atlas_result_set_question(
    struct atlas_result *result, const struct atlas_question *q)
{
	size_t i;

	for (i = 0; i < result->count; i++)
		if (result->records[i].question[0] == '\0')
			set_question(&result->records[i], q);
}

/* --- errors that a probe reports --- */

/* How the error's text, a strerror() of the probe, tells what happened. */
static const struct {
	const char *part;
	enum outcome outcome;
} error_texts[] = {
	{ "efused", OUTCOME_REFUSED },
	{ "imed out", OUTCOME_TIMEOUT },
	{ "imeout", OUTCOME_TIMEOUT },
	{ "reset", OUTCOME_REFUSED },
	{ "No route", OUTCOME_UNREACHABLE },
	{ "unreachable", OUTCOME_UNREACHABLE },
};

/* How the error's key does, where the text does not. Keys that are not here
 * are loss: only what surely never left the probe is unsent. */
static const struct {
	const char *key;
	enum outcome outcome;
} error_keys[] = {
	{ "timeout", OUTCOME_TIMEOUT },
	{ "getaddrinfo", OUTCOME_UNSENT },
	{ "namelookup", OUTCOME_UNSENT },
	{ "nameserver", OUTCOME_UNSENT },
	{ "socket", OUTCOME_UNSENT },
	{ "bind", OUTCOME_UNSENT },
	{ "senderror", OUTCOME_UNSENT },
	{ "sendto", OUTCOME_UNSENT },
	{ "idle", OUTCOME_TIMEOUT },
};

static bool
outcome_of_text(struct record *record, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++) {
		if (strstr(text, error_texts[i].part) == NULL)
			continue;
		record->outcome = error_texts[i].outcome;
		return true;
	}
	return false;
}

static bool
outcome_of_key(struct record *record, const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(error_keys) / sizeof(error_keys[0]); i++) {
		if (strcasecmp(key, error_keys[i].key) != 0)
			continue;
		record->outcome = error_keys[i].outcome;
		return true;
	}
	return false;
}

/* "KEY: TEXT" in printable ASCII. */
static void
error_reason(struct record *record, const char *key, const char *text)
{
	char *p = record->reason;

	(void)text_print(p, sizeof(record->reason), "%s%s%s", key,
	    *text == '\0' ? "" : ": ", text);
	for (; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void
error_read(struct record *record, const json_t *error)
{
	json_t *object = json_is_object(error)
			     ? json_incref((json_t *)(uintptr_t)error)
			     : json_pack("{s:O}", "error", error);
	const char *key = json_object_iter_key(json_object_iter(object));
	const char *text = get_text(object, key == NULL ? "" : key);

	record->outcome = OUTCOME_UNREACHABLE;
	if (key == NULL)
		key = "error";
	if (!outcome_of_key(record, key) || record->outcome == OUTCOME_UNSENT)
		(void)outcome_of_text(record, text);
	if (strcasecmp(key, "timeout") != 0)
		error_reason(record, key, text);
	json_decref(object);
}

/* --- answers --- */

static void
fill_reply(struct record *record, const struct dns_reply *reply, size_t size)
{
	struct record_dns *dns = &record->dns;
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
	record->auth_bits = 0; /* what the probe checked it does not say */
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
	const json_t *rt = json_object_get(reply, "rt");
	double us = json_number_value(rt) * 1000;

	if (!json_is_number(rt) || us < 0 || us > (double)LIMIT_RTT_US)
		return;
	record->rtt_us = llround(us);
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
		question_from_dns(&q, &asked);
		set_question(record, &q);
	}
	if (answer->packet == NULL)
		return;
	parsed = dns_reply_parse(
	    &reply, answer->packet, answer->packet_len, &asked, &fault);
	fill_reply(record, &reply, answer->packet_len);
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
    const struct reading *r, const struct answer *answer, const char *key)
{
	const json_t *value = json_object_get(answer->object, key);

	return value != NULL ? value : json_object_get(r->object, key);
}

static void
address_read(
    struct record *record, const struct reading *r, const struct answer *answer)
{
	const char *dst = json_string_value(get_either(r, answer, "dst_addr"));
	const char *src = json_string_value(get_either(r, answer, "src_addr"));
	const char *proto = json_string_value(get_either(r, answer, "proto"));
	int64_t port = get_int(answer->object, "dst_port",
	    get_int(r->object, "dst_port", PORT_DNS));

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
answer_time(const struct reading *r, const struct answer *answer)
{
	int64_t start = r->result->time_s;
	int64_t time_s = get_int(answer->object, "time", start);

	return time_s >= start && time_s - start < LIMIT_BATCH_SPAN_S ? time_s
								      : start;
}

/* All that makes the record goes into the digest, and nothing else: a later
 * download may have keys that this one has not. */
static void
digest_answer(const struct reading *r, const struct record *record,
    const struct answer *answer)
{
	char dst[ADDR_TEXT], src[ADDR_TEXT];

	(void)fprintf(r->digest, "%lld %s %s %s %d %d %lld %s %s %s\n",
	    (long long)record->t.ns, addr_format(dst, &record->addr),
	    addr_format(src, &record->flow.src), proto_name(record->proto),
	    record->port, (int)record->outcome, (long long)record->rtt_us,
	    record->reason, get_text(answer->reply, "abuf"),
	    get_text(answer->object, "qbuf"));
}

static enum atlas_fault
answer_fill(
    struct record *record, const struct reading *r, struct answer *answer)
{
	const json_t *error = json_object_get(answer->object, "error");
	const char *abuf = get_text(answer->reply, "abuf");

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
		error_read(record, error);
	packet_read(record, answer);
	digest_answer(r, record, answer);
	return ATLAS_OK;
}

static void
answer_read(struct reading *r, const json_t *object)
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

static enum atlas_fault
ids_read(struct reading *r)
{
	struct atlas_result *result = r->result;
	const char *type =
	    json_string_value(json_object_get(r->object, "type"));
	int64_t subid = get_int(r->object, "subid", 0);

	if (type != NULL && strcmp(type, "dns") != 0)
		return ATLAS_OTHER_TYPE;
	result->probe = get_int(r->object, "prb_id", -1);
	result->measurement = get_int(r->object, "msm_id", -1);
	result->time_s = get_int(r->object, "timestamp", -1);
	if (result->probe < 0 || result->probe > UINT32_MAX ||
	    result->measurement < 0 || result->measurement > UINT32_MAX ||
	    result->time_s < LIMIT_TIME_MIN_US / 1000000 ||
	    result->time_s > LIMIT_TIME_MAX_US / 1000000 - LIMIT_BATCH_SPAN_S)
		return ATLAS_NO_IDS;
	/* Old firmware wrote a result for each of its resolvers, all of one
	 * time, instead of a resultset. */
	if (subid < 0 || subid >= SUBIDS)
		subid = 0;
	result->number = result->time_s * SUBIDS + subid;
	return ATLAS_OK;
}

static enum atlas_fault
answers_read(struct reading *r)
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

enum atlas_fault
atlas_result_read(struct atlas_result *result, const json_t *object)
{
	struct reading r = { .result = result, .object = object };
	char *text = NULL;
	size_t len = 0;
	enum atlas_fault fault;

	result->count = 0;
	memset(result->unread, 0, sizeof(result->unread));
	if (!json_is_object(object))
		return ATLAS_NOT_JSON;
	if ((fault = ids_read(&r)) != ATLAS_OK)
		return fault;
	if ((r.digest = open_memstream(&text, &len)) == NULL)
		return ATLAS_TOO_LONG;
	fault = answers_read(&r);
	if (fclose(r.digest) != 0 || text == NULL)
		fault = ATLAS_TOO_LONG;
	if (fault == ATLAS_OK)
		sha256(result->sha256, text, len);
	free(text);
	return fault;
}
