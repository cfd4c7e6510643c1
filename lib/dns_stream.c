#include "lib/dns_stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cursor.h"

#define FIRST 1024 /* bytes of room; it grows with what comes */

int
dns_stream_init(struct dns_stream *s)
{
	*s = (struct dns_stream){ .size = FIRST };
	return (s->bytes = malloc(FIRST)) == NULL ? -1 : 0;
}

void
dns_stream_free(struct dns_stream *s)
{
	free(s->bytes);
	*s = (struct dns_stream){ 0 };
}

static void
forget_read(struct dns_stream *s)
{
	if (s->at == 0)
		return;
	s->len -= s->at;
	memmove(s->bytes, &s->bytes[s->at], s->len);
	s->at = 0;
}

static int
make_room(struct dns_stream *s, size_t len)
{
	size_t size = s->size;
	uint8_t *grown;

	while (size < s->len + len)
		size *= 2;
	if (size == s->size)
		return 0;
	if ((grown = realloc(s->bytes, size)) == NULL)
		return -1;
	s->bytes = grown;
	s->size = size;
	return 0;
}

int
dns_stream_put(struct dns_stream *s, const uint8_t *bytes, size_t len)
{
	if (len > DNS_STREAM_MAX - s->taken) {
		len = DNS_STREAM_MAX - s->taken;
		s->over = true;
	}
	forget_read(s);
	if (make_room(s, len) == -1)
		return -1;
	if (len > 0)
		memcpy(&s->bytes[s->len], bytes, len);
	s->len += len;
	s->taken += len;
	return 0;
}

bool
dns_stream_next(struct dns_stream *s, const uint8_t **message, size_t *len)
{
	struct cursor c = cursor_over(&s->bytes[s->at], s->len - s->at);

	*len = cursor_u16(&c);
	*message = cursor_take(&c, *len);
	if (cursor_failed(&c))
		return false;
	s->at += cursor_at(&c);
	return true;
}

const uint8_t *
dns_stream_rest(const struct dns_stream *s, size_t *len)
{
	*len = s->len - s->at;
	return &s->bytes[s->at];
}
