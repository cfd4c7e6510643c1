#include "collector/detail.h"

#include "lib/json_out.h"
#include "lib/record_json.h"
#include "lib/text.h"

static void
put_int(struct json_out *out, const char *key, int64_t value)
{
	if (value <= 0)
		return;
	json_out_key(out, key);
	json_out_int(out, value);
}

/* -1 is unknown, and 0 says something. */
static void
put_known(struct json_out *out, const char *key, int64_t value)
{
	if (value < 0)
		return;
	json_out_key(out, key);
	json_out_int(out, value);
}

static void
put_text(struct json_out *out, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	json_out_key(out, key);
	json_out_text(out, value);
}

static void
put_flag(struct json_out *out, const char *key, int value)
{
	if (value < 0)
		return;
	json_out_key(out, key);
	json_out_bool(out, value != 0);
}

static void
put_addr(struct json_out *out, const char *key, const struct addr *addr)
{
	if (!addr_is_set(addr))
		return;
	json_out_key(out, key);
	json_out_addr(out, addr);
}

static void
put_flow(struct json_out *out, const struct record_flow *flow)
{
	json_out_key(out, "flow");
	json_out_open(out, '{');
	json_out_key(out, "n");
	json_out_int(out, flow->n);
	put_addr(out, "src", &flow->src);
	put_known(out, "sport", flow->sport);
	put_known(out, "dport", flow->dport);
	put_known(out, "icmp_id", flow->icmp_id);
	put_known(out, "cksum", flow->cksum);
	put_known(out, "label", flow->label);
	if (flow->moved)
		put_flag(out, "moved", 1);
	put_int(out, "dscp", flow->dscp);
	put_text(out, "interface", flow->interface);
	json_out_close(out, '}');
}

static void
put_question(struct json_out *out, const struct record_dns *dns)
{
	char text[RECORD_MNEMONIC];

	put_text(out, "qname", dns->qname);
	record_qtype_format(text, dns->qtype);
	put_text(out, "qtype", text);
	record_qclass_format(text, dns->qclass);
	put_text(out, "qclass", text);
}

static void
put_nsid(struct json_out *out, const struct record_dns *dns)
{
	const struct record_bytes *nsid = &dns->nsid;

	if (!nsid->present)
		return;
	json_out_key(out, "nsid");
	json_out_bytes(out, nsid->bytes, nsid->len);
	json_out_key(out, "nsid_hex");
	json_out_hex(out, nsid->bytes, nsid->len);
	if (dns->nsid_len > nsid->len)
		put_int(out, "nsid_len", dns->nsid_len);
}

static void
put_mpls(struct json_out *out, const struct record_hop *hop)
{
	if (hop->mpls_count == 0)
		return;
	json_out_key(out, "mpls");
	json_out_open(out, '[');
	for (size_t i = 0; i < hop->mpls_count; i++) {
		const uint32_t entry = hop->mpls[i];

		/* RFC 3032 section 2.1. */
		json_out_open(out, '{');
		put_known(out, "label", entry >> 12);
		put_known(out, "exp", entry >> 9 & 7);
		put_known(out, "s", entry >> 8 & 1);
		put_known(out, "ttl", entry & 255);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

static void
put_hop(struct json_out *out, const struct record_hop *hop)
{
	char icmp[16] = "";

	if (hop->icmp_type >= 0)
		(void)text_print(icmp, sizeof(icmp), "%d/%d", hop->icmp_type,
		    hop->icmp_code);
	json_out_open(out, '{');
	put_known(out, "ttl", hop->ttl);
	put_addr(out, "addr", &hop->addr);
	put_text(out, "icmp", icmp);
	put_known(out, "quoted_ttl", hop->quoted_ttl);
	put_mpls(out, hop);
	put_int(out, "auth_bits", hop->auth_bits);
	if (hop_nat_name(hop->nat) != NULL)
		put_text(out, "nat", hop_nat_name(hop->nat));
	json_out_close(out, '}');
}

size_t
detail_of_lane(const struct record *record, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);

	json_out_open(&out, '{');
	put_text(&out, "type", record_type_name(record->type));
	put_flow(&out, &record->flow);
	put_text(&out, "reason", record->reason);
	put_known(&out, "auth_bits", record->auth_bits);
	put_int(&out, "late", record->late);
	put_int(&out, "dup", record->dup);
	put_int(&out, "unwanted", record->unwanted);
	put_int(&out, "conflict", record->conflict);
	put_known(&out, "retry_of", record->retry_of);
	if (record->type == RECORD_DNS)
		put_question(&out, &record->dns);
	json_out_close(&out, '}');
	return json_out_end(&out);
}

static void
put_more(struct json_out *out, const struct record_dns *dns)
{
	put_flag(out, "ra", dns->ra);
	put_flag(out, "ad", dns->ad);
	if (dns->cookie_len >= 0) {
		json_out_key(out, "cookie");
		json_out_hex(out, dns->cookie, (size_t)dns->cookie_len);
	}
	if (dns->ede_count > 0) {
		json_out_key(out, "ede");
		json_out_open(out, '[');
		for (size_t i = 0; i < dns->ede_count; i++) {
			json_out_open(out, '{');
			put_known(out, "code", dns->ede[i].code);
			json_out_key(out, "text");
			json_out_bytes(out, dns->ede[i].text, dns->ede[i].len);
			json_out_close(out, '}');
		}
		json_out_close(out, ']');
	}
	put_known(out, "connect_us", dns->connect_us);
}

size_t
detail_of_reply(const struct record *record, char *text, size_t size)
{
	const struct record_dns *dns = &record->dns;
	struct json_out out = json_out_over(text, size);

	if (record->type == RECORD_ECHO ||
	    (!dns->nsid.present && dns->answer_count == 0 && dns->serial < 0 &&
		dns->tc < 0 && dns->aa < 0 && dns->edns < 0 &&
		dns->ede_count == 0 && dns->connect_us < 0))
		return 0;
	json_out_open(&out, '{');
	put_nsid(&out, dns);
	if (dns->answer_count > 0) {
		json_out_key(&out, "answer");
		json_out_open(&out, '[');
		for (size_t i = 0; i < dns->answer_count; i++)
			json_out_bytes(
			    &out, dns->answer[i].bytes, dns->answer[i].len);
		json_out_close(&out, ']');
	}
	put_known(&out, "serial", dns->serial);
	put_flag(&out, "tc", dns->tc);
	put_flag(&out, "aa", dns->aa);
	put_flag(&out, "edns", dns->edns);
	put_more(&out, dns);
	json_out_close(&out, '}');
	return json_out_end(&out);
}

size_t
detail_of_path(const struct record *record, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);

	if (record->type != RECORD_TRACE)
		return 0;
	json_out_open(&out, '[');
	for (size_t i = 0; i < record->hop_count; i++)
		put_hop(&out, &record->hop[i]);
	json_out_close(&out, ']');
	return json_out_end(&out);
}

size_t
detail_of_hop_times(const struct record *record, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);

	if (record->type != RECORD_TRACE)
		return 0;
	json_out_open(&out, '[');
	for (size_t i = 0; i < record->hop_count; i++)
		json_out_int_or_null(&out, record->hop[i].rtt_us);
	json_out_close(&out, ']');
	return json_out_end(&out);
}
