#include "lib/json_out.h"

#include <string.h>
#include "lib/text.h"

#define HEX_AT_ONCE 32

static void
put(struct json_out *out, const char *bytes, size_t len)
{
	/* One byte stays free for the NUL. */
	if (out->failed || len >= out->size - out->len) {
		out->failed = true;
		return;
	}
	memcpy(out->text + out->len, bytes, len);
	out->len += len;
}

static void
put_char(struct json_out *out, char c)
{
	if (out->failed || out->size - out->len <= 1) {
		out->failed = true;
		return;
	}
	out->text[out->len++] = c;
}

static void
begin_value(struct json_out *out)
{
	if (out->comma)
		put_char(out, ',');
	out->comma = true;
}

/* begin_value and put. */
static void
put_value(struct json_out *out, const char *bytes, size_t len)
{
	char *to = out->text + out->len;

	if (out->failed || len + out->comma >= out->size - out->len) {
		out->failed = true;
		return;
	}
	if (out->comma)
		*to++ = ',';
	memcpy(to, bytes, len);
	out->len += len + out->comma;
	out->comma = true;
}

static bool
is_plain(char c)
{
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

/* One character of a string that is ASCII already. */
static void
put_escaped(struct json_out *out, char c)
{
	char piece[7];

	if (c == '"' || c == '\\') {
		put_char(out, '\\');
		put_char(out, c);
	} else if (is_plain(c)) {
		put_char(out, c);
	} else {
		(void)text_print(piece, sizeof(piece), "\\u%04x",
		    (unsigned)(unsigned char)c);
		put(out, piece, 6);
	}
}

struct json_out
json_out_over(char *text, size_t size)
{
	return (struct json_out){
		.text = text,
		.size = size,
		.failed = size == 0,
	};
}

size_t
json_out_end(struct json_out *out)
{
	if (out->size > 0)
		out->text[out->failed ? 0 : out->len] = '\0';
	return out->failed ? 0 : out->len;
}

void
json_out_open(struct json_out *out, char bracket)
{
	begin_value(out);
	put_char(out, bracket);
	out->comma = false;
}

void
json_out_close(struct json_out *out, char bracket)
{
	put_char(out, bracket);
	out->comma = true;
}

void
json_out_null(struct json_out *out)
{
	put_value(out, "null", 4);
}

void
json_out_bool(struct json_out *out, bool value)
{
	put_value(out, value ? "true" : "false", value ? 4 : 5);
}

void
json_out_int(struct json_out *out, int64_t value)
{
	char digits[21]; /* and a sign */
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	/* printf is a third of a record's cost. */
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (value < 0)
		digits[--at] = '-';
	put_value(out, &digits[at], sizeof(digits) - at);
}

void
json_out_thousandths(struct json_out *out, int64_t value)
{
	char digits[21]; /* and a point */
	size_t at = sizeof(digits);

	for (int i = 0; i < 4 || value != 0; i++) {
		if (i == 3)
			digits[--at] = '.';
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	}
	put_value(out, &digits[at], sizeof(digits) - at);
}

void
json_out_word(struct json_out *out, const char *word)
{
	const size_t len = strlen(word);
	char *to = out->text + out->len;

	if (out->failed || len + 2 + out->comma >= out->size - out->len) {
		out->failed = true;
		return;
	}
	if (out->comma)
		*to++ = ',';
	*to++ = '"';
	memcpy(to, word, len);
	to[len] = '"';
	out->len += len + 2 + out->comma;
	out->comma = true;
}

void
json_out_text(struct json_out *out, const char *text)
{
	const char *end;

	begin_value(out);
	put_char(out, '"');
	for (; *text != '\0'; text = end) {
		for (end = text; is_plain(*end); end++)
			;
		put(out, text, (size_t)(end - text));
		if (*end != '\0')
			put_escaped(out, *end++);
	}
	put_char(out, '"');
}

void
json_out_bytes(struct json_out *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	char piece[5] = { '\\', '\\' };

	begin_value(out);
	put_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (p[i] >= 0x20 && p[i] <= 0x7e && p[i] != '\\') {
			put_escaped(out, (char)p[i]);
			continue;
		}
		/* Text form has \DDD, and JSON doubles its backslash. */
		piece[2] = (char)('0' + p[i] / 100);
		piece[3] = (char)('0' + p[i] / 10 % 10);
		piece[4] = (char)('0' + p[i] % 10);
		put(out, piece, sizeof(piece));
	}
	put_char(out, '"');
}

void
json_out_hex(struct json_out *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	char piece[2 * HEX_AT_ONCE + 1];

	begin_value(out);
	put_char(out, '"');
	for (size_t i = 0; i < len; i += HEX_AT_ONCE) {
		size_t some = len - i < HEX_AT_ONCE ? len - i : HEX_AT_ONCE;

		text_hex(piece, &p[i], some);
		put(out, piece, 2 * some);
	}
	put_char(out, '"');
}

void
json_out_time(struct json_out *out, struct wall t)
{
	char text[TIMES_TEXT];

	wall_format(text, t, 6);
	json_out_word(out, text);
}

void
json_out_addr(struct json_out *out, const struct addr *addr)
{
	char text[ADDR_TEXT];

	if (addr_is_set(addr))
		json_out_word(out, addr_format(text, addr));
	else
		json_out_null(out);
}

void
json_out_int_or_null(struct json_out *out, int64_t value)
{
	if (value < 0)
		json_out_null(out);
	else
		json_out_int(out, value);
}

void
json_out_text_or_null(struct json_out *out, const char *text)
{
	if (text == NULL || text[0] == '\0')
		json_out_null(out);
	else
		json_out_text(out, text);
}

void
json_out_word_or_null(struct json_out *out, const char *word)
{
	if (word == NULL || word[0] == '\0')
		json_out_null(out);
	else
		json_out_word(out, word);
}
