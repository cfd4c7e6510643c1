/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash for flow
 * choice and echo tokens. Not for signatures.
 */
#ifndef LIB_KEYED_HASH_H
#define LIB_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint8_t bytes[16];
};

uint64_t keyed_hash(const struct hash_key *, const void *bytes, size_t len);

#endif
