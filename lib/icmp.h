/*
 * ICMP and ICMPv6 messages: echo (RFC 792, RFC 4443) that we send, replies
 * and errors that we read, with what errors quote of our packet and their
 * extensions (RFC 4884, MPLS RFC 4950; from routers that do not comply, too).
 */
#ifndef LIB_ICMP_H
#define LIB_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/cursor.h"
#include "lib/limits.h"
#include "lib/writer.h"

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO_REQUEST = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP_ECHO_HEADER = 8,
};

/* Internet checksum (RFC 1071) over bytes, starting from sum. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t len);
uint16_t checksum_fold(uint32_t sum);
/* The IPv6 pseudo header's part (RFC 8200 section 8.1). */
uint32_t checksum_pseudo6(const struct addr *src, const struct addr *dst,
    uint32_t upper_len, uint8_t next_header);

/* An echo request whose checksum is the one asked for: the last two bytes of
 * the payload are tuned, so that a per-flow balancer, which hashes type, code
 * and checksum, sees one flow (FIELD.md E4). */
struct icmp_echo {
	uint8_t af;
	uint16_t id, seq;
	uint16_t cksum;               /* asked for; never 0 or 0xffff */
	const struct addr *src, *dst; /* of IPv6, for the pseudo header */
	const void *payload;          /* two tuning bytes are put behind it */
	size_t payload_len;           /* even */
};
void icmp_echo_write(struct writer *, const struct icmp_echo *);

/* What an error quotes of our packet: as much as is there. */
struct icmp_quote {
	bool present; /* an IP header of the right version was quoted whole */
	struct addr src, dst;
	uint8_t protocol; /* 17, 1, 58, 6; behind IPv6 extension headers */
	int16_t ttl;
	int32_t label;             /* IPv6; -1 in IPv4 */
	int32_t sport, dport;      /* UDP, TCP; -1: not quoted */
	int32_t icmp_id, icmp_seq; /* echo; -1: not quoted */
	int32_t cksum;             /* UDP or ICMP; -1 */
	int32_t udp_len;           /* as the header says; -1 */
	const uint8_t *payload;    /* behind the transport header; borrowed */
	size_t payload_len; /* zero padding (RFC 4884) may be at its end */
};

struct icmp_message {
	uint8_t type, code;
	int32_t id, seq;        /* of echo replies; -1 */
	const uint8_t *payload; /* of echo replies; borrowed */
	size_t payload_len;
	struct icmp_quote quote; /* of errors */
	bool extended;           /* an extension structure was there */
	bool extension_bad;      /* and could not be read to its end */
	uint8_t mpls_count;
	uint32_t
	    mpls[LIMIT_MPLS]; /* label(20) exp(3) S(1) ttl(8), host order */
};

/* Read an ICMP message (af 4 or 6) that begins at its type byte. All lengths
 * come from len alone. A bad extension or a short quote is no error. The
 * message's own checksum is not looked at. Anything but echo replies and
 * errors (icmp_is_error) is type and code alone. */
enum parse_result icmp_read(
    struct icmp_message *, int af, const void *packet, size_t len);
bool icmp_is_error(int af, uint8_t type);

#endif
