/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash for flow
 * choice and echo tokens, and its 128-bit form for names that are taken for
 * the same where it is. Not for signatures.
 */
#ifndef LIB_KEYED_HASH_H
#define LIB_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint8_t bytes[16];
};

struct hash_128 {
	uint64_t low, high; /* of its 16 bytes, little-endian */
};

uint64_t keyed_hash(const struct hash_key *, const void *bytes, size_t len);
struct hash_128 keyed_hash_128(
    const struct hash_key *, const void *bytes, size_t len);

#endif
