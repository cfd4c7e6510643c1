#include "lib/keyed_hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static uint64_t
little_endian(const uint8_t *bytes, size_t n)
{
	uint64_t x = 0;

	while (n-- > 0)
		x = x << 8 | bytes[n];
	return x;
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

uint64_t
keyed_hash(const struct hash_key *key, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	uint64_t k0 = little_endian(key->bytes, 8);
	uint64_t k1 = little_endian(key->bytes + 8, 8);
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	size_t i;

	for (i = 0; i + 8 <= len; i += 8)
		sip_word(&s, little_endian(b + i, 8));
	/* The last word carries what is left and the length modulo 256. */
	sip_word(&s, (uint64_t)len << 56 |
			 (len > i ? little_endian(b + i, len - i) : 0));
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
