#include "lib/icmp.h"

#include "lib/ip_header.h"

enum {
	PROTOCOL_ICMP4 = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMP6 = 58,
	QUOTE_PADDED_LEN = 128, /* RFC 4884 section 3 */
	EXTENSION_HEADER_LEN = 4,
	OBJECT_HEADER_LEN = 4,
	OBJECT_CLASS_MPLS = 1,
	OBJECT_TYPE_INCOMING_STACK = 1,
};

static const struct icmp_quote no_quote = {
	.ttl = -1,
	.label = -1,
	.sport = -1,
	.dport = -1,
	.icmp_id = -1,
	.icmp_seq = -1,
	.cksum = -1,
	.udp_len = -1,
};

bool
icmp_is_error(int af, uint8_t type)
{
	if (af == 4)
		return type == ICMP4_UNREACHABLE ||
		       type == ICMP4_TIME_EXCEEDED ||
		       type == ICMP4_PARAMETER_PROBLEM;
	return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER_PROBLEM;
}

static void
payload_rest(struct icmp_quote *quote, struct cursor *c)
{
	quote->payload_len = cursor_left(c);
	quote->payload = cursor_take(c, quote->payload_len);
}

static void
quoted_udp(struct icmp_quote *quote, struct cursor c)
{
	if (cursor_left(&c) < 4)
		return;
	quote->sport = cursor_u16(&c);
	quote->dport = cursor_u16(&c);
	if (cursor_left(&c) < 4)
		return;
	quote->udp_len = cursor_u16(&c);
	quote->cksum = cursor_u16(&c);
	payload_rest(quote, &c);
}

static void
quoted_tcp(struct icmp_quote *quote, struct cursor c)
{
	size_t words;

	if (cursor_left(&c) < 4)
		return;
	quote->sport = cursor_u16(&c);
	quote->dport = cursor_u16(&c);
	cursor_skip(&c, 8); /* sequence numbers */
	words = cursor_u8(&c) >> 4;
	cursor_skip(&c, 7);
	if (cursor_failed(&c) || words < 5)
		return;
	cursor_skip(&c, (words - 5) * 4);
	if (!cursor_failed(&c))
		payload_rest(quote, &c);
}

/* Of an echo request, the only ICMP message that we send. */
static void
quoted_icmp(struct icmp_quote *quote, struct cursor c)
{
	uint8_t request = quote->protocol == PROTOCOL_ICMP4
			      ? ICMP4_ECHO_REQUEST
			      : ICMP6_ECHO_REQUEST;

	if (cursor_left(&c) < 4 || cursor_u8(&c) != request)
		return;
	cursor_skip(&c, 1); /* code */
	quote->cksum = cursor_u16(&c);
	if (cursor_left(&c) < 4)
		return;
	quote->icmp_id = cursor_u16(&c);
	quote->icmp_seq = cursor_u16(&c);
	payload_rest(quote, &c);
}

static void
quote_read(struct icmp_quote *quote, int af, struct cursor c)
{
	struct ip_header ip;

	if (ip_header_read(&ip, &c) != PARSE_OK || ip.af != af)
		return;
	quote->present = true;
	quote->src = ip.src;
	quote->dst = ip.dst;
	quote->protocol = ip.protocol;
	quote->ttl = ip.ttl;
	quote->label = ip.label;
	if (ip.fragment)
		return;
	switch (ip.protocol) {
	case PROTOCOL_UDP:
		quoted_udp(quote, c);
		break;
	case PROTOCOL_TCP:
		quoted_tcp(quote, c);
		break;
	case PROTOCOL_ICMP4:
	case PROTOCOL_ICMP6:
		quoted_icmp(quote, c);
		break;
	default:
		break;
	}
}

/* RFC 4950 section 3: entries of four bytes. false where it cannot be. */
static bool
mpls_read(struct icmp_message *m, struct cursor stack)
{
	if (cursor_left(&stack) % 4 != 0)
		return false;
	while (cursor_left(&stack) > 0 && m->mpls_count < LIMIT_MPLS)
		m->mpls[m->mpls_count++] = cursor_u32(&stack);
	return true;
}

/* RFC 4884 section 8. false where the lengths lie or there are too many. */
static bool
objects_read(struct icmp_message *m, struct cursor c)
{
	int i;

	for (i = 0; cursor_left(&c) > 0; i++) {
		uint16_t len = cursor_u16(&c);
		uint8_t class = cursor_u8(&c);
		uint8_t type = cursor_u8(&c);
		struct cursor object;

		if (cursor_failed(&c) || len < OBJECT_HEADER_LEN ||
		    i == LIMIT_ICMP_OBJECTS)
			return false;
		object = cursor_part(&c, len - (size_t)OBJECT_HEADER_LEN);
		if (cursor_failed(&object))
			return false;
		if (class == OBJECT_CLASS_MPLS &&
		    type == OBJECT_TYPE_INCOMING_STACK && !mpls_read(m, object))
			return false;
	}
	return true;
}

enum extension {
	EXTENSION_NONE,   /* these bytes are no extension structure */
	EXTENSION_LIKELY, /* version 2, and no checksum */
	EXTENSION_SURE,   /* with a right one */
};

/* The head: version 2, in whichever half of the byte, and checksum. */
static enum extension
extension_head_read(struct cursor *c)
{
	struct cursor whole = *c;
	size_t len = cursor_left(c);
	uint8_t version = cursor_u8(c);
	uint16_t cksum;

	cursor_skip(c, 1);
	cksum = cursor_u16(c);
	if (cursor_failed(c) || (version >> 4 != 2 && version != 2))
		return EXTENSION_NONE;
	if (cksum == 0)
		return EXTENSION_LIKELY;
	return checksum_fold(checksum_add(0, cursor_take(&whole, len), len)) ==
		       0
		   ? EXTENSION_SURE
		   : EXTENSION_NONE;
}

/* Where a message may be cut in two. */
struct cut {
	size_t quoted;        /* bytes of our packet */
	enum extension least; /* how certain the rest must be */
};

/* Read the quote and the extension behind it, if there is one. */
static bool
extended_read(struct icmp_message *m, int af, struct cursor c, struct cut cut)
{
	struct cursor quote = cursor_part(&c, cut.quoted);

	if (cursor_failed(&quote) || extension_head_read(&c) < cut.least)
		return false;
	m->extended = true;
	m->extension_bad = !objects_read(m, c);
	quote_read(&m->quote, af, quote);
	return true;
}

/* Which errors may be extended (RFC 4884 section 4), and the unit and place
 * of their length attribute. */
static size_t
length_attribute(int af, uint8_t type, uint32_t rest)
{
	if (af == 4)
		return (size_t)(rest >> 16 & 0xff) * 4;
	if (type == ICMP6_UNREACHABLE || type == ICMP6_TIME_EXCEEDED)
		return (size_t)(rest >> 24) * 8;
	return 0;
}

static enum parse_result
error_read(struct icmp_message *m, int af, struct cursor *c)
{
	uint32_t rest = cursor_u32(c);
	size_t quoted = length_attribute(af, m->type, rest);
	/* Routers from before RFC 4884 pad the quote to 128 bytes and say no
	 * length; some that came after say a wrong one. */
	struct cut old = { QUOTE_PADDED_LEN,
		quoted == 0 ? EXTENSION_LIKELY : EXTENSION_SURE };

	if (cursor_failed(c))
		return PARSE_SHORT;
	if (quoted != 0 &&
	    extended_read(m, af, *c, (struct cut){ quoted, EXTENSION_LIKELY }))
		return PARSE_OK;
	if (extended_read(m, af, *c, old))
		return PARSE_OK;
	m->extended = m->extension_bad =
	    quoted != 0 && quoted != cursor_left(c);
	quote_read(&m->quote, af, *c);
	return PARSE_OK;
}

static enum parse_result
echo_reply_read(struct icmp_message *m, struct cursor *c)
{
	uint16_t id = cursor_u16(c);
	uint16_t seq = cursor_u16(c);

	if (cursor_failed(c))
		return PARSE_SHORT;
	m->id = id;
	m->seq = seq;
	m->payload_len = cursor_left(c);
	m->payload = cursor_take(c, m->payload_len);
	return PARSE_OK;
}

enum parse_result
icmp_read(struct icmp_message *m, int af, const void *packet, size_t len)
{
	struct cursor c = cursor_over(packet, len);
	uint8_t reply = af == 4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;

	*m = (struct icmp_message){ .id = -1, .seq = -1, .quote = no_quote };
	m->type = cursor_u8(&c);
	m->code = cursor_u8(&c);
	cursor_skip(&c, 2); /* checksum: the caller's match is stronger */
	if (cursor_failed(&c))
		return PARSE_SHORT;
	if (m->type == reply)
		return echo_reply_read(m, &c);
	if (icmp_is_error(af, m->type))
		return error_read(m, af, &c);
	return PARSE_OK;
}
