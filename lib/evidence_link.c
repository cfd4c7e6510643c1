/* The link layers of captures, down to the IP header (tcpdump.org/linktypes).
 */
#include "lib/evidence.h"

#include <pcap/dlt.h>

enum {
	RAW_OPENBSD = 14, /* has no name here */

	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_VLAN_OUTER = 0x88a8,
	TYPE_MPLS = 0x8847,
	TYPE_MACSEC = 0x88e5,
	PPP_IP4 = 0x0021,
	PPP_IP6 = 0x0057,
	PPP_MPLS = 0x0281,
	FRAME_RELAY_IP = 0x03cc,
};

static bool
is_tag(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_VLAN_OUTER;
}

static void
skip_labels(struct cursor *c)
{
	while (!cursor_failed(c) && (cursor_u32(c) & 0x100) == 0)
		continue;
}

/* The cursor is at a protocol's two bytes. */
static bool
skip_type(struct cursor *c)
{
	uint16_t type = cursor_u16(c);

	while (is_tag(type)) {
		cursor_skip(c, 2);
		type = cursor_u16(c);
	}
	if (type == TYPE_MACSEC) { /* what is not encrypted */
		uint8_t control = cursor_u8(c);

		cursor_skip(c, (control & 0x20) != 0 ? 13 : 5);
		type = cursor_u16(c);
	}
	if (type == TYPE_MPLS || type == PPP_MPLS) {
		skip_labels(c);
		return cursor_left(c) > 0;
	}
	return type == TYPE_IP4 || type == TYPE_IP6 || type == PPP_IP4 ||
	       type == PPP_IP6;
}

static bool
skip_ppp(struct cursor *c)
{
	struct cursor peek = *c;

	if (cursor_u16(&peek) == 0xff03)
		cursor_skip(c, 2);
	return skip_type(c);
}

/* Q.922: the last byte of the address is odd. Behind it RFC 2427's control and
 * protocol, or Cisco's type. */
static bool
skip_frame_relay(struct cursor *c)
{
	struct cursor peek;

	while (!cursor_failed(c) && (cursor_u8(c) & 1) == 0)
		continue;
	peek = *c;
	if (cursor_u16(&peek) != FRAME_RELAY_IP)
		return skip_type(c);
	cursor_skip(c, 2);
	return true;
}

static bool
skip_bytes(struct cursor *c, size_t len)
{
	cursor_skip(c, len);
	return true;
}

bool
evidence_skip_link(struct cursor *c, int link_type)
{
	bool ip;

	switch (link_type) {
	case DLT_RAW:
	case RAW_OPENBSD:
	case DLT_IPV4:
	case DLT_IPV6:
		ip = true;
		break;
	case DLT_NULL:
	case DLT_LOOP:
		ip = skip_bytes(c, 4);
		break;
	case DLT_EN10MB:
		cursor_skip(c, 12);
		ip = skip_type(c);
		break;
	case DLT_LINUX_SLL:
		cursor_skip(c, 14);
		ip = skip_type(c);
		break;
	case DLT_LINUX_SLL2:
		ip = skip_bytes(c, 20);
		break;
	case DLT_PPP:
		ip = skip_ppp(c);
		break;
	case DLT_FRELAY:
		ip = skip_frame_relay(c);
		break;
	default:
		return false;
	}
	return ip && cursor_left(c) > 0;
}
