#include "lib/cursor.h"

struct cursor
cursor_over(const void *bytes, size_t len)
{
	return (struct cursor){ .bytes = bytes, .len = len };
}

bool
cursor_failed(const struct cursor *c)
{
	return c->failed;
}

size_t
cursor_left(const struct cursor *c)
{
	return c->failed ? 0 : c->len - c->at;
}

size_t
cursor_at(const struct cursor *c)
{
	return c->at;
}

/* Every read goes through here: the one place that compares and adds. */
const uint8_t *
cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *taken;

	if (c->failed || n > c->len - c->at) {
		c->failed = true;
		return NULL;
	}
	/* Nothing of an empty packet: not NULL, and never read. */
	if (c->bytes == NULL)
		return (const uint8_t *)"";
	taken = c->bytes + c->at;
	c->at += n;
	return taken;
}

uint8_t
cursor_u8(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 1);

	return b == NULL ? 0 : b[0];
}

uint16_t
cursor_u16(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 2);

	if (b == NULL)
		return 0;
	return (uint16_t)(b[0] << 8 | b[1]);
}

uint32_t
cursor_u32(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 4);

	if (b == NULL)
		return 0;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

void
cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_take(c, n);
}

void
cursor_seek(struct cursor *c, size_t at)
{
	if (at > c->len)
		c->failed = true;
	if (!c->failed)
		c->at = at;
}

struct cursor
cursor_part(struct cursor *c, size_t n)
{
	const uint8_t *bytes = cursor_take(c, n);

	if (bytes == NULL)
		return (struct cursor){ .failed = true };
	return cursor_over(bytes, n);
}
