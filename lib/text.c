#include "lib/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/limits.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_vp_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

int
text_print(char *buffer, size_t size, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(buffer, size, format, args);
	va_end(args);
	if (len < 0) {
		if (size > 0)
			buffer[0] = '\0';
		return -1;
	}
	return (size_t)len < size ? 0 : -1;
}

int
text_copy(char *buffer, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size) {
		if (size > 0)
			buffer[0] = '\0';
		return -1;
	}
	memcpy(buffer, from, len + 1);
	return 0;
}

int
text_int(int64_t *value, const char *text, int64_t min, int64_t max)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;
	long long number;

	/* strtoll itself skips white space. */
	if (!isdigit((unsigned char)*digits))
		return -1;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || number < min || number > max)
		return -1;
	*value = number;
	return 0;
}

int
text_double(double *value, const char *text, double min, double max)
{
	char *end;
	double number;

	/* Keeps out white space, hex, "inf" and "nan". */
	if (*text == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
		return -1;
	errno = 0;
	number = strtod(text, &end);
	if (errno != 0 || *end != '\0' || end == text)
		return -1;
	if (!(number >= min && number <= max))
		return -1;
	*value = number;
	return 0;
}

void
text_hex(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

int
text_unhex(void *bytes, size_t size, size_t *len, const char *text)
{
	uint8_t *p = bytes;
	size_t digits = strlen(text);

	if (digits % 2 != 0 || digits / 2 > size)
		return -1;
	for (size_t i = 0; i < digits / 2; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return -1;
		p[i] = (uint8_t)(high << 4 | low);
	}
	*len = digits / 2;
	return 0;
}

int
text_unhex64(uint64_t *value, const char *text)
{
	uint8_t bytes[8];
	size_t len, i;

	if (text_unhex(bytes, sizeof(bytes), &len, text) == -1 ||
	    len != sizeof(bytes))
		return -1;
	*value = 0;
	for (i = 0; i < sizeof(bytes); i++)
		*value = *value << 8 | bytes[i];
	return 0;
}

int
text_words(char *line, char **word, int count)
{
	int found = 0;

	while (found < count && line != NULL)
		word[found++] = strsep(&line, " ");
	return found == count && line == NULL ? 0 : -1;
}

bool
text_is_vp_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > LIMIT_VP_NAME || strstr(text, "..") != NULL)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_vp_char(text[i]))
			return false;
	}
	return text[0] != '.' && text[0] != '_' && text[0] != '-';
}

bool
text_is_printable(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	}
	return true;
}

size_t
text_bom(const char *text, size_t len)
{
	static const char bom[3] = "\xef\xbb\xbf";

	return len >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0
		   ? sizeof(bom)
		   : 0;
}
