#include "collector/row_sum.h"

#include <string.h>
#include <zlib.h>
#include "lib/varint.h"

static uint32_t
add(uint32_t sum, const void *bytes, size_t len)
{
	return (uint32_t)crc32_z(sum, bytes, len);
}

uint32_t
row_sum_int(uint32_t sum, int64_t value)
{
	uint8_t bytes[VARINT_BYTES];

	return add(sum, bytes, varint_put(bytes, (uint64_t)value));
}

uint32_t
row_sum_null(uint32_t sum)
{
	static const uint8_t null[] = { 0x80, 0x00 };

	return add(sum, null, sizeof(null));
}

uint32_t
row_sum_bytes(uint32_t sum, const void *bytes, size_t len)
{
	sum = row_sum_int(sum, (int64_t)len);
	return len > 0 ? add(sum, bytes, len) : sum;
}

uint32_t
row_sum_double(uint32_t sum, double value)
{
	int64_t bits;

	/* A column of reals keeps no sign of zero. */
	value += 0.0;
	memcpy(&bits, &value, sizeof(bits));
	return row_sum_int(sum, bits);
}
