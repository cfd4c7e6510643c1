#include "lib/ip_header.h"

#include <stdbool.h>

#include "lib/icmp.h"

#define EXTENSIONS_MAX 8

enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140,
};

static struct addr
addr_read(struct cursor *c, int af)
{
	const uint8_t *bytes = cursor_take(c, af == 4 ? 4 : 16);

	return bytes == NULL ? (struct addr){ 0 } : addr_from_bytes(af, bytes);
}

/* RFC 791 section 3.1; the cursor is behind the first byte. */
static enum parse_result
ip4_read(struct ip_header *ip, uint8_t first, struct cursor *c)
{
	size_t words = first & 0xf;

	ip->af = 4;
	ip->label = -1;
	ip->tos = cursor_u8(c);
	ip->total_len = cursor_u16(c);
	cursor_skip(c, 2); /* identification */
	ip->fragment = (cursor_u16(c) & 0x1fff) != 0;
	ip->ttl = cursor_u8(c);
	ip->protocol = cursor_u8(c);
	cursor_skip(c, 2); /* checksum: the kernel's, or of a quoted header */
	ip->src = addr_read(c, 4);
	ip->dst = addr_read(c, 4);
	if (words < 5)
		return PARSE_MALFORMED;
	cursor_skip(c, (words - 5) * 4);
	return cursor_failed(c) ? PARSE_SHORT : PARSE_OK;
}

static bool
is_extension(uint8_t next)
{
	switch (next) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_FRAGMENT:
	case NEXT_AUTHENTICATION:
	case NEXT_DESTINATION:
	case NEXT_MOBILITY:
	case NEXT_HIP:
	case NEXT_SHIM6:
		return true;
	default:
		return false;
	}
}

/* One extension header (RFC 8200 section 4; RFC 4302 counts in words). */
static void
extension_read(struct ip_header *ip, struct cursor *c)
{
	uint8_t this = ip->protocol;
	size_t len;

	ip->protocol = cursor_u8(c);
	len = cursor_u8(c);
	if (this == NEXT_FRAGMENT) {
		ip->fragment = (cursor_u16(c) & 0xfff8) != 0;
		cursor_skip(c, 4);
	} else if (this == NEXT_AUTHENTICATION)
		cursor_skip(c, len * 4 + 6);
	else
		cursor_skip(c, len * 8 + 6);
}

/* RFC 8200 section 3; the cursor is behind the first byte. */
static enum parse_result
ip6_read(struct ip_header *ip, uint8_t first, struct cursor *c)
{
	uint8_t second = cursor_u8(c);
	int i;

	ip->af = 6;
	ip->tos = (uint8_t)((first & 0xf) << 4 | second >> 4);
	ip->label = (second & 0xf) << 16 | cursor_u16(c);
	ip->total_len = 40U + cursor_u16(c);
	ip->protocol = cursor_u8(c);
	ip->ttl = cursor_u8(c);
	ip->src = addr_read(c, 6);
	ip->dst = addr_read(c, 6);
	for (i = 0; is_extension(ip->protocol) && !ip->fragment; i++) {
		if (i == EXTENSIONS_MAX)
			return PARSE_MALFORMED;
		extension_read(ip, c);
		if (cursor_failed(c))
			break;
	}
	return cursor_failed(c) ? PARSE_SHORT : PARSE_OK;
}

enum parse_result
ip_header_read(struct ip_header *ip, struct cursor *c)
{
	uint8_t first = cursor_u8(c);

	*ip = (struct ip_header){ .label = -1 };
	if (cursor_failed(c))
		return PARSE_SHORT;
	switch (first >> 4) {
	case 4:
		return ip4_read(ip, first, c);
	case 6:
		return ip6_read(ip, first, c);
	default:
		return PARSE_MALFORMED;
	}
}

static void
ip4_write(struct writer *w, const struct ip_header *ip, size_t payload_len)
{
	uint8_t header[20];
	struct writer h = writer_over(header, sizeof(header));

	writer_u8(&h, 0x45);
	writer_u8(&h, ip->tos);
	writer_u16(&h, (uint16_t)(sizeof(header) + payload_len));
	writer_u16(&h, 0);
	writer_u16(&h, 0x4000); /* do not fragment */
	writer_u8(&h, ip->ttl);
	writer_u8(&h, ip->protocol);
	writer_u16(&h, 0);
	writer_bytes(&h, ip->src.bytes, 4);
	writer_bytes(&h, ip->dst.bytes, 4);
	writer_u16_at(
	    &h, 10, checksum_fold(checksum_add(0, header, sizeof(header))));
	writer_bytes(w, header, h.len);
}

void
ip_header_write(
    struct writer *w, const struct ip_header *ip, size_t payload_len)
{
	if (ip->af == 4) {
		ip4_write(w, ip, payload_len);
		return;
	}
	writer_u32(w, 6U << 28 | (uint32_t)ip->tos << 20 |
			  (ip->label > 0 ? (uint32_t)ip->label : 0));
	writer_u16(w, (uint16_t)payload_len);
	writer_u8(w, ip->protocol);
	writer_u8(w, ip->ttl);
	writer_bytes(w, ip->src.bytes, 16);
	writer_bytes(w, ip->dst.bytes, 16);
}
