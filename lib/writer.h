/*
 * Writing into a buffer of fixed size. A write that does not fit writes
 * nothing and the writer stays failed. Numbers are big-endian.
 */
#ifndef LIB_WRITER_H
#define LIB_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
	uint8_t *bytes;
	size_t size;
	size_t len; /* written so far */
	bool failed;
};

struct writer writer_over(void *bytes, size_t size);
bool writer_failed(const struct writer *);

void writer_u8(struct writer *, uint8_t);
void writer_u16(struct writer *, uint16_t);
void writer_u32(struct writer *, uint32_t);
void writer_bytes(struct writer *, const void *, size_t);
void writer_zeros(struct writer *, size_t);

/* Overwrite two bytes already written, at offset. */
void writer_u16_at(struct writer *, size_t offset, uint16_t);

#endif
