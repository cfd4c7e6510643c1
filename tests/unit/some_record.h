/*
 * Random records of every kind and at every limit, for unit tests. Seeded by
 * srandom().
 */
#ifndef TESTS_UNIT_SOME_RECORD_H
#define TESTS_UNIT_SOME_RECORD_H

#include <stdlib.h>
#include "lib/record.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint32_t
below(uint32_t bound)
{
	return (uint32_t)random() % bound;
}

/* One of -1 and 0..max. */
static int32_t
maybe(uint32_t max)
{
	return below(4) == 0 ? -1 : (int32_t)below(max + 1);
}

static struct addr
some_addr(bool may_be_none)
{
	struct addr a = { 0 };
	uint8_t bytes[16];

	if (may_be_none && below(5) == 0)
		return a;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(below(3) ? below(256) : 0);
	return addr_from_bytes(below(2) ? 4 : 6, bytes);
}

static void
some_text(char *text, size_t size)
{
	size_t len = 1 + below((uint32_t)size - 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(0x20 + below(0x5f));
	text[len] = '\0';
}

static void
some_bytes(struct record_bytes *b)
{
	b->present = true;
	b->len = (uint16_t)(below(9) == 0 ? LIMIT_IDENTITY : below(40));
	for (size_t i = 0; i < b->len; i++)
		b->bytes[i] = (uint8_t)below(256);
}

static void
some_flow(struct record *r)
{
	r->flow.n = (int)below(LIMIT_FLOWS);
	r->flow.src = some_addr(true);
	r->flow.label = maybe(0xfffff);
	r->flow.moved = below(2);
	if (below(3) == 0)
		r->flow.dscp = (uint8_t)(1 + below(RECORD_DSCP));
	if (below(3) == 0)
		some_text(r->flow.interface, sizeof(r->flow.interface));
	if (r->proto == PROTO_ICMP) {
		r->flow.icmp_id = maybe(65535);
		r->flow.cksum = maybe(65535);
	} else {
		r->flow.sport = maybe(65535);
		r->flow.dport = maybe(65535);
	}
}

static void
some_dns(struct record_dns *d)
{
	static const uint16_t types[] = { 1, 2, 6, 16, 28, 0, 65280, 65535 };

	some_text(d->qname, sizeof(d->qname));
	d->qtype = types[below(COUNT(types))];
	d->qclass = (uint16_t)(below(2) ? below(5) : below(65536));
	d->rcode = maybe(4095);
	if (below(3) > 0) {
		some_bytes(&d->nsid);
		d->nsid_len = d->nsid.len;
		if (below(3) == 0)
			d->nsid_len += 1 + below(1000);
	}
	d->answer_count = (uint8_t)below(LIMIT_ANSWERS + 1);
	for (size_t i = 0; i < d->answer_count; i++)
		some_bytes(&d->answer[i]);
	d->serial = below(2) ? (int64_t)UINT32_MAX - below(9) : -1;
	d->tc = (int8_t)maybe(1);
	d->aa = (int8_t)maybe(1);
	d->edns = (int8_t)maybe(1);
	d->size = maybe(LIMIT_DNS_MESSAGE);
	d->raw_len = (uint16_t)(below(3) ? 0 : below(LIMIT_RAW_REPLY + 1));
	for (size_t i = 0; i < d->raw_len; i++)
		d->raw[i] = (uint8_t)below(256);
}

/* Keys that are there only where they say something. */
static void
some_dns_more(struct record_dns *d)
{
	d->ra = (int8_t)maybe(1);
	d->ad = (int8_t)maybe(1);
	d->cookie_len = (int8_t)maybe(LIMIT_DNS_COOKIE);
	for (int i = 0; i < d->cookie_len; i++)
		d->cookie[i] = (uint8_t)below(256);
	d->ede_count = (uint8_t)below(LIMIT_EDE + 1);
	for (size_t i = 0; i < d->ede_count; i++) {
		d->ede[i].code = (uint16_t)below(65536);
		d->ede[i].len = (uint8_t)below(LIMIT_EDE_TEXT + 1);
		for (size_t k = 0; k < d->ede[i].len; k++)
			d->ede[i].text[k] = (uint8_t)below(256);
	}
	d->connect_us = maybe(INT32_MAX);
}

static void
some_hop(struct record_hop *h)
{
	h->ttl = (uint8_t)(1 + below(255));
	h->addr = some_addr(true);
	h->rtt_us = maybe(INT32_MAX);
	h->icmp_type = (int16_t)maybe(255);
	if (h->icmp_type != -1)
		h->icmp_code = (int16_t)below(256);
	h->quoted_ttl = (int16_t)maybe(255);
	h->mpls_count = (uint8_t)below(LIMIT_MPLS + 1);
	for (size_t i = 0; i < h->mpls_count; i++)
		h->mpls[i] = below(65536) << 16 | below(65536);
	h->auth_bits = (uint8_t)below(256);
	h->shared = below(2);
	if (below(3) == 0)
		h->asn = 1 + below(INT32_MAX);
	h->nat = (uint8_t)(below(3) == 0 ? below(HOP_NAT_COUNT) : 0);
}

static void
some_record(struct record *r)
{
	record_init(r);
	r->t =
	    wall_from_us(LIMIT_TIME_MIN_US +
			 (int64_t)below(INT32_MAX) * 1000000 + below(1000000));
	r->type = (enum record_type)below(3);
	some_text(r->target, sizeof(r->target));
	r->addr = some_addr(true);
	r->port = maybe(65535);
	r->proto = (enum proto)below(3);
	some_text(r->question, sizeof(r->question));
	some_flow(r);
	r->outcome = (enum outcome)below(OUTCOME_COUNT);
	if (below(2))
		some_text(r->reason, sizeof(r->reason));
	if (r->outcome == OUTCOME_ANSWERED)
		r->rtt_us = maybe(INT32_MAX);
	r->stamp = (enum stamp_source)below(3);
	r->reply_ttl = (int16_t)maybe(255);
	r->auth_bits = (int16_t)maybe(INT16_MAX);
	r->late = below(LIMIT_UNWANTED + 1);
	r->dup = below(LIMIT_UNWANTED + 1);
	r->unwanted = below(LIMIT_UNWANTED + 1);
	r->conflict = below(LIMIT_UNWANTED + 1);
	r->retry_of = maybe(LIMIT_BATCH_RECORDS - 1);
	if (r->type == RECORD_DNS) {
		some_dns(&r->dns);
		some_dns_more(&r->dns);
	}
	if (r->type == RECORD_TRACE) {
		r->hop_count = (uint8_t)below(LIMIT_HOPS + 1);
		for (size_t i = 0; i < r->hop_count; i++)
			some_hop(&r->hop[i]);
		if (below(2)) {
			some_bytes(&r->dns.nsid);
			r->dns.nsid_len = r->dns.nsid.len;
		}
	}
}

#endif
