#include "lib/keyed_hash.h"

#include <endian.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* At most eight bytes, the first the lowest. */
static uint64_t
little_endian(const uint8_t *bytes, size_t n)
{
	uint64_t x = 0;

	memcpy(&x, bytes, n);
	return le64toh(x);
}

static void
sip_rounds(struct sip *s, int rounds)
{
	while (rounds-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

static struct sip
sip_begin(const struct hash_key *key)
{
	const uint64_t k0 = little_endian(key->bytes, 8);
	const uint64_t k1 = little_endian(key->bytes + 8, 8);

	return (struct sip){ k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
}

static void
sip_bytes(struct sip *s, const uint8_t *b, size_t len)
{
	size_t i;

	for (i = 0; i + 8 <= len; i += 8)
		sip_word(s, little_endian(b + i, 8));
	/* The last word carries what is left and the length modulo 256. */
	sip_word(s, (uint64_t)len << 56 |
			(len > i ? little_endian(b + i, len - i) : 0));
}

static uint64_t
sip_end(struct sip *s)
{
	sip_rounds(s, 4);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t
keyed_hash(const struct hash_key *key, const void *bytes, size_t len)
{
	struct sip s = sip_begin(key);

	sip_bytes(&s, bytes, len);
	s.v2 ^= 0xff;
	return sip_end(&s);
}

struct hash_128
keyed_hash_128(const struct hash_key *key, const void *bytes, size_t len)
{
	struct sip s = sip_begin(key);
	struct hash_128 hash;

	s.v1 ^= 0xee;
	sip_bytes(&s, bytes, len);
	s.v2 ^= 0xee;
	hash.low = sip_end(&s);
	s.v1 ^= 0xdd;
	hash.high = sip_end(&s);
	return hash;
}
