/* The metadata of an MMDB file, before a library unfolds it (MaxMind DB File
 * Format Specification 2.0, "Database Metadata" and "Data Section"). */
#include "lib/geo_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cursor.h"
#include "lib/limits.h"

static const uint8_t marker[] = "\xab\xcd\xefMaxMind.com";
#define MARKER_LEN (sizeof(marker) - 1)

enum type {
	TYPE_EXTENDED = 0,
	TYPE_POINTER = 1,
	TYPE_TEXT = 2,
	TYPE_U16 = 5,
	TYPE_U32 = 6,
	TYPE_MAP = 7,
	TYPE_U64 = 9,
	TYPE_ARRAY = 11,
	TYPE_BOOL = 14,
};

struct field {
	int type;
	uint32_t size; /* of a pointer: where to */
};

static uint32_t
read_number(struct cursor *c, uint32_t bytes)
{
	uint32_t number = 0;

	for (; bytes > 0 && !cursor_failed(c); bytes--)
		number = number << 8 | cursor_u8(c);
	return number;
}

static uint32_t
read_pointer(struct cursor *c, uint8_t control)
{
	static const uint32_t base[] = { 0, 2048, 526336, 0 };
	const uint32_t bytes = ((control >> 3) & 3) + 1U;
	const uint32_t low = read_number(c, bytes);

	if (bytes == 4)
		return low;
	return base[bytes - 1] + ((control & 7U) << (8 * bytes)) + low;
}

static struct field
read_field(struct cursor *c)
{
	const uint8_t control = cursor_u8(c);
	struct field field = { control >> 5, control & 0x1f };

	if (field.type == TYPE_POINTER) {
		field.size = read_pointer(c, control);
		return field;
	}
	if (field.type == TYPE_EXTENDED)
		field.type = cursor_u8(c) + 7;
	if (field.size == 29)
		field.size = 29 + read_number(c, 1);
	else if (field.size == 30)
		field.size = 285 + read_number(c, 2);
	else if (field.size == 31)
		field.size = 65821 + read_number(c, 3);
	return field;
}

/* Pass over a value and what is in it, wherever its pointers lead. */
static bool
skip_value(struct cursor *c)
{
	uint64_t left = 1;

	for (; left > 0 && !cursor_failed(c); left--) {
		const struct field field = read_field(c);

		if (field.type == TYPE_MAP)
			left += 2ULL * field.size;
		else if (field.type == TYPE_ARRAY)
			left += field.size;
		else if (field.type != TYPE_BOOL && field.type != TYPE_POINTER)
			cursor_skip(c, field.size);
	}
	return !cursor_failed(c);
}

/* A value without others in it, itself or by one pointer: its bytes, which
 * are not there where size is 0. */
static bool
read_leaf(struct cursor *c, int type, const uint8_t **bytes, uint32_t *size)
{
	struct cursor there = cursor_over(c->bytes, c->len);
	struct field field = read_field(c);

	if (field.type == TYPE_POINTER) {
		cursor_seek(&there, field.size);
		field = read_field(&there);
		c = &there;
	}
	*size = field.size;
	*bytes = cursor_take(c, field.size);
	return field.type == type && !cursor_failed(c);
}

static bool
skip_texts(struct cursor *c, uint64_t count)
{
	const uint8_t *bytes;
	uint32_t size;

	for (; count > 0; count--)
		if (!read_leaf(c, TYPE_TEXT, &bytes, &size))
			return false;
	return true;
}

/* What the library relies on, with the types that it asks for. */
enum key {
	KEY_NODES,
	KEY_RECORD_BITS,
	KEY_IP_VERSION,
	KEY_MAJOR,
	KEY_MINOR,
	KEY_EPOCH,
	KEY_TYPE,
	KEY_LANGUAGES,
	KEY_DESCRIPTION,
	KEY_COUNT
};
static const struct {
	const char *name;
	int type;
} keys[KEY_COUNT] = {
	[KEY_NODES] = { "node_count", TYPE_U32 },
	[KEY_RECORD_BITS] = { "record_size", TYPE_U16 },
	[KEY_IP_VERSION] = { "ip_version", TYPE_U16 },
	[KEY_MAJOR] = { "binary_format_major_version", TYPE_U16 },
	[KEY_MINOR] = { "binary_format_minor_version", TYPE_U16 },
	[KEY_EPOCH] = { "build_epoch", TYPE_U64 },
	[KEY_TYPE] = { "database_type", TYPE_TEXT },
	[KEY_LANGUAGES] = { "languages", TYPE_ARRAY },
	[KEY_DESCRIPTION] = { "description", TYPE_MAP },
};

struct metadata {
	bool has[KEY_COUNT];
	uint64_t value[KEY_COUNT]; /* of numbers */
};

/* The value of a known key. */
static bool
read_value(struct cursor *c, struct metadata *m, enum key key)
{
	const uint8_t *bytes;
	struct field field;
	uint32_t size;

	if (m->has[key])
		return false;
	m->has[key] = true;
	if (keys[key].type == TYPE_ARRAY || keys[key].type == TYPE_MAP) {
		field = read_field(c);
		return field.type == keys[key].type &&
		       skip_texts(c, field.type == TYPE_MAP ? 2ULL * field.size
							    : field.size);
	}
	if (!read_leaf(c, keys[key].type, &bytes, &size))
		return false;
	if (keys[key].type == TYPE_TEXT)
		return true;
	for (uint32_t i = 0; i < size && i < 8; i++)
		m->value[key] = m->value[key] << 8 | bytes[i];
	return size <= 8;
}

static bool
read_entry(struct cursor *c, struct metadata *m)
{
	const uint8_t *name;
	uint32_t size;

	if (!read_leaf(c, TYPE_TEXT, &name, &size))
		return false;
	for (int key = 0; key < KEY_COUNT; key++)
		if (strlen(keys[key].name) == size &&
		    memcmp(keys[key].name, name, size) == 0)
			return read_value(c, m, (enum key)key);
	return skip_value(c);
}

static bool
read_metadata(struct cursor *c, struct metadata *m)
{
	const struct field field = read_field(c);
	uint32_t left = field.size;

	if (field.type != TYPE_MAP)
		return false;
	for (; left > 0; left--)
		if (!read_entry(c, m))
			return false;
	for (int key = 0; key < KEY_COUNT; key++)
		if (!m->has[key])
			return false;
	return true;
}

/* Two records a node, then 16 bytes of nothing, then the data. */
static bool
fits(const struct metadata *m, uint64_t before)
{
	const uint64_t bits = m->value[KEY_RECORD_BITS];
	const uint64_t nodes = m->value[KEY_NODES];

	return (bits == 24 || bits == 28 || bits == 32) && nodes > 0 &&
	       nodes <= UINT32_MAX && nodes * bits / 4 + 16 < before &&
	       before - nodes * bits / 4 <= UINT32_MAX;
}

/* The end of a file that has before bytes more in front of it. */
static const char *
judge(const uint8_t *bytes, size_t len, uint64_t before)
{
	const uint8_t *last = NULL, *at = bytes;
	struct metadata m = { 0 };
	struct cursor c;

	while ((at = memmem(at, len - (size_t)(at - bytes), marker,
		    MARKER_LEN)) != NULL)
		last = at++;
	if (last == NULL)
		return "is no MMDB file";
	before += (uint64_t)(last - bytes);
	last += MARKER_LEN;
	c = cursor_over(last, len - (size_t)(last - bytes));
	if (!read_metadata(&c, &m))
		return "its metadata are damaged";
	if (m.value[KEY_MAJOR] != 2 ||
	    (m.value[KEY_IP_VERSION] != 4 && m.value[KEY_IP_VERSION] != 6))
		return "is of a version that is not known";
	return fits(&m, before) ? NULL : "is not whole";
}

static const char *
read_end(int fd, off_t size, uint8_t *bytes)
{
	const size_t len =
	    size < LIMIT_MMDB_METADATA ? (size_t)size : LIMIT_MMDB_METADATA;
	const ssize_t got = pread(fd, bytes, len, size - (off_t)len);

	if (got < 0)
		return strerror(errno);
	return judge(bytes, (size_t)got, (uint64_t)size - len);
}

const char *
geo_distrust(const char *path)
{
	/* Non-blocking: it may be a pipe that nobody writes to. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *reason;
	uint8_t *bytes;
	struct stat st;

	if (fd == -1)
		return strerror(errno);
	bytes = malloc(LIMIT_MMDB_METADATA);
	if (bytes == NULL || fstat(fd, &st) == -1)
		reason = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		reason = "is no file";
	else
		reason = read_end(fd, st.st_size, bytes);
	free(bytes);
	(void)close(fd);
	return reason;
}
