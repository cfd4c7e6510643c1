#include "collector/import_json_stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lines.h"

#define READ_BYTES 65536

struct json_stream {
	struct lines *lines;
	char *object; /* grows to max */
	size_t object_len, object_size, max;
	size_t depth; /* open brackets of the object; 0: between objects */
	bool in_string, escaped;
	bool too_long; /* the object is being skipped */
	bool in_array; /* the text began with a bracket */
	bool wrapped;  /* keys and values between objects are no rubbish */
	bool in_rubbish;
	bool line_begins; /* the byte before was a newline */
	bool end;
	size_t at, len;
	char buffer[READ_BYTES];
};

struct json_stream *
json_stream_open(const char *path, size_t max_object)
{
	struct json_stream *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->max = max_object;
	if ((s->lines = lines_open(path, 0)) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
json_stream_close(struct json_stream *s)
{
	if (s == NULL)
		return;
	lines_close(s->lines);
	free(s->object);
	free(s);
}

/* Keep a byte of the object; over the limit, or without memory, the object
 * is skipped. */
static void
keep(struct json_stream *s, char byte)
{
	size_t size = s->object_size;
	char *grown;

	if (s->too_long)
		return;
	if (s->object_len == size) {
		size = size == 0 ? 4096 : size * 2;
		if (size > s->max)
			size = s->max;
		if (size == s->object_size ||
		    (grown = realloc(s->object, size)) == NULL) {
			s->too_long = true;
			return;
		}
		s->object = grown;
		s->object_size = size;
	}
	s->object[s->object_len++] = byte;
}

/* The first key of an object says whether it is only the wrapping of an API
 * page or of the probe archive. */
static bool
is_wrapping(const struct json_stream *s)
{
	static const char *const keys[] = { "count", "next", "previous",
		"results", "meta", "objects" };
	const char *key = memchr(s->object, '"', s->object_len);
	size_t left, i;

	if (key == NULL)
		return false;
	key++;
	left = s->object_len - (size_t)(key - s->object);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (left > strlen(keys[i]) && key[strlen(keys[i])] == '"' &&
		    memcmp(key, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

static void
begin_object(struct json_stream *s)
{
	s->object_len = 0;
	s->too_long = false;
	s->in_string = s->escaped = false;
	s->in_rubbish = false;
	s->depth = 1;
	keep(s, '{');
}

/* A byte of a string, which ends with a quote that is not escaped. */
static void
in_string(struct json_stream *s, char byte)
{
	if (s->escaped)
		s->escaped = false;
	else if (byte == '\\')
		s->escaped = true;
	else if (byte == '"')
		s->in_string = false;
}

/* A byte of an object. True where the object ends with it. */
static bool
inside(struct json_stream *s, char byte)
{
	keep(s, byte);
	if (s->in_string) {
		in_string(s, byte);
		return false;
	}
	if (byte == '"')
		s->in_string = true;
	else if (byte == '{' || byte == '[')
		s->depth++;
	else if (byte == '}' || byte == ']')
		return --s->depth == 0;
	return false;
}

/* A byte between objects. True where it is rubbish, once for each stretch. */
static bool
between(struct json_stream *s, char byte)
{
	if (s->in_string) { /* a value of the wrapping */
		in_string(s, byte);
		return false;
	}
	if (byte == '{') {
		begin_object(s);
		return false;
	}
	if (byte == '[')
		s->in_array = true;
	if (memchr(" \t\r\n,[]}\x1e", byte, 9) != NULL) {
		s->in_rubbish = false;
		return false;
	}
	if (s->in_array && byte == '"')
		s->in_string = true;
	if (s->in_rubbish)
		return false;
	s->in_rubbish = true;
	return !s->wrapped;
}

/* In JSON Lines a line begins with an object: one that is still open was
 * cut. Arrays may be printed over many lines in any way. */
static bool
line_was_cut(const struct json_stream *s, char byte)
{
	return s->depth > 0 && s->line_begins && byte == '{' && !s->in_array;
}

static void
unwrap(struct json_stream *s)
{
	s->depth = 0;
	s->in_array = true;
	s->wrapped = true;
}

/* One byte. JSON_PIECE_END: nothing is complete yet. */
static enum json_piece
take_byte(struct json_stream *s, char byte)
{
	bool cut = line_was_cut(s, byte);

	s->line_begins = byte == '\n';
	if (cut) {
		begin_object(s);
		return JSON_PIECE_DAMAGED;
	}
	if (s->depth == 0)
		return between(s, byte) ? JSON_PIECE_DAMAGED : JSON_PIECE_END;
	if (inside(s, byte))
		return s->too_long ? JSON_PIECE_TOO_LONG : JSON_PIECE_OBJECT;
	if (byte == ':' && s->depth == 1 && !s->in_string &&
	    s->object_len < 64 && is_wrapping(s))
		unwrap(s);
	return JSON_PIECE_END;
}

enum json_piece
json_stream_next(struct json_stream *s, const char **text, size_t *len)
{
	enum json_piece piece;
	long got;

	while (!s->end) {
		while (s->at < s->len) {
			piece = take_byte(s, s->buffer[s->at++]);
			if (piece == JSON_PIECE_END)
				continue;
			*text = s->object;
			*len = s->object_len;
			return piece;
		}
		got = lines_read(s->lines, s->buffer, sizeof(s->buffer));
		if (got == -1) {
			s->end = true;
			return JSON_PIECE_UNREADABLE;
		}
		s->at = 0;
		s->len = (size_t)got;
		s->end = got == 0;
	}
	if (s->depth > 0) {
		s->depth = 0;
		return JSON_PIECE_DAMAGED;
	}
	return JSON_PIECE_END;
}
