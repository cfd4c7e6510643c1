#include "lib/base64.h"

#include <stdlib.h>
#include <string.h>

void
base64_encode(char *text, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *from = bytes;
	uint32_t bits;

	for (size_t i = 0; i < len; i += 3) {
		bits = (uint32_t)from[i] << 16;
		if (i + 1 < len)
			bits |= (uint32_t)from[i + 1] << 8;
		if (i + 2 < len)
			bits |= from[i + 2];
		*text++ = digits[bits >> 18];
		*text++ = digits[bits >> 12 & 63];
		*text++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*text++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	*text = '\0';
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

uint8_t *
base64_decode(const char *text, size_t *len)
{
	size_t size = strlen(text), i;
	uint32_t bits = 0;
	uint8_t *bytes;
	int digit;

	while (size > 0 && text[size - 1] == '=')
		size--;
	if (size == 0 || size % 4 == 1 || strlen(text) - size > 2 ||
	    (bytes = malloc(size)) == NULL)
		return NULL;
	*len = 0;
	for (i = 0; i < size; i++) {
		if ((digit = base64_digit(text[i])) == -1) {
			free(bytes);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			bytes[(*len)++] = (uint8_t)(bits >> (2 * (3 - i % 4)));
	}
	return bytes;
}
