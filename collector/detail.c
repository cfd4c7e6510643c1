#include "collector/detail.h"

#include "lib/json_out.h"
#include "lib/record_json.h"

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
	record_put_flow_more(out, flow);
	json_out_close(out, '}');
}

static void
put_hop(struct json_out *out, const struct record_hop *hop)
{
	char icmp[RECORD_ICMP];

	record_icmp_format(icmp, hop);
	json_out_open(out, '{');
	put_known(out, "ttl", hop->ttl);
	put_addr(out, "addr", &hop->addr);
	put_text(out, "icmp", icmp);
	put_known(out, "quoted_ttl", hop->quoted_ttl);
	if (hop->mpls_count > 0) {
		json_out_key(out, "mpls");
		record_put_mpls(out, hop);
	}
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
	if (record->type == RECORD_DNS) {
		put_text(&out, "qname", record->dns.qname);
		record_put_qtype(&out, &record->dns);
	}
	json_out_close(&out, '}');
	return json_out_end(&out);
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
	if (dns->nsid.present)
		record_put_nsid(&out, dns);
	if (dns->answer_count > 0)
		record_put_answers(&out, dns);
	put_known(&out, "serial", dns->serial);
	put_flag(&out, "tc", dns->tc);
	put_flag(&out, "aa", dns->aa);
	put_flag(&out, "edns", dns->edns);
	record_put_dns_more(&out, dns);
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
