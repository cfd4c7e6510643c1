/*
 * Packets as a capture has them, made of what the prober sees of them.
 */
#ifndef PROBE_EVIDENCE_PACKET_H
#define PROBE_EVIDENCE_PACKET_H

#include "lib/icmp.h"
#include "lib/ip_header.h"
#include "probe/link.h"

#define EVIDENCE_PACKET_MAX (40 + 65535)
#define EVIDENCE_SEGMENT_MAX 32768

enum {
	EVIDENCE_FIN = 1,
	EVIDENCE_SYN = 2,
	EVIDENCE_RST = 4,
	EVIDENCE_PSH = 8,
	EVIDENCE_ACK = 16,
};

struct evidence_segment {
	uint8_t flags, ttl;
	uint32_t seq, ack;
	const uint8_t *bytes;
	size_t len;
};

/* Each writes a packet from its IP header on into out, which holds
 * EVIDENCE_PACKET_MAX; the length, 0 where it is too long. */
size_t evidence_packet(
    uint8_t *out, const struct ip_header *, const void *payload, size_t len);
/* What leaves a UDP or ICMP socket. */
size_t evidence_packet_sent(
    uint8_t *out, const struct link_tuple *, const struct link_packet *);
/* A datagram that came to a socket. */
size_t evidence_packet_udp(
    uint8_t *out, const struct link_tuple *, const struct arrival *);
/* An ICMP error that the error queue told. */
size_t evidence_packet_error(
    uint8_t *out, const struct link_tuple *, const struct arrival *);
size_t evidence_packet_tcp(uint8_t *out, const struct link_tuple *,
    bool from_peer, const struct evidence_segment *);

#endif
