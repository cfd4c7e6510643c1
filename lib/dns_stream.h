/*
 * DNS messages out of a stream (RFC 1035 section 4.2.2): each behind two bytes
 * of its length, cut by the network wherever it likes. What comes out does not
 * depend on the cuts.
 */
#ifndef LIB_DNS_STREAM_H
#define LIB_DNS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_STREAM_MAX (1 << 20) /* bytes taken of one stream; it is enough */

struct dns_stream {
	uint8_t *bytes; /* what has come and was not read yet */
	size_t len, size;
	size_t at;    /* so many of them were read */
	size_t taken; /* of the whole stream */
	bool over;    /* more than DNS_STREAM_MAX came */
};

/* 0, or -1 without memory. dns_stream_free frees. */
int dns_stream_init(struct dns_stream *);
void dns_stream_free(struct dns_stream *);

/* The next piece, copied; nothing beyond DNS_STREAM_MAX is. 0, or -1 without
 * memory. */
int dns_stream_put(struct dns_stream *, const uint8_t *bytes, size_t len);

/* The next whole message, borrowed until the next put; false: there is none
 * yet. */
bool dns_stream_next(struct dns_stream *, const uint8_t **message, size_t *len);

/* Behind the whole messages: what has come of the next, from its length on. */
const uint8_t *dns_stream_rest(const struct dns_stream *, size_t *len);

#endif
