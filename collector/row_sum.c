#include "collector/row_sum.h"

#include <endian.h>
#include <string.h>

/* Odd, and half of its bits are ones. */
#define FACTOR 0xd6e8feb86659fd93U
/* Stands for no value: no column has it. */
#define NO_VALUE (INT64_MIN + 1)

/* One to one in either argument: a product with an odd number is, and so is
 * adding the upper half to the lower. */
static uint64_t
add_word(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * FACTOR;
	return sum ^ sum >> 32;
}

uint64_t
row_sum_int(uint64_t sum, int64_t value)
{
	return add_word(sum, (uint64_t)value);
}

uint64_t
row_sum_null(uint64_t sum)
{
	return row_sum_int(sum, NO_VALUE);
}

uint64_t
row_sum_bytes(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;
	uint64_t word;

	sum = add_word(sum, len);
	for (; len >= sizeof(word); b += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, b, sizeof(word));
		sum = add_word(sum, le64toh(word));
	}
	word = 0;
	if (len > 0)
		memcpy(&word, b, len);
	return len > 0 ? add_word(sum, le64toh(word)) : sum;
}
