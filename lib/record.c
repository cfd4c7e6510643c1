#include "lib/record.h"

#include <string.h>
#include <strings.h>
#include "lib/dns.h"

static const char *const type_names[] = { "dns", "echo", "trace" };
static const char *const proto_names[] = { "udp", "tcp", "icmp" };
static const char *const outcome_names[] = { "answered", "refused",
	"unreachable", "timeout", "malformed", "unsent" };
static const char *const stamp_names[] = { NULL, "kernel", "user" };
static const char *const nat_names[] = { NULL, "checksum", "source", "target" };

/* TXT questions whose answer names no server. */
static bool
is_naming_question(const struct record *record)
{
	const char *name = record->question;

	if (record->type != RECORD_DNS || record->dns.qtype != DNS_TYPE_TXT)
		return false;
	return strncasecmp(name, "version.bind", strlen("version.bind")) != 0 &&
	       strncasecmp(name, "version.server", strlen("version.server")) !=
		   0;
}

static enum identity_method
naming_method(const char *question)
{
	if (strcasecmp(question, "hostname.bind") == 0)
		return IDENTITY_HOSTNAME_BIND;
	if (strcasecmp(question, "id.server") == 0)
		return IDENTITY_ID_SERVER;
	return IDENTITY_NAME;
}

static const struct record_bytes *
first_name(const struct record_dns *dns)
{
	for (size_t i = 0; i < dns->answer_count; i++) {
		if (dns->answer[i].len > 0)
			return &dns->answer[i];
	}
	return NULL;
}

void
record_init(struct record *record)
{
	memset(record, 0, sizeof(*record));
	record->port = -1;
	record->flow = (struct record_flow){ .sport = -1,
		.dport = -1,
		.icmp_id = -1,
		.cksum = -1,
		.label = -1 };
	record->rtt_us = -1;
	record->reply_ttl = -1;
	record->auth_bits = -1;
	record->retry_of = -1;
	record->dns.rcode = -1;
	record->dns.serial = -1;
	record->dns.tc = -1;
	record->dns.aa = -1;
	record->dns.edns = -1;
	record->dns.size = -1;
	record->dns.ra = -1;
	record->dns.ad = -1;
	record->dns.cookie_len = -1;
	record->dns.connect_us = -1;
	for (size_t i = 0; i < LIMIT_HOPS; i++) {
		record->hop[i].rtt_us = -1;
		record->hop[i].icmp_type = -1;
		record->hop[i].icmp_code = -1;
		record->hop[i].quoted_ttl = -1;
	}
}

const char *
record_type_name(enum record_type type)
{
	return type_names[type];
}

const char *
proto_name(enum proto proto)
{
	return proto_names[proto];
}

const char *
outcome_name(enum outcome outcome)
{
	return outcome_names[outcome];
}

const char *
stamp_name(enum stamp_source stamp)
{
	return stamp_names[stamp];
}

const char *
hop_nat_name(enum hop_nat nat)
{
	return nat < HOP_NAT_COUNT ? nat_names[nat] : NULL;
}

enum identity_method
record_identity(
    const struct record *record, const struct record_bytes **identity)
{
	*identity = NULL;
	if (record->outcome != OUTCOME_ANSWERED || record->type != RECORD_DNS)
		return IDENTITY_NONE;
	if (is_naming_question(record)) {
		*identity = first_name(&record->dns);
		if (*identity != NULL)
			return naming_method(record->question);
	}
	if (record->dns.nsid.present && record->dns.nsid.len > 0) {
		*identity = &record->dns.nsid;
		return IDENTITY_NSID;
	}
	return IDENTITY_NONE;
}

const char *
identity_method_name(enum identity_method method, const char *question)
{
	switch (method) {
	case IDENTITY_NONE:
		return "";
	case IDENTITY_NSID:
		return "nsid";
	case IDENTITY_HOSTNAME_BIND:
		return "hostname.bind";
	case IDENTITY_ID_SERVER:
		return "id.server";
	case IDENTITY_NAME:
		break;
	}
	return question;
}
