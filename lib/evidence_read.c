/* Capture files, classic and pcapng. Every length is foreign. */
#include "lib/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/limits.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete, and still met */
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	OPTION_RESOLUTION = 9,
	MICROSECONDS = 6,
};
#define BLOCK_SECTION 0x0a0d0d0aU
#define ORDER_MAGIC 0x1a2b3c4dU
#define MAGIC_MICRO 0xa1b2c3d4U
#define MAGIC_NANO 0xa1b23c4dU

static uint32_t
swapped32(uint32_t x)
{
	return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

static uint32_t
u32(const struct evidence_reader *r, struct cursor *c)
{
	uint32_t x = cursor_u32(c);

	return r->swapped ? swapped32(x) : x;
}

static uint16_t
u16(const struct evidence_reader *r, struct cursor *c)
{
	uint16_t x = cursor_u16(c);

	return r->swapped ? (uint16_t)(x >> 8 | x << 8) : x;
}

/* --- classic --- */

static bool
is_magic(uint32_t magic)
{
	return magic == MAGIC_MICRO || magic == MAGIC_NANO;
}

static bool
open_classic(struct evidence_reader *r)
{
	uint32_t magic = cursor_u32(&r->c);

	r->swapped = !is_magic(magic);
	if (r->swapped)
		magic = swapped32(magic);
	if (!is_magic(magic))
		return false;
	r->nano = magic == MAGIC_NANO;
	cursor_skip(&r->c, 16);
	r->link[0].type = (uint16_t)u32(r, &r->c);
	r->link_count = 1;
	return !cursor_failed(&r->c);
}

/* A frame, and the link type that it came with. PARSE_MALFORMED: none in
 * this place, look further. */
static enum parse_result
next_classic(struct evidence_reader *r, struct evidence_packet *packet,
    struct cursor *frame, uint16_t *link)
{
	uint32_t seconds = u32(r, &r->c), part = u32(r, &r->c);
	uint32_t kept = u32(r, &r->c);

	cursor_skip(&r->c, 4);
	*frame = cursor_part(&r->c, kept);
	if (cursor_failed(&r->c))
		return PARSE_SHORT;
	packet->at.ns = (int64_t)seconds * 1000000000 +
			(int64_t)part * (r->nano ? 1 : 1000);
	*link = r->link[0].type;
	return PARSE_OK;
}

/* --- pcapng --- */

static int64_t
ticks_to_ns(uint64_t ticks, uint8_t resolution)
{
	double scale = 1e9;
	int i, power = resolution & 0x7f;
	double base = (resolution & 0x80) != 0 ? 2 : 10;
	int64_t whole = 1;

	/* The usual ones exactly. */
	if (base == 10 && power <= 9) {
		for (i = power; i < 9; i++)
			whole *= 10;
		return ticks > (uint64_t)(INT64_MAX / whole)
			   ? INT64_MAX
			   : (int64_t)ticks * whole;
	}
	for (i = 0; i < power; i++)
		scale /= base;
	scale *= (double)ticks;
	return scale < 9e18 ? (int64_t)scale : INT64_MAX;
}

static void
read_interface(struct evidence_reader *r, struct cursor body)
{
	struct evidence_link link = { .type = u16(r, &body),
		.resolution = MICROSECONDS };
	struct cursor value;
	uint16_t code, len;

	cursor_skip(&body, 6);
	while (cursor_left(&body) >= 4) {
		code = u16(r, &body);
		len = u16(r, &body);
		value = cursor_part(&body, len);
		cursor_skip(&body, (4 - len % 4U) % 4U);
		if (code == OPTION_RESOLUTION && len >= 1)
			link.resolution = cursor_u8(&value);
	}
	if (r->link_count < EVIDENCE_LINKS)
		r->link[r->link_count] = link;
	r->link_count++;
}

static bool
read_enhanced(struct evidence_reader *r, struct cursor body, bool obsolete,
    struct evidence_packet *packet, struct cursor *frame, uint16_t *link)
{
	uint32_t which = obsolete ? u16(r, &body) : u32(r, &body);
	uint64_t ticks;
	uint32_t kept;

	if (obsolete)
		cursor_skip(&body, 2);
	ticks = (uint64_t)u32(r, &body) << 32;
	ticks |= u32(r, &body);
	kept = u32(r, &body);
	cursor_skip(&body, 4);
	*frame = cursor_part(&body, kept);
	if (cursor_failed(&body) || which >= r->link_count ||
	    which >= EVIDENCE_LINKS)
		return false;
	packet->at.ns = ticks_to_ns(ticks, r->link[which].resolution);
	*link = r->link[which].type;
	return true;
}

/* Has no time of its own, and may be cut by the interface's length. */
static bool
read_simple(struct evidence_reader *r, struct cursor body, struct cursor *frame,
    uint16_t *link)
{
	uint32_t len = u32(r, &body);

	if (len > cursor_left(&body))
		len = (uint32_t)cursor_left(&body);
	*frame = cursor_part(&body, len);
	*link = r->link[0].type;
	return !cursor_failed(&body) && r->link_count > 0;
}

/* The byte order is the section's own. */
static bool
open_section(struct evidence_reader *r)
{
	struct cursor c = r->c;
	uint32_t magic;

	cursor_skip(&c, 8);
	magic = cursor_u32(&c);
	r->swapped = magic == swapped32(ORDER_MAGIC);
	r->link_count = 0;
	return magic == ORDER_MAGIC || r->swapped;
}

static enum parse_result
next_block(struct evidence_reader *r, struct evidence_packet *packet,
    struct cursor *frame, uint16_t *link)
{
	struct cursor peek = r->c, body;
	uint32_t type, len;
	bool found = false;

	/* Its type reads the same in either order. */
	if (cursor_u32(&peek) == BLOCK_SECTION && !open_section(r))
		return PARSE_SHORT;
	type = u32(r, &r->c);
	len = u32(r, &r->c);
	if (cursor_failed(&r->c) || len < 12 || len % 4 != 0)
		return PARSE_SHORT;
	body = cursor_part(&r->c, len - 12);
	cursor_skip(&r->c, 4);
	if (cursor_failed(&r->c))
		return PARSE_SHORT;
	if (type == BLOCK_INTERFACE)
		read_interface(r, body);
	else if (type == BLOCK_ENHANCED || type == BLOCK_PACKET)
		found = read_enhanced(
		    r, body, type == BLOCK_PACKET, packet, frame, link);
	else if (type == BLOCK_SIMPLE)
		found = read_simple(r, body, frame, link);
	return found ? PARSE_OK : PARSE_MALFORMED;
}

/* --- both --- */

int
evidence_open(struct evidence_reader *r, const char *path)
{
	size_t len;
	bool known;

	memset(r, 0, sizeof(*r));
	if (file_read(AT_FDCWD, path, LIMIT_EVIDENCE_BYTES, &r->bytes, &len) ==
	    -1)
		return -1;
	r->c = cursor_over(r->bytes, len);
	r->next_generation = cursor_u32(&r->c) == BLOCK_SECTION;
	cursor_seek(&r->c, 0);
	known = r->next_generation ? open_section(r) : open_classic(r);
	if (known)
		return 0;
	evidence_reader_clear(r);
	errno = EINVAL;
	return -1;
}

void
evidence_reader_clear(struct evidence_reader *r)
{
	free(r->bytes);
	memset(r, 0, sizeof(*r));
}

enum parse_result
evidence_next(
    struct evidence_reader *r, struct evidence_packet *packet, bool *whole)
{
	struct wall last = packet->at;
	struct cursor frame;
	enum parse_result result;
	uint16_t link = 0;

	while (cursor_left(&r->c) > 0) {
		packet->at = last;
		result = r->next_generation
			     ? next_block(r, packet, &frame, &link)
			     : next_classic(r, packet, &frame, &link);
		if (result == PARSE_SHORT) {
			*whole = false;
			return PARSE_SHORT;
		}
		if (result != PARSE_OK || !evidence_skip_link(&frame, link))
			continue;
		packet->len = cursor_left(&frame);
		packet->bytes = cursor_take(&frame, packet->len);
		return PARSE_OK;
	}
	*whole = !cursor_failed(&r->c);
	return PARSE_SHORT;
}
