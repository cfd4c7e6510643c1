#include "probe/evidence_packet.h"

#include <netinet/in.h>

#include "lib/writer.h"

#define DEFAULT_TTL 64 /* Linux's; the host's own is not asked for */

static struct ip_header
header_to(const struct link_tuple *tuple, uint8_t protocol, uint8_t ttl)
{
	return (struct ip_header){ .af = tuple->dst.af,
		.src = tuple->src,
		.dst = tuple->dst,
		.protocol = protocol,
		.ttl = ttl == 0 ? DEFAULT_TTL : ttl,
		.label = tuple->label };
}

static struct ip_header
header_from(const struct link_tuple *tuple, uint8_t protocol, int16_t ttl)
{
	return (struct ip_header){ .af = tuple->dst.af,
		.src = tuple->dst,
		.dst = tuple->src,
		.protocol = protocol,
		.ttl = ttl < 0 ? 0 : (uint8_t)ttl,
		.label = -1 };
}

static uint8_t
icmp_protocol(int af)
{
	return af == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

size_t
evidence_packet(
    uint8_t *out, const struct ip_header *ip, const void *payload, size_t len)
{
	struct writer w = writer_over(out, EVIDENCE_PACKET_MAX);

	if (len > (size_t)(ip->af == 4 ? 65515 : 65535))
		return 0;
	ip_header_write(&w, ip, len);
	writer_bytes(&w, payload, len);
	return writer_failed(&w) ? 0 : w.len;
}

/* Behind the header, whose payload this is: RFC 768, RFC 9293, RFC 4443. */
static void
put_checksum(struct writer *w, const struct ip_header *ip, size_t at)
{
	size_t start = ip->af == 4 ? 20 : 40, len = w->len - start;
	uint32_t sum = 0;
	uint16_t folded;

	if (writer_failed(w))
		return;
	if (ip->af == 6) {
		sum = checksum_pseudo6(
		    &ip->src, &ip->dst, (uint32_t)len, ip->protocol);
	} else if (ip->protocol != IPPROTO_ICMP) {
		sum = checksum_add(0, ip->src.bytes, 4);
		sum = checksum_add(sum, ip->dst.bytes, 4);
		sum += ip->protocol + (uint32_t)len;
	}
	folded = checksum_fold(checksum_add(sum, &w->bytes[start], len));
	if (folded == 0 && ip->protocol == IPPROTO_UDP)
		folded = 0xffff;
	writer_u16_at(w, start + at, folded);
}

static size_t
udp(uint8_t *out, const struct ip_header *ip, const uint16_t ports[2],
    struct cursor payload)
{
	struct writer w = writer_over(out, EVIDENCE_PACKET_MAX);
	size_t len = 8 + payload.len;

	if (len > (size_t)(ip->af == 4 ? 65515 : 65535))
		return 0;
	ip_header_write(&w, ip, len);
	writer_u16(&w, ports[0]);
	writer_u16(&w, ports[1]);
	writer_u16(&w, (uint16_t)len);
	writer_u16(&w, 0);
	writer_bytes(&w, payload.bytes, payload.len);
	put_checksum(&w, ip, 6);
	return writer_failed(&w) ? 0 : w.len;
}

size_t
evidence_packet_sent(uint8_t *out, const struct link_tuple *tuple,
    const struct link_packet *packet)
{
	bool is_udp = tuple->kind == LINK_UDP;
	const uint16_t ports[2] = { tuple->port, tuple->dport };
	struct ip_header ip = header_to(tuple,
	    is_udp ? IPPROTO_UDP : icmp_protocol(tuple->dst.af), packet->ttl);

	if (!is_udp)
		return evidence_packet(out, &ip, packet->bytes, packet->len);
	return udp(out, &ip, ports, cursor_over(packet->bytes, packet->len));
}

size_t
evidence_packet_udp(
    uint8_t *out, const struct link_tuple *tuple, const struct arrival *arrival)
{
	const uint16_t ports[2] = { tuple->dport, tuple->port };
	struct ip_header ip = header_from(tuple, IPPROTO_UDP, arrival->ttl);

	return udp(out, &ip, ports, cursor_over(arrival->bytes, arrival->len));
}

static void
write_quote(struct writer *w, const struct link_tuple *tuple,
    const struct arrival *arrival)
{
	static const uint8_t protocols[] = {
		[LINK_UDP] = IPPROTO_UDP, [LINK_TCP] = IPPROTO_TCP
	};
	bool ports = tuple->kind != LINK_ICMP;
	size_t len = arrival->len + (ports ? 8 : 0);
	struct ip_header ip = header_to(tuple,
	    ports ? protocols[tuple->kind] : icmp_protocol(tuple->dst.af), 1);

	ip_header_write(w, &ip, len);
	if (ports) {
		writer_u16(w, tuple->port);
		writer_u16(w, tuple->dport);
		writer_u16(w, tuple->kind == LINK_UDP ? (uint16_t)len : 0);
		writer_u16(w, 0);
	}
	writer_bytes(w, arrival->bytes, arrival->len);
}

size_t
evidence_packet_error(
    uint8_t *out, const struct link_tuple *tuple, const struct arrival *arrival)
{
	struct writer w = writer_over(out, EVIDENCE_PACKET_MAX);
	struct ip_header ip =
	    header_from(tuple, icmp_protocol(tuple->dst.af), -1);
	size_t quote = (ip.af == 4 ? 20U : 40U) + arrival->len +
		       (tuple->kind == LINK_ICMP ? 0 : 8);

	if (arrival->from.af == ip.af)
		ip.src = arrival->from;
	if (quote > 60000)
		return 0;
	ip_header_write(&w, &ip, 8 + quote);
	writer_u8(&w, arrival->icmp_type);
	writer_u8(&w, arrival->icmp_code);
	writer_zeros(&w, 6);
	write_quote(&w, tuple, arrival);
	put_checksum(&w, &ip, 2);
	return writer_failed(&w) ? 0 : w.len;
}

size_t
evidence_packet_tcp(uint8_t *out, const struct link_tuple *tuple,
    bool from_peer, const struct evidence_segment *segment)
{
	struct writer w = writer_over(out, EVIDENCE_PACKET_MAX);
	struct ip_header ip =
	    from_peer ? header_from(tuple, IPPROTO_TCP, segment->ttl)
		      : header_to(tuple, IPPROTO_TCP, segment->ttl);

	ip_header_write(&w, &ip, 20 + segment->len);
	writer_u16(&w, from_peer ? tuple->dport : tuple->port);
	writer_u16(&w, from_peer ? tuple->port : tuple->dport);
	writer_u32(&w, segment->seq);
	writer_u32(&w, segment->ack);
	writer_u16(&w, (uint16_t)(5U << 12 | segment->flags));
	writer_u16(&w, 65535); /* window */
	writer_u32(&w, 0);
	writer_bytes(&w, segment->bytes, segment->len);
	put_checksum(&w, &ip, 16);
	return writer_failed(&w) ? 0 : w.len;
}
