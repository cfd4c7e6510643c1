/* What fuzz_icmp4 and fuzz_icmp6 share. */
#ifndef TESTS_FUZZ_ICMP_TARGET_H
#define TESTS_FUZZ_ICMP_TARGET_H

#include <assert.h>

#include "lib/icmp.h"
#include "lib/ip_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct extent {
	const uint8_t *bytes;
	size_t len;
};

static inline void
check_within(struct extent outer, struct extent inner)
{
	if (inner.bytes == NULL) {
		assert(inner.len == 0);
		return;
	}
	assert(inner.len <= outer.len);
	if (inner.len > 0)
		assert(inner.bytes >= outer.bytes &&
		       inner.bytes + inner.len <= outer.bytes + outer.len);
}

static inline void
check_quote(const struct icmp_quote *q, int af)
{
	if (!q->present) {
		assert(q->sport == -1 && q->icmp_id == -1 && q->cksum == -1);
		assert(q->payload_len == 0);
		return;
	}
	assert(q->src.af == af && q->dst.af == af);
	assert(q->ttl >= 0 && q->ttl <= 255);
	assert(q->label <= 0xfffff && (af == 6) == (q->label >= 0));
	assert((q->sport == -1) == (q->dport == -1));
	assert((q->icmp_id == -1) == (q->icmp_seq == -1));
	assert(q->sport == -1 || q->icmp_id == -1);
}

static inline void
check_icmp(int af, const uint8_t *bytes, size_t len)
{
	const struct extent packet = { bytes, len };
	struct icmp_message m;

	if (icmp_read(&m, af, bytes, len) != PARSE_OK)
		return;
	check_within(packet, (struct extent){ m.payload, m.payload_len });
	check_within(
	    packet, (struct extent){ m.quote.payload, m.quote.payload_len });
	check_quote(&m.quote, af);
	assert(m.mpls_count <= LIMIT_MPLS);
	assert(m.extended || (!m.extension_bad && m.mpls_count == 0));
	if (!icmp_is_error(af, m.type))
		assert(!m.quote.present && !m.extended);
}

/* As a raw IPv4 socket gives it, with the header. */
static inline void
check_ip(const uint8_t *bytes, size_t len)
{
	struct cursor c = cursor_over(bytes, len);
	struct ip_header ip;
	size_t left;

	if (ip_header_read(&ip, &c) != PARSE_OK)
		return;
	assert(!cursor_failed(&c));
	assert(ip.af == 4 || ip.af == 6);
	assert(cursor_at(&c) >= (ip.af == 4 ? 20 : 40));
	left = cursor_left(&c);
	check_icmp(ip.af, cursor_take(&c, left), left);
}

#endif
