#include "collector/import_ripe_atlas_values.h"

#include <math.h>
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

int64_t
atlas_rtt_us(const json_t *object, const char *key)
{
	const json_t *ms = json_object_get(object, key);
	double us = json_number_value(ms) * 1000;

	if (!json_is_number(ms) || us < 0 || us > (double)LIMIT_RTT_US)
		return -1;
	return llround(us);
}
