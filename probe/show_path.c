/* The path on the page of a look: who answers at each TTL, and what is odd
 * about it. Every foreign byte goes through escape_text. */
#include "probe/show_private.h"

#include <stdio.h>
#include <string.h>

#include "lib/escape.h"
#include "lib/icmp.h"

/* The latest hop before this one that is the same router; NULL: none. */
static const struct record_hop *
same_before(const struct record *trace, int index)
{
	const struct record_hop *hop = &trace->hop[index];
	int i;

	for (i = index - 1; i >= 0; i--) {
		if (addr_equal(&trace->hop[i].addr, &hop->addr))
			return &trace->hop[i];
	}
	return NULL;
}

/* The router before answers once more, or one that was left: the packets go
 * round. */
static void
show_again(const struct style *s, const struct record *trace, int index)
{
	const struct record_hop *before = same_before(trace, index);

	if (before == NULL)
		return;
	if (before == &trace->hop[index - 1])
		(void)printf("  again");
	else
		(void)printf(
		    "  %sloop%s: hop %d again", s->bad, s->end, before->ttl);
}

static void
show_nat(const struct record_hop *hop)
{
	static const char *const words[] = {
		[HOP_NAT_CHECKSUM] = "quotes another checksum",
		[HOP_NAT_SOURCE] = "quotes another source",
		[HOP_NAT_TARGET] = "a router with the target's address",
	};

	if (hop_nat_name(hop->nat) != NULL)
		(void)printf("  NAT: %s", words[hop->nat]);
}

static void
show_icmp(const struct record_hop *hop)
{
	int exceeded =
	    hop->addr.af == 6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED;
	int i;

	if (hop->icmp_type != -1 && hop->icmp_type != exceeded)
		(void)printf("  icmp %d/%d", hop->icmp_type, hop->icmp_code);
	if (hop->icmp_type == exceeded && hop->quoted_ttl != -1 &&
	    hop->quoted_ttl != 1)
		(void)printf("  quotes TTL %d", hop->quoted_ttl);
	for (i = 0; i < hop->mpls_count; i++)
		(void)printf("  MPLS %u", hop->mpls[i] >> 12);
}

static void
show_text(const struct style *s, const void *bytes, size_t len)
{
	char text[NAME_TEXT];

	(void)escape_text(text, sizeof(text), bytes, len);
	if (text[0] != '\0')
		(void)printf("  %s%s%s", s->dim, text, s->end);
}

static void
show_network(const struct style *s, const struct look_result *result,
    const struct record_hop *hop)
{
	struct geo_place place;

	if (hop->asn == 0)
		return;
	(void)printf("  AS%u", hop->asn);
	if (geo_find(result->geo, &hop->addr, &place))
		show_text(s, place.as_name, strlen(place.as_name));
}

static void
show_hop(const struct style *s, const struct look_result *result,
    const struct record *trace, int index)
{
	const struct record_hop *hop = &trace->hop[index];
	char addr[ADDR_TEXT];
	const char *name;

	(void)printf("  %14d  ", hop->ttl);
	if (!addr_is_set(&hop->addr)) {
		(void)printf("%s*%s\n", s->dim, s->end);
		return;
	}
	(void)printf("%-40s ", addr_format(addr, &hop->addr));
	show_ms(hop->rtt_us);
	(void)printf(" ms");
	show_icmp(hop);
	show_nat(hop);
	show_again(s, trace, index);
	show_network(s, result, hop);
	name = names_get(result->names, &hop->addr);
	show_text(s, name, strlen(name));
	if (index == trace->hop_count - 1 && trace->dns.nsid.present)
		show_text(s, trace->dns.nsid.bytes, trace->dns.nsid.len);
	(void)printf("\n");
}

static void
show_how(const struct style *s, const struct record *trace)
{
	if (trace->proto == PROTO_UDP)
		(void)printf("%sthe DNS query, on its own flow (port %d)%s",
		    s->dim, trace->flow.sport, s->end);
	else
		(void)printf("%sicmp echo on one flow (id %d)%s", s->dim,
		    trace->flow.icmp_id, s->end);
	if (trace->outcome != OUTCOME_ANSWERED)
		(void)printf("  %s%s%s%s%s", s->bad,
		    outcome_name(trace->outcome), s->end,
		    trace->reason[0] != '\0' ? ": " : "", trace->reason);
	(void)printf("\n");
}

void
show_path(const struct style *s, const struct look_result *result)
{
	const struct record *trace = NULL;
	size_t i;
	int hop;

	for (i = 0; i < result->record_count; i++) {
		if (result->records[i]->type == RECORD_TRACE)
			trace = result->records[i];
	}
	if (trace == NULL)
		return;
	show_label(s, "path");
	if (trace->outcome == OUTCOME_UNSENT) {
		(void)printf("not asked: %s\n", trace->reason);
		return;
	}
	show_how(s, trace);
	for (hop = 0; hop < trace->hop_count; hop++)
		show_hop(s, result, trace, hop);
}
