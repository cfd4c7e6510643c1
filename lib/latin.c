#include "lib/latin.h"

#include <stdint.h>

/* U+00C0 .. U+017F without their marks. */
static const char latin[] =
    "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
    "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

/* The likeness of a character beyond ASCII that begins here; 0: none begins.
 * What follows its first byte is left to the caller, which passes it over. */
static char
likeness(const char *text, size_t len)
{
	const uint8_t c = (uint8_t)text[0];
	const uint8_t next = len > 1 ? (uint8_t)text[1] : 0;
	const unsigned point = ((c & 0x1fU) << 6) | (next & 0x3fU);

	if ((c & 0xc0) != 0xc0)
		return 0;
	if ((c & 0xe0) == 0xc0 && (next & 0xc0) == 0x80 && point >= 0xc0 &&
	    point < 0x180)
		return latin[point - 0xc0];
	return '?';
}

void
latin_ascii(char *out, size_t size, const char *text, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len && text[i] != '\0' && used + 1 < size; i++) {
		char c = text[i];

		if ((uint8_t)c >= 0x80)
			c = likeness(text + i, len - i);
		if (c >= 0x20 && c < 0x7f && c != '"')
			out[used++] = c;
	}
	out[used] = '\0';
}
