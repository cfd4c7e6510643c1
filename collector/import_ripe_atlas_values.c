#include "collector/import_ripe_atlas_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/text.h"

int64_t
atlas_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);
	int64_t number;

	if (json_is_integer(value))
		return json_integer_value(value);
	if (json_is_string(value) && text_int(&number, json_string_value(value),
					 INT32_MIN, INT64_MAX) == 0)
		return number;
	return otherwise;
}

const char *
atlas_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
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
atlas_base64(const char *text, size_t *len)
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

int64_t
atlas_rtt_us(const json_t *object, const char *key)
{
	const json_t *ms = json_object_get(object, key);
	double us = json_number_value(ms) * 1000;

	if (!json_is_number(ms) || us < 0 || us > (double)LIMIT_RTT_US)
		return -1;
	return llround(us);
}
