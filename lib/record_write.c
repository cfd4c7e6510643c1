/*
 * A record as JSON. Written by hand, straight into the buffer: a round of
 * 10,000 addresses must not spend its time in allocations.
 */
#include "lib/record.h"

#include <string.h>
#include "lib/dns.h"
#include "lib/json_out.h"
#include "lib/record_json.h"
#include "lib/text.h"

struct mnemonic {
	uint16_t number;
	const char *name;
};

static const struct mnemonic qtypes[] = {
	{ DNS_TYPE_SOA, "SOA" },
	{ DNS_TYPE_TXT, "TXT" },
	{ DNS_TYPE_A, "A" },
	{ DNS_TYPE_AAAA, "AAAA" },
	{ DNS_TYPE_NS, "NS" },
	{ DNS_TYPE_CNAME, "CNAME" },
	{ 12, "PTR" },
	{ 15, "MX" },
	{ 33, "SRV" },
	{ 43, "DS" },
	{ 48, "DNSKEY" },
	{ 64, "SVCB" },
	{ 65, "HTTPS" },
	{ 257, "CAA" },
	{ 0, NULL },
};

static const struct mnemonic qclasses[] = {
	{ DNS_CLASS_IN, "IN" },
	{ DNS_CLASS_CH, "CH" },
	{ 0, NULL },
};

static const char *
mnemonic_name(const struct mnemonic *m, uint16_t number)
{
	for (; m->name != NULL; m++) {
		if (m->number == number)
			return m->name;
	}
	return NULL;
}

static void
mnemonic_format(char text[RECORD_MNEMONIC], const struct mnemonic *table,
    const char *generic, uint16_t number)
{
	const char *name = mnemonic_name(table, number);

	if (name != NULL)
		(void)text_copy(text, RECORD_MNEMONIC, name);
	else
		(void)text_print(
		    text, RECORD_MNEMONIC, "%s%u", generic, number);
}

static int
mnemonic_parse(const struct mnemonic *table, const char *generic,
    const char *text, uint16_t *number)
{
	size_t prefix = strlen(generic);
	int64_t value;

	for (const struct mnemonic *m = table; m->name != NULL; m++) {
		if (strcmp(text, m->name) == 0) {
			*number = m->number;
			return 0;
		}
	}
	/* "TYPE6", "TYPE07" and "TYPE+7" would be second spellings. */
	if (strncmp(text, generic, prefix) != 0 || text[prefix] == '+' ||
	    (text[prefix] == '0' && text[prefix + 1] != '\0') ||
	    text_int(&value, text + prefix, 0, UINT16_MAX) == -1 ||
	    mnemonic_name(table, (uint16_t)value) != NULL)
		return -1;
	*number = (uint16_t)value;
	return 0;
}

static inline void
put_int(struct json_out *out, const char *key, int64_t value)
{
	json_out_key(out, key);
	json_out_int_or_null(out, value);
}

static inline void
put_text(struct json_out *out, const char *key, const char *value)
{
	json_out_key(out, key);
	json_out_text_or_null(out, value);
}

static inline void
put_word(struct json_out *out, const char *key, const char *value)
{
	json_out_key(out, key);
	json_out_word_or_null(out, value);
}

/* Counters stop instead of growing past what the reader takes. */
static inline void
put_counter(struct json_out *out, const char *key, uint32_t value)
{
	put_int(out, key, value > LIMIT_UNWANTED ? LIMIT_UNWANTED : value);
}

/* -1 is unknown: null. */
static inline void
put_flag(struct json_out *out, const char *key, int value)
{
	json_out_key(out, key);
	if (value < 0)
		json_out_null(out);
	else
		json_out_bool(out, value != 0);
}

static inline void
put_addr(struct json_out *out, const char *key, const struct addr *addr)
{
	json_out_key(out, key);
	json_out_addr(out, addr);
}

void
record_put_flow_more(struct json_out *out, const struct record_flow *flow)
{
	if (flow->moved)
		put_flag(out, "moved", 1);
	if (flow->dscp > 0)
		put_int(out, "dscp", flow->dscp);
	if (flow->interface[0] != '\0')
		put_text(out, "interface", flow->interface);
}

static void
put_flow(struct json_out *out, const struct record *record)
{
	const struct record_flow *flow = &record->flow;

	json_out_key(out, "flow");
	json_out_open(out, '{');
	put_int(out, "n", flow->n);
	put_addr(out, "src", &flow->src);
	if (record->proto == PROTO_ICMP) {
		put_int(out, "icmp_id", flow->icmp_id);
		put_int(out, "cksum", flow->cksum);
	} else {
		put_int(out, "sport", flow->sport);
		put_int(out, "dport", flow->dport);
	}
	put_int(out, "label", flow->label);
	record_put_flow_more(out, flow);
	json_out_close(out, '}');
}

static void
put_common(struct json_out *out, const struct record *record)
{
	bool answered = record->outcome == OUTCOME_ANSWERED;

	json_out_key(out, "t");
	json_out_time(out, record->t);
	put_word(out, "type", record_type_name(record->type));
	put_text(out, "target", record->target);
	put_addr(out, "addr", &record->addr);
	put_int(out, "port", record->port);
	put_int(out, "af", record->addr.af == 0 ? -1 : record->addr.af);
	put_word(out, "proto", proto_name(record->proto));
	put_text(out, "question", record->question);
	put_flow(out, record);
	put_word(out, "outcome", outcome_name(record->outcome));
	put_text(out, "reason", record->reason);
	put_int(out, "rtt_us", answered ? record->rtt_us : -1);
	put_word(out, "stamp", stamp_name(record->stamp));
	put_int(out, "reply_ttl", record->reply_ttl);
	put_int(out, "auth_bits", record->auth_bits);
	put_counter(out, "late", record->late);
	put_counter(out, "dup", record->dup);
	put_counter(out, "unwanted", record->unwanted);
	put_counter(out, "conflict", record->conflict);
	put_int(out, "retry_of", record->retry_of);
}

/* The text is for people; nsid_hex is what readers compare. */
void
record_put_nsid(struct json_out *out, const struct record_dns *dns)
{
	const struct record_bytes *nsid = &dns->nsid;

	json_out_key(out, "nsid");
	json_out_bytes(out, nsid->bytes, nsid->len);
	json_out_key(out, "nsid_hex");
	json_out_hex(out, nsid->bytes, nsid->len);
	if (dns->nsid_len > nsid->len)
		put_int(out, "nsid_len", dns->nsid_len);
}

static void
put_nsid(struct json_out *out, const struct record_dns *dns)
{
	if (dns->nsid.present) {
		record_put_nsid(out, dns);
		return;
	}
	json_out_key(out, "nsid");
	json_out_null(out);
	json_out_key(out, "nsid_hex");
	json_out_null(out);
}

void
record_put_answers(struct json_out *out, const struct record_dns *dns)
{
	json_out_key(out, "answer");
	json_out_open(out, '[');
	for (size_t i = 0; i < dns->answer_count; i++)
		json_out_bytes(out, dns->answer[i].bytes, dns->answer[i].len);
	json_out_close(out, ']');
}

static void
put_ede(struct json_out *out, const struct record_dns *dns)
{
	json_out_key(out, "ede");
	json_out_open(out, '[');
	for (size_t i = 0; i < dns->ede_count; i++) {
		json_out_open(out, '{');
		put_int(out, "code", dns->ede[i].code);
		json_out_key(out, "text");
		json_out_bytes(out, dns->ede[i].text, dns->ede[i].len);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

/* Keys that came later stand only where they say something. */
void
record_put_dns_more(struct json_out *out, const struct record_dns *dns)
{
	if (dns->ra >= 0)
		put_flag(out, "ra", dns->ra);
	if (dns->ad >= 0)
		put_flag(out, "ad", dns->ad);
	if (dns->cookie_len >= 0) {
		json_out_key(out, "cookie");
		json_out_hex(out, dns->cookie, (size_t)dns->cookie_len);
	}
	if (dns->ede_count > 0)
		put_ede(out, dns);
	if (dns->connect_us >= 0)
		put_int(out, "connect_us", dns->connect_us);
}

void
record_put_qtype(struct json_out *out, const struct record_dns *dns)
{
	char text[RECORD_MNEMONIC];

	record_qtype_format(text, dns->qtype);
	put_word(out, "qtype", text);
	record_qclass_format(text, dns->qclass);
	put_word(out, "qclass", text);
}

static void
put_dns(struct json_out *out, const struct record_dns *dns)
{
	put_text(out, "qname", dns->qname);
	record_put_qtype(out, dns);
	put_int(out, "rcode", dns->rcode);
	put_nsid(out, dns);
	record_put_answers(out, dns);
	put_int(out, "serial", dns->serial);
	put_flag(out, "tc", dns->tc);
	put_flag(out, "aa", dns->aa);
	put_int(out, "size", dns->size);
	put_flag(out, "edns", dns->edns);
	json_out_key(out, "raw");
	if (dns->raw_len > 0)
		json_out_hex(out, dns->raw, dns->raw_len);
	else
		json_out_null(out);
	record_put_dns_more(out, dns);
}

/* RFC 3032 section 2.1. */
static void
put_label(struct json_out *out, uint32_t entry)
{
	json_out_open(out, '{');
	put_int(out, "label", entry >> 12);
	put_int(out, "exp", entry >> 9 & 7);
	put_int(out, "s", entry >> 8 & 1);
	put_int(out, "ttl", entry & 255);
	json_out_close(out, '}');
}

void
record_put_mpls(struct json_out *out, const struct record_hop *hop)
{
	json_out_open(out, '[');
	for (size_t i = 0; i < hop->mpls_count; i++)
		put_label(out, hop->mpls[i]);
	json_out_close(out, ']');
}

void
record_icmp_format(char text[RECORD_ICMP], const struct record_hop *hop)
{
	text[0] = '\0';
	if (hop->icmp_type >= 0)
		(void)text_print(
		    text, RECORD_ICMP, "%d/%d", hop->icmp_type, hop->icmp_code);
}

static void
put_hop(struct json_out *out, const struct record_hop *hop)
{
	char icmp[RECORD_ICMP];

	record_icmp_format(icmp, hop);
	json_out_open(out, '{');
	put_int(out, "ttl", hop->ttl);
	put_addr(out, "addr", &hop->addr);
	put_int(out, "rtt_us", hop->rtt_us);
	put_text(out, "icmp", icmp);
	put_int(out, "quoted_ttl", hop->quoted_ttl);
	json_out_key(out, "mpls");
	if (hop->mpls_count > 0)
		record_put_mpls(out, hop);
	else
		json_out_null(out);
	put_int(out, "auth_bits", hop->auth_bits);
	if (hop_nat_name(hop->nat) != NULL)
		put_text(out, "nat", hop_nat_name(hop->nat));
	if (hop->shared)
		put_flag(out, "shared", 1);
	if (hop->asn > 0)
		put_int(out, "asn", hop->asn);
	json_out_close(out, '}');
}

void
record_qtype_format(char text[RECORD_MNEMONIC], uint16_t qtype)
{
	mnemonic_format(text, qtypes, "TYPE", qtype);
}

void
record_qclass_format(char text[RECORD_MNEMONIC], uint16_t qclass)
{
	mnemonic_format(text, qclasses, "CLASS", qclass);
}

int
record_qtype_parse(uint16_t *qtype, const char *text)
{
	return mnemonic_parse(qtypes, "TYPE", text, qtype);
}

int
record_qclass_parse(uint16_t *qclass, const char *text)
{
	return mnemonic_parse(qclasses, "CLASS", text, qclass);
}

size_t
record_to_json(const struct record *record, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);

	json_out_open(&out, '{');
	put_common(&out, record);
	if (record->type == RECORD_DNS)
		put_dns(&out, &record->dns);
	if (record->type == RECORD_TRACE) {
		json_out_key(&out, "hops");
		json_out_open(&out, '[');
		for (size_t i = 0; i < record->hop_count; i++)
			put_hop(&out, &record->hop[i]);
		json_out_close(&out, ']');
		if (record->dns.nsid.present)
			put_nsid(&out, &record->dns);
	}
	json_out_close(&out, '}');
	return json_out_end(&out);
}
