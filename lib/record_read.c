/*
 * A record from JSON: the closed list of keys of acrecord(5), each checked,
 * unknown ones ignored.
 */
#include "lib/record.h"

#include <jansson.h>
#include <string.h>
#include "lib/escape.h"
#include "lib/json_in.h"
#include "lib/record_json.h"
#include "lib/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DNS_RCODE_MAX 4095 /* RFC 6891 section 6.1.3 */

static enum record_type
read_type(const struct json_in *in)
{
	const char *const names[] = { record_type_name(RECORD_DNS),
		record_type_name(RECORD_ECHO), record_type_name(RECORD_TRACE) };

	return (enum record_type)json_in_name(in, "type", names, COUNT(names));
}

static enum proto
read_proto(const struct json_in *in)
{
	const char *const names[] = { proto_name(PROTO_UDP),
		proto_name(PROTO_TCP), proto_name(PROTO_ICMP) };

	return (enum proto)json_in_name(in, "proto", names, COUNT(names));
}

static enum outcome
read_outcome(const struct json_in *in)
{
	const char *names[OUTCOME_COUNT];

	for (int i = 0; i < OUTCOME_COUNT; i++)
		names[i] = outcome_name((enum outcome)i);
	return (enum outcome)json_in_name(in, "outcome", names, COUNT(names));
}

static enum stamp_source
read_stamp(const struct json_in *in)
{
	const char *const names[] = { stamp_name(STAMP_NONE),
		stamp_name(STAMP_KERNEL), stamp_name(STAMP_USER) };

	return (enum stamp_source)json_in_name(
	    in, "stamp", names, COUNT(names));
}

static uint32_t
read_counter(const struct json_in *in, const char *key)
{
	int64_t value = json_in_int(in, key, 0, LIMIT_UNWANTED);

	return value < 0 ? 0 : (uint32_t)value;
}

static int32_t
read_u16(const struct json_in *in, const char *key)
{
	return (int32_t)json_in_int_or_null(in, key, 0, UINT16_MAX);
}

static void
read_text_form(const struct json_in *in, const char *key, const json_t *value,
    struct record_bytes *bytes)
{
	size_t len = 0;

	if (!json_is_string(value)) {
		json_in_fail(in, key, "is no string");
		return;
	}
	if (escape_decode(bytes->bytes, sizeof(bytes->bytes), &len,
		json_string_value(value)) == -1)
		json_in_fail(in, key, "is no text form or too long");
	bytes->present = true;
	bytes->len = (uint16_t)len;
}

/* Hex or null; *len 0 where null. */
static void
read_hex(const struct json_in *in, const char *key, uint8_t *bytes, size_t size,
    uint16_t *len)
{
	const json_t *value = json_in_value(in, key, true);
	size_t count = 0;

	*len = 0;
	if (value == NULL || json_is_null(value))
		return;
	if (!json_is_string(value))
		json_in_fail(in, key, "is no string");
	else if (text_unhex(bytes, size, &count, json_string_value(value)) ==
		 -1)
		json_in_fail(in, key, "is no hex or too long");
	*len = (uint16_t)count;
}

static void
read_flow(
    const struct json_in *record, enum proto proto, struct record_flow *flow)
{
	const json_t *object = json_in_value(record, "flow", true);
	struct json_in in = json_in_inside(record, object);

	if (object == NULL)
		return;
	if (!json_is_object(object)) {
		json_in_fail(record, "flow", "is no object");
		return;
	}
	flow->n = (int)json_in_int(&in, "n", 0, LIMIT_FLOWS - 1);
	flow->src = json_in_addr(&in, "src");
	if (proto == PROTO_ICMP) {
		flow->icmp_id = read_u16(&in, "icmp_id");
		flow->cksum = read_u16(&in, "cksum");
	} else {
		flow->sport = read_u16(&in, "sport");
		flow->dport = read_u16(&in, "dport");
	}
	flow->label = (int32_t)json_in_int_or_null(&in, "label", 0, 0xfffff);
	if (json_in_value(&in, "moved", false) != NULL)
		flow->moved = json_in_flag(&in, "moved") == 1;
	if (json_in_value(&in, "dscp", false) != NULL)
		flow->dscp = (uint8_t)json_in_int(&in, "dscp", 0, RECORD_DSCP);
	if (json_in_value(&in, "interface", false) != NULL)
		json_in_text_or_null(
		    &in, "interface", flow->interface, sizeof(flow->interface));
}

static void
read_addr(const struct json_in *in, struct record *record)
{
	int64_t af;

	record->addr = json_in_addr(in, "addr");
	af = json_in_int_or_null(in, "af", 4, 6);
	if ((af == -1 ? 0 : af) != record->addr.af)
		json_in_fail(in, "af", "is not the address's");
}

static void
read_common(const struct json_in *in, struct record *record)
{
	record->t = json_in_time(in, "t");
	record->type = read_type(in);
	json_in_text(in, "target", record->target, sizeof(record->target));
	read_addr(in, record);
	record->port = read_u16(in, "port");
	record->proto = read_proto(in);
	json_in_text(
	    in, "question", record->question, sizeof(record->question));
	read_flow(in, record->proto, &record->flow);
	record->outcome = read_outcome(in);
	json_in_text_or_null(
	    in, "reason", record->reason, sizeof(record->reason));
	record->rtt_us = json_in_int_or_null(in, "rtt_us", 0, LIMIT_RTT_US);
	if (record->rtt_us != -1 && record->outcome != OUTCOME_ANSWERED)
		json_in_fail(in, "rtt_us", "stands without an answer");
	record->stamp = read_stamp(in);
	record->reply_ttl =
	    (int16_t)json_in_int_or_null(in, "reply_ttl", 0, UINT8_MAX);
	record->auth_bits =
	    (int16_t)json_in_int_or_null(in, "auth_bits", 0, INT16_MAX);
	record->late = read_counter(in, "late");
	record->dup = read_counter(in, "dup");
	record->unwanted = read_counter(in, "unwanted");
	record->conflict = read_counter(in, "conflict");
	record->retry_of = (int32_t)json_in_int_or_null(
	    in, "retry_of", 0, LIMIT_BATCH_RECORDS - 1);
}

/* nsid_hex decides; a text that says something else would show people
 * another name than programs compare. */
static void
read_nsid(const struct json_in *in, struct record_dns *dns)
{
	struct record_bytes text = { 0 };
	const json_t *nsid = json_in_value(in, "nsid", true);
	const json_t *hex = json_in_value(in, "nsid_hex", true);

	read_hex(in, "nsid_hex", dns->nsid.bytes, sizeof(dns->nsid.bytes),
	    &dns->nsid.len);
	dns->nsid.present = hex != NULL && !json_is_null(hex);
	dns->nsid_len = dns->nsid.len;
	if (nsid != NULL && !json_is_null(nsid))
		read_text_form(in, "nsid", nsid, &text);
	if (text.present != dns->nsid.present || text.len != dns->nsid.len ||
	    memcmp(text.bytes, dns->nsid.bytes, text.len) != 0)
		json_in_fail(in, "nsid", "is not what nsid_hex says");
	if (json_in_value(in, "nsid_len", false) != NULL)
		dns->nsid_len = (uint32_t)json_in_int(
		    in, "nsid_len", dns->nsid.len, UINT16_MAX);
}

static void
read_answers(const struct json_in *in, struct record_dns *dns)
{
	const json_t *array = json_in_value(in, "answer", true);

	if (array == NULL)
		return;
	if (!json_is_array(array) || json_array_size(array) > LIMIT_ANSWERS) {
		json_in_fail(in, "answer", "is no array or too long");
		return;
	}
	dns->answer_count = (uint8_t)json_array_size(array);
	for (size_t i = 0; i < dns->answer_count; i++)
		read_text_form(
		    in, "answer", json_array_get(array, i), &dns->answer[i]);
}

static void
read_ede_entry(const struct json_in *in, struct record_ede *ede)
{
	const json_t *text = json_in_value(in, "text", true);
	int64_t code = json_in_int(in, "code", 0, UINT16_MAX);
	size_t len = 0;

	if (json_in_failed(in))
		return;
	ede->code = (uint16_t)code;
	if (!json_is_string(text) || escape_decode(ede->text, sizeof(ede->text),
					 &len, json_string_value(text)) == -1)
		json_in_fail(in, "text", "is no text form or too long");
	ede->len = (uint8_t)len;
}

static void
read_ede(const struct json_in *dns_in, struct record_dns *dns)
{
	const json_t *array = json_in_value(dns_in, "ede", false);

	if (array == NULL)
		return;
	if (!json_is_array(array) || json_array_size(array) > LIMIT_EDE) {
		json_in_fail(dns_in, "ede", "is no array or too long");
		return;
	}
	dns->ede_count = (uint8_t)json_array_size(array);
	for (size_t i = 0; i < dns->ede_count; i++) {
		struct json_in in =
		    json_in_inside(dns_in, json_array_get(array, i));

		read_ede_entry(&in, &dns->ede[i]);
	}
}

/* Keys that older probes do not write. */
static void
read_dns_more(const struct json_in *in, struct record_dns *dns)
{
	const json_t *cookie = json_in_value(in, "cookie", false);
	uint16_t len;

	if (json_in_value(in, "ra", false) != NULL)
		dns->ra = (int8_t)json_in_flag(in, "ra");
	if (json_in_value(in, "ad", false) != NULL)
		dns->ad = (int8_t)json_in_flag(in, "ad");
	if (cookie != NULL && !json_is_null(cookie)) {
		read_hex(in, "cookie", dns->cookie, sizeof(dns->cookie), &len);
		dns->cookie_len = (int8_t)len;
	}
	read_ede(in, dns);
	if (json_in_value(in, "connect_us", false) != NULL)
		dns->connect_us =
		    json_in_int_or_null(in, "connect_us", 0, LIMIT_RTT_US);
}

static void
read_dns(const struct json_in *in, struct record_dns *dns)
{
	char qtype[RECORD_MNEMONIC], qclass[RECORD_MNEMONIC];

	json_in_text(in, "qname", dns->qname, sizeof(dns->qname));
	json_in_text(in, "qtype", qtype, sizeof(qtype));
	if (record_qtype_parse(&dns->qtype, qtype) == -1)
		json_in_fail(in, "qtype", "is no DNS type");
	json_in_text(in, "qclass", qclass, sizeof(qclass));
	if (record_qclass_parse(&dns->qclass, qclass) == -1)
		json_in_fail(in, "qclass", "is no DNS class");
	dns->rcode =
	    (int32_t)json_in_int_or_null(in, "rcode", 0, DNS_RCODE_MAX);
	read_nsid(in, dns);
	read_answers(in, dns);
	dns->serial = json_in_int_or_null(in, "serial", 0, UINT32_MAX);
	dns->tc = (int8_t)json_in_flag(in, "tc");
	dns->aa = (int8_t)json_in_flag(in, "aa");
	dns->size =
	    (int32_t)json_in_int_or_null(in, "size", 0, LIMIT_DNS_MESSAGE);
	dns->edns = (int8_t)json_in_flag(in, "edns");
	read_hex(in, "raw", dns->raw, sizeof(dns->raw), &dns->raw_len);
	read_dns_more(in, dns);
}

static void
read_mpls_entry(const struct json_in *in, uint32_t *entry)
{
	int64_t label = json_in_int(in, "label", 0, 0xfffff);
	int64_t exp = json_in_int(in, "exp", 0, 7);
	int64_t bottom = json_in_int(in, "s", 0, 1);
	int64_t ttl = json_in_int(in, "ttl", 0, UINT8_MAX);

	if (!json_in_failed(in))
		*entry = (uint32_t)(label << 12 | exp << 9 | bottom << 8 | ttl);
}

static void
read_mpls(const struct json_in *hop_in, struct record_hop *hop)
{
	const json_t *array = json_in_value(hop_in, "mpls", true);

	if (array == NULL || json_is_null(array))
		return;
	if (!json_is_array(array) || json_array_size(array) > LIMIT_MPLS) {
		json_in_fail(hop_in, "mpls", "is no array or too long");
		return;
	}
	hop->mpls_count = (uint8_t)json_array_size(array);
	for (size_t i = 0; i < hop->mpls_count; i++) {
		struct json_in in =
		    json_in_inside(hop_in, json_array_get(array, i));

		read_mpls_entry(&in, &hop->mpls[i]);
	}
}

/* "TYPE/CODE" or null. */
static void
read_icmp(const struct json_in *in, struct record_hop *hop)
{
	char text[8], *slash;
	int64_t type, code;

	json_in_text_or_null(in, "icmp", text, sizeof(text));
	if (text[0] == '\0')
		return;
	if ((slash = strchr(text, '/')) == NULL) {
		json_in_fail(in, "icmp", "is not TYPE/CODE");
		return;
	}
	*slash = '\0';
	if (text_int(&type, text, 0, UINT8_MAX) == -1 ||
	    text_int(&code, slash + 1, 0, UINT8_MAX) == -1) {
		json_in_fail(in, "icmp", "is not TYPE/CODE");
		return;
	}
	hop->icmp_type = (int16_t)type;
	hop->icmp_code = (int16_t)code;
}

static void
read_nat(const struct json_in *in, struct record_hop *hop)
{
	char text[16];
	enum hop_nat nat;

	if (json_in_value(in, "nat", false) == NULL)
		return;
	json_in_text_or_null(in, "nat", text, sizeof(text));
	for (nat = HOP_NAT_CHECKSUM; nat < HOP_NAT_COUNT; nat++) {
		if (strcmp(text, hop_nat_name(nat)) == 0)
			hop->nat = (uint8_t)nat;
	}
	if (hop->nat == HOP_NAT_NONE && text[0] != '\0')
		json_in_fail(in, "nat", "is none of its words");
}

static void
read_hop(const struct json_in *in, struct record_hop *hop)
{
	hop->ttl = (uint8_t)json_in_int(in, "ttl", 1, UINT8_MAX);
	hop->addr = json_in_addr(in, "addr");
	hop->rtt_us = json_in_int_or_null(in, "rtt_us", 0, LIMIT_RTT_US);
	read_icmp(in, hop);
	hop->quoted_ttl =
	    (int16_t)json_in_int_or_null(in, "quoted_ttl", 0, UINT8_MAX);
	read_mpls(in, hop);
	hop->auth_bits = (uint8_t)json_in_int(in, "auth_bits", 0, UINT8_MAX);
	read_nat(in, hop);
	if (json_in_value(in, "shared", false) != NULL)
		hop->shared = json_in_flag(in, "shared") == 1;
	if (json_in_value(in, "asn", false) != NULL)
		hop->asn = (uint32_t)json_in_int(in, "asn", 0, UINT32_MAX);
}

static void
read_hops(const struct json_in *in, struct record *record)
{
	const json_t *array = json_in_value(in, "hops", true);

	if (array == NULL)
		return;
	if (!json_is_array(array) || json_array_size(array) > LIMIT_HOPS) {
		json_in_fail(in, "hops", "is no array or too long");
		return;
	}
	record->hop_count = (uint8_t)json_array_size(array);
	for (size_t i = 0; i < record->hop_count; i++) {
		struct json_in hop =
		    json_in_inside(in, json_array_get(array, i));

		read_hop(&hop, &record->hop[i]);
	}
}

int
record_parse(struct record *record, const char *json, size_t len, char *error,
    size_t error_size)
{
	bool failed = false;
	struct json_in in = {
		.error = error, .error_size = error_size, .failed = &failed
	};
	json_t *object;

	record_init(record);
	if (len > LIMIT_RECORD_LINE) {
		(void)text_print(error, error_size, "line too long");
		return -1;
	}
	if ((object = json_in_parse(json, len, error, error_size)) == NULL)
		return -1;
	in.object = object;
	read_common(&in, record);
	if (record->type == RECORD_DNS)
		read_dns(&in, &record->dns);
	if (record->type == RECORD_TRACE) {
		read_hops(&in, record);
		if (json_in_value(&in, "nsid_hex", false) != NULL)
			read_nsid(&in, &record->dns);
	}
	json_decref(object);
	return failed ? -1 : 0;
}

int
record_from_json(struct record *record, const char *json, size_t len,
    char *error, size_t error_size)
{
	if (record_scan(record, json, len))
		return 0;
	return record_parse(record, json, len, error, error_size);
}
