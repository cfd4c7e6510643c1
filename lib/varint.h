/*
 * Unsigned LEB128: seven bits a byte, the lowest first, the top bit set in all
 * but the last.
 */
#ifndef LIB_VARINT_H
#define LIB_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_BYTES 10 /* that a number takes at most */

/* The bytes that it took. out has room for VARINT_BYTES. */
static inline size_t
varint_put(uint8_t *out, uint64_t value)
{
	size_t len = 0;

	while (value >= 0x80) {
		out[len++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	out[len++] = (uint8_t)value;
	return len;
}

/* Reads from *at, which moves behind it. 0, or -1 where it is cut, or longer
 * than nine bytes, which hold 63 bits; *at stays then. */
static inline int
varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	const uint8_t *p = *at;
	uint64_t sum = 0;
	unsigned shift = 0;

	if (p < end && *p < 0x80) { /* most of them */
		*value = *p;
		*at = p + 1;
		return 0;
	}
	while (p < end && shift < 63) {
		const uint8_t byte = *p++;

		sum |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*at = p;
			*value = sum;
			return 0;
		}
		shift += 7;
	}
	return -1;
}

#endif
