/*
 * Reading foreign bytes. A cursor never leaves its bytes: a read that would
 * yields zero, and the cursor stays failed. Ask cursor_failed() before a
 * value steers a loop, a size or an index. All numbers are big-endian.
 */
#ifndef LIB_CURSOR_H
#define LIB_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parse_result {
	PARSE_OK,
	PARSE_SHORT,     /* the bytes end before the thing does */
	PARSE_MALFORMED, /* the bytes cannot be such a thing */
};

struct cursor {
	const uint8_t *bytes;
	size_t len;
	size_t at;
	bool failed;
};

struct cursor cursor_over(const void *bytes, size_t len);
bool cursor_failed(const struct cursor *);
size_t cursor_left(const struct cursor *); /* 0 once failed */
size_t cursor_at(const struct cursor *);

uint8_t cursor_u8(struct cursor *);
uint16_t cursor_u16(struct cursor *);
uint32_t cursor_u32(struct cursor *);

/* The next n bytes, borrowed from what the cursor is over; NULL once failed. */
const uint8_t *cursor_take(struct cursor *, size_t n);
void cursor_skip(struct cursor *, size_t n);

/* Go to an absolute offset; beyond the end is failure. */
void cursor_seek(struct cursor *, size_t at);

/* A cursor over the next n bytes alone, which are then behind this one: the
 * fence for a nested length. Where they are not there, both are failed. */
struct cursor cursor_part(struct cursor *, size_t n);

#endif
