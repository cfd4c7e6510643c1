#include "lib/escape.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An output that counts on where it may no longer write. */
struct escape_out {
	char *text;
	size_t size;
	size_t written; /* without the NUL */
	size_t whole;
	bool full;
};

/* Whole pieces or nothing: a cut escape would read as another text. */
static void
put(struct escape_out *out, const char *piece, size_t len)
{
	out->whole += len;
	if (out->full || out->size == 0 || len > out->size - 1 - out->written) {
		out->full = true;
		return;
	}
	memcpy(out->text + out->written, piece, len);
	out->written += len;
}

static void
finish(struct escape_out *out)
{
	if (out->size > 0)
		out->text[out->written] = '\0';
}

static void
put_byte(struct escape_out *out, uint8_t byte)
{
	char piece[4] = { '\\', (char)('0' + byte / 100),
		(char)('0' + byte / 10 % 10), (char)('0' + byte % 10) };

	if (byte >= 0x20 && byte <= 0x7e && byte != '\\') {
		piece[0] = (char)byte;
		put(out, piece, 1);
	} else {
		put(out, piece, 4);
	}
}

/* The fullwidth = + - @ (U+FF1D, U+FF0B, U+FF0D, U+FF20) in UTF-8. */
static bool
is_fullwidth_formula(const char *text)
{
	static const char *const forms[] = { "\xef\xbc\x9d", "\xef\xbc\x8b",
		"\xef\xbc\x8d", "\xef\xbc\xa0" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strncmp(text, forms[i], 3) == 0)
			return true;
	}
	return false;
}

static bool
is_formula(const char *text)
{
	text += strspn(text, " ");
	return (*text != '\0' && strchr("=+-@|\t\r\n", *text) != NULL) ||
	       is_fullwidth_formula(text);
}

size_t
escape_text(char *text, size_t size, const void *bytes, size_t len)
{
	struct escape_out out = { .text = text, .size = size };
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		put_byte(&out, p[i]);
	finish(&out);
	return out.whole;
}

int
escape_decode(void *bytes, size_t size, size_t *len, const char *text)
{
	uint8_t *p = bytes;
	size_t count = 0;

	for (; *text != '\0'; text++) {
		int value = (unsigned char)*text;

		if (value < 0x20 || value > 0x7e || count == size)
			return -1;
		if (value == '\\') {
			value = 0;
			for (int i = 0; i < 3; i++) {
				text++;
				if (!isdigit((unsigned char)*text))
					return -1;
				value = value * 10 + (*text - '0');
			}
			if (value > 255)
				return -1;
		}
		p[count++] = (uint8_t)value;
	}
	*len = count;
	return 0;
}

size_t
escape_csv(char *text, size_t size, const char *field)
{
	struct escape_out out = { .text = text, .size = size };
	bool formula = is_formula(field);
	bool quoted = strpbrk(field, ",\"\r\n") != NULL || field[0] == ' ' ||
		      (field[0] != '\0' && field[strlen(field) - 1] == ' ');

	if (quoted)
		put(&out, "\"", 1);
	if (formula)
		put(&out, "'", 1);
	for (; *field != '\0'; field++) {
		if (*field == '"')
			put(&out, "\"\"", 2);
		else
			put(&out, field, 1);
	}
	if (quoted)
		put(&out, "\"", 1);
	finish(&out);
	return out.whole;
}
