#include "collector/row_sum.h"

#include <string.h>
#include <zlib.h>

/*
 * CRC-32 of eight bytes at once ("slicing by 8"): sliced[7 - i] has what each
 * value of the i-th changes in the sum. That is linear, so a row follows from
 * what its eight single bits change; which of them are zlib's own is seen in
 * test_row_sum.c.
 */
#define BITS_1(v, a) (v), (v) ^ (a)
#define BITS_2(v, a, b) BITS_1(v, a), BITS_1((v) ^ (b), a)
#define BITS_3(v, a, b, c) BITS_2(v, a, b), BITS_2((v) ^ (c), a, b)
#define BITS_4(v, a, b, c, d) BITS_3(v, a, b, c), BITS_3((v) ^ (d), a, b, c)
#define BITS_5(v, a, b, c, d, e) \
	BITS_4(v, a, b, c, d), BITS_4((v) ^ (e), a, b, c, d)
#define BITS_6(v, a, b, c, d, e, f) \
	BITS_5(v, a, b, c, d, e), BITS_5((v) ^ (f), a, b, c, d, e)
#define BITS_7(v, a, b, c, d, e, f, g) \
	BITS_6(v, a, b, c, d, e, f), BITS_6((v) ^ (g), a, b, c, d, e, f)
#define BITS_8(a, b, c, d, e, f, g, h) \
	BITS_7(0U, a, b, c, d, e, f, g), BITS_7(0U ^ (h), a, b, c, d, e, f, g)

static const uint32_t sliced[8][256] = {
	{ BITS_8(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064,
	    0x3b6e20c8, 0x76dc4190, 0xedb88320) },
	{ BITS_8(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251,
	    0x958424a2, 0xf0794f05, 0x3b83984b) },
	{ BITS_8(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370,
	    0x384d46e0, 0x709a8dc0, 0xe1351b80) },
	{ BITS_8(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f,
	    0xa032af3e, 0x9b14583d, 0xed59b63b) },
	{ BITS_8(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782,
	    0xc1c12f04, 0x58f35849, 0xb1e6b092) },
	{ BITS_8(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b,
	    0x07ac0536, 0x0f580a6c, 0x1eb014d8) },
	{ BITS_8(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce,
	    0xcfbd399c, 0x440b7579, 0x8816eaf2) },
	{ BITS_8(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b,
	    0xf9766256, 0x299dc2ed, 0x533b85da) },
};

uint32_t
row_sum_int(uint32_t sum, int64_t value)
{
	/* CRC-32 is kept inverted. */
	const uint64_t v = (uint64_t)value ^ (uint32_t)~sum;

	return ~(sliced[7][v & 0xff] ^ sliced[6][v >> 8 & 0xff] ^
		 sliced[5][v >> 16 & 0xff] ^ sliced[4][v >> 24 & 0xff] ^
		 sliced[3][v >> 32 & 0xff] ^ sliced[2][v >> 40 & 0xff] ^
		 sliced[1][v >> 48 & 0xff] ^ sliced[0][v >> 56]);
}

static uint32_t
add(uint32_t sum, const void *bytes, size_t len)
{
	return (uint32_t)crc32_z(sum, bytes, len);
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
