/*
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers in received bytes.
 */
#ifndef LIB_IP_HEADER_H
#define LIB_IP_HEADER_H

#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/cursor.h"
#include "lib/writer.h"

struct ip_header {
	uint8_t af;
	struct addr src, dst;
	uint8_t protocol; /* behind extension headers in IPv6 */
	uint8_t ttl;
	uint8_t tos;
	int32_t label;      /* -1 in IPv4 */
	uint32_t total_len; /* as the header says: header and payload */
	bool fragment;      /* offset not 0: no transport header follows */
};

/* Read the header at the cursor, options and extension headers included (at
 * most 8 of those); the cursor then stands at the transport header. The
 * header's own total length is not trusted and does not fence the cursor. */
enum parse_result ip_header_read(struct ip_header *, struct cursor *);

/* Write a header without options: af, src, dst, protocol, ttl, tos and label
 * count. A payload of this length is to follow. */
void ip_header_write(
    struct writer *, const struct ip_header *, size_t payload_len);

#endif
