/*
 * Any bytes as a stream of DNS messages: whether they come whole or in pieces
 * cut anywhere, the same messages come out, and they are those that a plain
 * walk over the lengths finds within the bound.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dns_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define HEAD 4 /* bytes that say how the rest is used */
#define STREAM (DNS_STREAM_MAX + 70000)
#define MESSAGES (DNS_STREAM_MAX / 2)

/* Where messages begin and how long they are. */
struct found {
	size_t count, rest;
	bool over;
	struct {
		uint32_t at;
		uint16_t len;
	} message[MESSAGES];
};

/* splitmix64 */
static uint64_t
draw(uint64_t *random)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void
found_add(struct found *f, size_t at, size_t len)
{
	assert(f->count < MESSAGES);
	f->message[f->count].at = (uint32_t)at;
	f->message[f->count++].len = (uint16_t)len;
}

/* What ought to come out. */
static void
walk(struct found *f, const uint8_t *bytes, size_t len)
{
	size_t at = 0, n;

	f->count = 0;
	f->over = len > DNS_STREAM_MAX;
	if (f->over)
		len = DNS_STREAM_MAX;
	while (len - at >= 2) {
		n = (size_t)bytes[at] * 256 + bytes[at + 1];
		if (len - at - 2 < n)
			break;
		found_add(f, at + 2, n);
		at += 2 + n;
	}
	f->rest = len - at;
}

/* Takes what is whole by now. */
static void
drain(struct found *f, struct dns_stream *s, const uint8_t *bytes, size_t *at)
{
	const uint8_t *message;
	size_t n;

	while (dns_stream_next(s, &message, &n)) {
		assert(memcmp(message, &bytes[*at + 2], n) == 0);
		found_add(f, *at + 2, n);
		*at += 2 + n;
	}
}

/* most: of the bytes in one piece; each is a copy, so that what is kept of it
 * by its address is found. */
static void
feed(struct found *f, const uint8_t *bytes, size_t len, size_t most,
    uint64_t random)
{
	size_t done = 0, at = 0, n;
	struct dns_stream s;
	const uint8_t *rest;
	uint8_t *piece;

	f->count = 0;
	assert(dns_stream_init(&s) == 0);
	for (; done < len; done += n) {
		n = most >= len ? len : 1 + draw(&random) % most;
		if (n > len - done)
			n = len - done;
		assert((piece = malloc(n)) != NULL);
		memcpy(piece, &bytes[done], n);
		assert(dns_stream_put(&s, piece, n) == 0);
		free(piece);
		drain(f, &s, bytes, &at);
	}
	f->over = s.over;
	rest = dns_stream_rest(&s, &f->rest);
	assert(memcmp(rest, &bytes[at], f->rest) == 0);
	dns_stream_free(&s);
}

static void
assert_same(const struct found *a, const struct found *b)
{
	size_t i;

	assert(a->count == b->count);
	assert(a->rest == b->rest);
	assert(a->over == b->over);
	for (i = 0; i < a->count; i++) {
		assert(a->message[i].at == b->message[i].at);
		assert(a->message[i].len == b->message[i].len);
	}
}

/* The first byte says how often the rest is the stream's, so that few bytes
 * make messages of 64 KiB and streams beyond the bound; the next how small
 * the pieces are, and two how they are cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct found expected, whole, cut;
	static uint8_t stream[STREAM];
	size_t body, total, most, i;

	if (len <= HEAD)
		return 0;
	body = len - HEAD;
	total = (size_t)1 << bytes[0] % 22; /* at most 2 MiB */
	total = total < body ? body : total > STREAM ? STREAM : total;
	for (i = 0; i < total; i++)
		stream[i] = i < body ? bytes[HEAD + i] : stream[i - body];
	/* A long stream in bytes would take all of the time. */
	most = ((size_t)1 << bytes[1] % 18) + total / 4096;
	walk(&expected, stream, total);
	feed(&whole, stream, total, total, 0);
	feed(&cut, stream, total, most, bytes[2] * 256u + bytes[3]);
	assert_same(&expected, &whole);
	assert_same(&whole, &cut);
	return 0;
}
