#include "lib/writer.h"

#include <string.h>

struct writer
writer_over(void *bytes, size_t size)
{
	return (struct writer){ .bytes = bytes, .size = size };
}

bool
writer_failed(const struct writer *w)
{
	return w->failed;
}

/* Room for n more bytes, or NULL: the one place that compares and adds. */
static uint8_t *
claim(struct writer *w, size_t n)
{
	uint8_t *room;

	if (w->failed || n > w->size - w->len) {
		w->failed = true;
		return NULL;
	}
	room = w->bytes + w->len;
	w->len += n;
	return room;
}

void
writer_u8(struct writer *w, uint8_t value)
{
	writer_bytes(w, &value, sizeof(value));
}

void
writer_u16(struct writer *w, uint16_t value)
{
	const uint8_t b[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	writer_bytes(w, b, sizeof(b));
}

void
writer_u32(struct writer *w, uint32_t value)
{
	const uint8_t b[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16),
		(uint8_t)(value >> 8), (uint8_t)value };

	writer_bytes(w, b, sizeof(b));
}

void
writer_bytes(struct writer *w, const void *bytes, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return;
	if ((room = claim(w, n)) != NULL)
		memcpy(room, bytes, n);
}

void
writer_zeros(struct writer *w, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return;
	if ((room = claim(w, n)) != NULL)
		memset(room, 0, n);
}

void
writer_u16_at(struct writer *w, size_t offset, uint16_t value)
{
	if (w->failed || w->len < 2 || offset > w->len - 2) {
		w->failed = true;
		return;
	}
	w->bytes[offset] = (uint8_t)(value >> 8);
	w->bytes[offset + 1] = (uint8_t)value;
}
