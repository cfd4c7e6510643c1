/*
 * A record's line in the one form that record_to_json writes: the keys in
 * their order, no space, plain numbers. Whatever is not that, wrong or only
 * unusual, is left to the JSON parser, which decides and has the words for
 * it; so what is taken here must be what that parser would have made of it.
 */
#include "lib/record_json.h"

#include <string.h>
#include "lib/escape.h"
#include "lib/json_out.h"
#include "lib/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DNS_RCODE_MAX 4095 /* RFC 6891 section 6.1.3 */
#define DIGITS_MAX 16      /* of the largest number: LIMIT_TIME_MAX_US */

/* The text that a string of the longest name can have, and a NUL. */
#define FORM_TEXT (4 * LIMIT_IDENTITY + 1)

struct scan {
	const char *p, *end;
	bool odd; /* and nothing moves any more */
};

/* --- pieces --- */

static bool
take(struct scan *s, const char *literal, size_t len)
{
	if (s->odd || (size_t)(s->end - s->p) < len ||
	    memcmp(s->p, literal, len) != 0)
		return false;
	s->p += len;
	return true;
}

#define TAKE(s, literal) take(s, literal, sizeof(literal) - 1)
#define NEED(s, literal) ((s)->odd = !TAKE(s, literal))
#define KEY(s, name) NEED(s, ",\"" name "\":")
#define FIRST_KEY(s, name) NEED(s, "{\"" name "\":")

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One number has one spelling: JSON knows no leading zeros, and a minus
 * stands before nothing that is in a range of ours. */
static int64_t
need_int(struct scan *s, int64_t min, int64_t max)
{
	const char *start = s->p;
	int64_t value = 0;

	while (!s->odd && s->p < s->end && is_digit(*s->p) &&
	       s->p - start < DIGITS_MAX)
		value = value * 10 + (*s->p++ - '0');
	if (s->p == start || (*start == '0' && s->p - start > 1) ||
	    value < min || value > max) {
		s->odd = true;
		return -1;
	}
	return value;
}

static int64_t
need_int_or_null(struct scan *s, int64_t min, int64_t max)
{
	return TAKE(s, "null") ? -1 : need_int(s, min, max);
}

static int
need_flag(struct scan *s)
{
	if (TAKE(s, "true"))
		return 1;
	if (TAKE(s, "false"))
		return 0;
	NEED(s, "null");
	return -1;
}

/* A string's characters and a NUL, at most size; how many. The escapes are
 * those that the writer uses. */
static size_t
need_string(struct scan *s, char *text, size_t size)
{
	size_t len = 0;

	NEED(s, "\"");
	while (!s->odd && s->p < s->end && *s->p != '"' && len + 1 < size) {
		char c = *s->p++;

		if (c == '\\' && s->p < s->end &&
		    (*s->p == '\\' || *s->p == '"'))
			c = *s->p++;
		else if (c == '\\' || c < 0x20 || c > 0x7e)
			s->odd = true;
		text[len++] = c;
	}
	text[len] = '\0';
	NEED(s, "\"");
	return len;
}

static void
need_text(struct scan *s, char *text, size_t size)
{
	if (need_string(s, text, size) == 0)
		s->odd = true;
}

static void
need_text_or_null(struct scan *s, char *text, size_t size)
{
	text[0] = '\0';
	if (!TAKE(s, "null"))
		need_text(s, text, size);
}

static int
need_name(struct scan *s, const char *const *names, size_t count)
{
	char text[16] = "";

	need_text_or_null(s, text, sizeof(text));
	for (size_t i = 0; i < count && !s->odd; i++) {
		if (strcmp(text, names[i] == NULL ? "" : names[i]) == 0)
			return (int)i;
	}
	s->odd = true;
	return 0;
}

static struct addr
need_addr(struct scan *s)
{
	struct addr addr = { 0 };
	char text[ADDR_TEXT];

	if (TAKE(s, "null"))
		return addr;
	need_text(s, text, sizeof(text));
	if (!s->odd && addr_parse(&addr, text) == -1)
		s->odd = true;
	return addr;
}

static struct wall
need_time(struct scan *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";
	struct wall t = { LIMIT_TIME_MIN_US * 1000 };
	char text[TIMES_TEXT];

	need_text(s, text, sizeof(text));
	for (size_t i = 0; i < sizeof(form) && !s->odd; i++)
		s->odd =
		    form[i] == 'd' ? !is_digit(text[i]) : text[i] != form[i];
	if (s->odd || wall_parse(&t, text) == -1 ||
	    wall_to_us(t) < LIMIT_TIME_MIN_US ||
	    wall_to_us(t) > LIMIT_TIME_MAX_US)
		s->odd = true;
	return t;
}

/* The bytes of a text form (escape.h); how many. */
static size_t
need_form(struct scan *s, uint8_t *bytes, size_t size)
{
	char text[FORM_TEXT];
	size_t len = need_string(s, text, sizeof(text));

	if (s->odd || escape_decode(bytes, size, &len, text) == -1)
		s->odd = true;
	return s->odd ? 0 : len;
}

static size_t
need_hex(struct scan *s, uint8_t *bytes, size_t size)
{
	char text[2 * LIMIT_IDENTITY + 1];
	size_t len = need_string(s, text, sizeof(text));

	if (s->odd || text_unhex(bytes, size, &len, text) == -1)
		s->odd = true;
	return s->odd ? 0 : len;
}

/* Is there another element of an array that has count? */
static bool
next_element(struct scan *s, size_t count, size_t max)
{
	if (TAKE(s, "]") || s->odd)
		return false;
	if (count > 0)
		NEED(s, ",");
	if (count == max)
		s->odd = true;
	return !s->odd;
}

/* --- what all types have --- */

static enum record_type
need_type(struct scan *s)
{
	const char *const names[] = { record_type_name(RECORD_DNS),
		record_type_name(RECORD_ECHO), record_type_name(RECORD_TRACE) };

	return (enum record_type)need_name(s, names, COUNT(names));
}

static enum proto
need_proto(struct scan *s)
{
	const char *const names[] = { proto_name(PROTO_UDP),
		proto_name(PROTO_TCP), proto_name(PROTO_ICMP) };

	return (enum proto)need_name(s, names, COUNT(names));
}

static enum outcome
need_outcome(struct scan *s)
{
	const char *names[OUTCOME_COUNT];

	for (int i = 0; i < OUTCOME_COUNT; i++)
		names[i] = outcome_name((enum outcome)i);
	return (enum outcome)need_name(s, names, COUNT(names));
}

static enum stamp_source
need_stamp(struct scan *s)
{
	const char *const names[] = { stamp_name(STAMP_NONE),
		stamp_name(STAMP_KERNEL), stamp_name(STAMP_USER) };

	return (enum stamp_source)need_name(s, names, COUNT(names));
}

static void
scan_flow(struct scan *s, enum proto proto, struct record_flow *flow)
{
	FIRST_KEY(s, "n");
	flow->n = (int)need_int(s, 0, LIMIT_FLOWS - 1);
	KEY(s, "src");
	flow->src = need_addr(s);
	if (proto == PROTO_ICMP) {
		KEY(s, "icmp_id");
		flow->icmp_id = (int32_t)need_int_or_null(s, 0, UINT16_MAX);
		KEY(s, "cksum");
		flow->cksum = (int32_t)need_int_or_null(s, 0, UINT16_MAX);
	} else {
		KEY(s, "sport");
		flow->sport = (int32_t)need_int_or_null(s, 0, UINT16_MAX);
		KEY(s, "dport");
		flow->dport = (int32_t)need_int_or_null(s, 0, UINT16_MAX);
	}
	KEY(s, "label");
	flow->label = (int32_t)need_int_or_null(s, 0, 0xfffff);
	flow->moved = TAKE(s, ",\"moved\":true");
	if (TAKE(s, ",\"dscp\":"))
		flow->dscp = (uint8_t)need_int(s, 0, RECORD_DSCP);
	if (TAKE(s, ",\"interface\":"))
		need_text(s, flow->interface, sizeof(flow->interface));
	NEED(s, "}");
}

/* What was asked of whom. */
static void
scan_question(struct scan *s, struct record *r)
{
	FIRST_KEY(s, "t");
	r->t = need_time(s);
	KEY(s, "type");
	r->type = need_type(s);
	KEY(s, "target");
	need_text(s, r->target, sizeof(r->target));
	KEY(s, "addr");
	r->addr = need_addr(s);
	KEY(s, "port");
	r->port = (int32_t)need_int_or_null(s, 0, UINT16_MAX);
	KEY(s, "af");
	if (need_int_or_null(s, 4, 6) !=
	    (addr_is_set(&r->addr) ? r->addr.af : -1))
		s->odd = true;
	KEY(s, "proto");
	r->proto = need_proto(s);
	KEY(s, "question");
	need_text(s, r->question, sizeof(r->question));
	KEY(s, "flow");
	scan_flow(s, r->proto, &r->flow);
}

/* What came of it. */
static void
scan_outcome(struct scan *s, struct record *r)
{
	KEY(s, "outcome");
	r->outcome = need_outcome(s);
	KEY(s, "reason");
	need_text_or_null(s, r->reason, sizeof(r->reason));
	KEY(s, "rtt_us");
	r->rtt_us = need_int_or_null(s, 0, LIMIT_RTT_US);
	if (r->rtt_us != -1 && r->outcome != OUTCOME_ANSWERED)
		s->odd = true;
	KEY(s, "stamp");
	r->stamp = need_stamp(s);
	KEY(s, "reply_ttl");
	r->reply_ttl = (int16_t)need_int_or_null(s, 0, UINT8_MAX);
	KEY(s, "auth_bits");
	r->auth_bits = (int16_t)need_int_or_null(s, 0, INT16_MAX);
	KEY(s, "late");
	r->late = (uint32_t)need_int(s, 0, LIMIT_UNWANTED);
	KEY(s, "dup");
	r->dup = (uint32_t)need_int(s, 0, LIMIT_UNWANTED);
	KEY(s, "unwanted");
	r->unwanted = (uint32_t)need_int(s, 0, LIMIT_UNWANTED);
	KEY(s, "conflict");
	r->conflict = (uint32_t)need_int(s, 0, LIMIT_UNWANTED);
	KEY(s, "retry_of");
	r->retry_of = (int32_t)need_int_or_null(s, 0, LIMIT_BATCH_RECORDS - 1);
}

/* --- DNS --- */

static void
scan_nsid(struct scan *s, struct record_dns *dns)
{
	uint8_t text[LIMIT_IDENTITY];
	size_t len = 0;
	bool has_text;

	KEY(s, "nsid");
	has_text = !TAKE(s, "null");
	if (has_text)
		len = need_form(s, text, sizeof(text));
	KEY(s, "nsid_hex");
	dns->nsid.present = !TAKE(s, "null");
	if (dns->nsid.present)
		dns->nsid.len = (uint16_t)need_hex(
		    s, dns->nsid.bytes, sizeof(dns->nsid.bytes));
	dns->nsid_len = dns->nsid.len;
	if (has_text != dns->nsid.present || len != dns->nsid.len ||
	    memcmp(text, dns->nsid.bytes, len) != 0)
		s->odd = true;
	if (TAKE(s, ",\"nsid_len\":"))
		dns->nsid_len =
		    (uint32_t)need_int(s, dns->nsid.len, UINT16_MAX);
}

static void
scan_answers(struct scan *s, struct record_dns *dns)
{
	KEY(s, "answer");
	NEED(s, "[");
	while (next_element(s, dns->answer_count, LIMIT_ANSWERS)) {
		struct record_bytes *answer = &dns->answer[dns->answer_count];

		answer->present = true;
		answer->len = (uint16_t)need_form(
		    s, answer->bytes, sizeof(answer->bytes));
		dns->answer_count++;
	}
}

static void
scan_ede(struct scan *s, struct record_dns *dns)
{
	NEED(s, "[");
	while (next_element(s, dns->ede_count, LIMIT_EDE)) {
		struct record_ede *ede = &dns->ede[dns->ede_count];

		FIRST_KEY(s, "code");
		ede->code = (uint16_t)need_int(s, 0, UINT16_MAX);
		KEY(s, "text");
		ede->len = (uint8_t)need_form(s, ede->text, sizeof(ede->text));
		NEED(s, "}");
		dns->ede_count++;
	}
}

/* Keys that older probes do not write. */
static void
scan_dns_more(struct scan *s, struct record_dns *dns)
{
	if (TAKE(s, ",\"ra\":"))
		dns->ra = (int8_t)need_flag(s);
	if (TAKE(s, ",\"ad\":"))
		dns->ad = (int8_t)need_flag(s);
	if (TAKE(s, ",\"cookie\":"))
		dns->cookie_len =
		    (int8_t)need_hex(s, dns->cookie, sizeof(dns->cookie));
	if (TAKE(s, ",\"ede\":"))
		scan_ede(s, dns);
	if (TAKE(s, ",\"connect_us\":"))
		dns->connect_us = need_int_or_null(s, 0, LIMIT_RTT_US);
}

static void
scan_dns_question(struct scan *s, struct record_dns *dns)
{
	char qtype[RECORD_MNEMONIC], qclass[RECORD_MNEMONIC];

	KEY(s, "qname");
	need_text(s, dns->qname, sizeof(dns->qname));
	KEY(s, "qtype");
	need_text(s, qtype, sizeof(qtype));
	KEY(s, "qclass");
	need_text(s, qclass, sizeof(qclass));
	if (s->odd || record_qtype_parse(&dns->qtype, qtype) == -1 ||
	    record_qclass_parse(&dns->qclass, qclass) == -1)
		s->odd = true;
}

static void
scan_dns(struct scan *s, struct record_dns *dns)
{
	scan_dns_question(s, dns);
	KEY(s, "rcode");
	dns->rcode = (int32_t)need_int_or_null(s, 0, DNS_RCODE_MAX);
	scan_nsid(s, dns);
	scan_answers(s, dns);
	KEY(s, "serial");
	dns->serial = need_int_or_null(s, 0, UINT32_MAX);
	KEY(s, "tc");
	dns->tc = (int8_t)need_flag(s);
	KEY(s, "aa");
	dns->aa = (int8_t)need_flag(s);
	KEY(s, "size");
	dns->size = (int32_t)need_int_or_null(s, 0, LIMIT_DNS_MESSAGE);
	KEY(s, "edns");
	dns->edns = (int8_t)need_flag(s);
	KEY(s, "raw");
	if (!TAKE(s, "null"))
		dns->raw_len =
		    (uint16_t)need_hex(s, dns->raw, sizeof(dns->raw));
	scan_dns_more(s, dns);
}

/* --- traces --- */

static uint32_t
scan_mpls_entry(struct scan *s)
{
	int64_t label, exp, bottom, ttl;

	FIRST_KEY(s, "label");
	label = need_int(s, 0, 0xfffff);
	KEY(s, "exp");
	exp = need_int(s, 0, 7);
	KEY(s, "s");
	bottom = need_int(s, 0, 1);
	KEY(s, "ttl");
	ttl = need_int(s, 0, UINT8_MAX);
	NEED(s, "}");
	if (s->odd)
		return 0;
	return (uint32_t)(label << 12 | exp << 9 | bottom << 8 | ttl);
}

static void
scan_icmp(struct scan *s, struct record_hop *hop)
{
	if (TAKE(s, "null"))
		return;
	NEED(s, "\"");
	hop->icmp_type = (int16_t)need_int(s, 0, UINT8_MAX);
	NEED(s, "/");
	hop->icmp_code = (int16_t)need_int(s, 0, UINT8_MAX);
	NEED(s, "\"");
}

static void
scan_nat(struct scan *s, struct record_hop *hop)
{
	const char *names[HOP_NAT_COUNT];
	enum hop_nat nat;

	for (nat = 0; nat < HOP_NAT_COUNT; nat++)
		names[nat] = hop_nat_name(nat);
	if (TAKE(s, ",\"nat\":"))
		hop->nat = (uint8_t)need_name(s, names, COUNT(names));
}

static void
scan_hop(struct scan *s, struct record_hop *hop)
{
	FIRST_KEY(s, "ttl");
	hop->ttl = (uint8_t)need_int(s, 1, UINT8_MAX);
	KEY(s, "addr");
	hop->addr = need_addr(s);
	KEY(s, "rtt_us");
	hop->rtt_us = need_int_or_null(s, 0, LIMIT_RTT_US);
	KEY(s, "icmp");
	scan_icmp(s, hop);
	KEY(s, "quoted_ttl");
	hop->quoted_ttl = (int16_t)need_int_or_null(s, 0, UINT8_MAX);
	KEY(s, "mpls");
	if (!TAKE(s, "null")) {
		NEED(s, "[");
		while (next_element(s, hop->mpls_count, LIMIT_MPLS))
			hop->mpls[hop->mpls_count++] = scan_mpls_entry(s);
	}
	KEY(s, "auth_bits");
	hop->auth_bits = (uint8_t)need_int(s, 0, UINT8_MAX);
	scan_nat(s, hop);
	hop->shared = TAKE(s, ",\"shared\":true");
	if (TAKE(s, ",\"asn\":"))
		hop->asn = (uint32_t)need_int(s, 0, UINT32_MAX);
	NEED(s, "}");
}

static void
scan_hops(struct scan *s, struct record *record)
{
	KEY(s, "hops");
	NEED(s, "[");
	while (next_element(s, record->hop_count, LIMIT_HOPS))
		scan_hop(s, &record->hop[record->hop_count++]);
	if (!s->odd && s->p < s->end && *s->p == ',')
		scan_nsid(s, &record->dns);
}

bool
record_scan(struct record *record, const char *json, size_t len)
{
	struct scan s = { .p = json, .end = json + len };

	record_init(record);
	if (len > LIMIT_RECORD_LINE)
		return false;
	scan_question(&s, record);
	scan_outcome(&s, record);
	if (record->type == RECORD_DNS)
		scan_dns(&s, &record->dns);
	if (record->type == RECORD_TRACE)
		scan_hops(&s, record);
	NEED(&s, "}");
	return !s.odd && s.p == s.end;
}
