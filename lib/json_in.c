#include "lib/json_in.h"

#include <jansson.h>
#include <string.h>
#include "lib/limits.h"
#include "lib/text.h"

/* jansson takes UTF-8; ours is ASCII, so that no reader has to guess. */
static bool
is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 ||
		    (unsigned char)text[i] > 0x7e)
			return false;
	}
	return true;
}

static int64_t
read_int(const struct json_in *in, const char *key, int64_t min, int64_t max)
{
	const json_t *value = json_in_value(in, key, true);

	if (value == NULL)
		return -1;
	if (!json_is_integer(value)) {
		json_in_fail(in, key, "is no integer");
		return -1;
	}
	if (json_integer_value(value) < min ||
	    json_integer_value(value) > max) {
		json_in_fail(in, key, "is out of range");
		return -1;
	}
	return json_integer_value(value);
}

static void
read_text(const struct json_in *in, const char *key, char *text, size_t size)
{
	const json_t *value = json_in_value(in, key, true);

	text[0] = '\0';
	if (value == NULL)
		return;
	if (!json_is_string(value))
		json_in_fail(in, key, "is no string");
	else if (!text_is_printable(json_string_value(value), size - 1))
		json_in_fail(in, key, "is empty, too long or not printable");
	else
		(void)text_copy(text, size, json_string_value(value));
}

static bool
is_null(const struct json_in *in, const char *key)
{
	return json_is_null(json_object_get(in->object, key));
}

json_t *
json_in_parse(const char *json, size_t len, char *error, size_t error_size)
{
	json_error_t reason;
	json_t *object;

	if (!is_ascii(json, len)) {
		(void)text_print(error, error_size, "not printable ASCII");
		return NULL;
	}
	object = json_loadb(json, len, JSON_REJECT_DUPLICATES, &reason);
	if (object == NULL) {
		(void)text_print(error, error_size, "JSON: %s (column %d)",
		    reason.text, reason.column);
		return NULL;
	}
	if (!json_is_object(object)) {
		(void)text_print(error, error_size, "no JSON object");
		json_decref(object);
		return NULL;
	}
	return object;
}

void
json_in_free(json_t *object)
{
	json_decref(object);
}

bool
json_in_failed(const struct json_in *in)
{
	return *in->failed;
}

void
json_in_fail(const struct json_in *in, const char *key, const char *reason)
{
	if (!*in->failed)
		(void)text_print(
		    in->error, in->error_size, "%s: %s", key, reason);
	*in->failed = true;
}

struct json_in
json_in_inside(const struct json_in *in, const json_t *object)
{
	struct json_in inside = *in;

	inside.object = object;
	return inside;
}

const json_t *
json_in_value(const struct json_in *in, const char *key, bool required)
{
	const json_t *value = json_object_get(in->object, key);

	if (value == NULL && required)
		json_in_fail(in, key, "is missing");
	return value;
}

int64_t
json_in_int(const struct json_in *in, const char *key, int64_t min, int64_t max)
{
	return read_int(in, key, min, max);
}

int64_t
json_in_int_or_null(
    const struct json_in *in, const char *key, int64_t min, int64_t max)
{
	return is_null(in, key) ? -1 : read_int(in, key, min, max);
}

int
json_in_flag(const struct json_in *in, const char *key)
{
	const json_t *value = json_in_value(in, key, true);

	if (value == NULL || json_is_null(value))
		return -1;
	if (!json_is_boolean(value))
		json_in_fail(in, key, "is no boolean");
	return json_is_true(value) ? 1 : 0;
}

void
json_in_text(const struct json_in *in, const char *key, char *text, size_t size)
{
	read_text(in, key, text, size);
}

void
json_in_text_or_null(
    const struct json_in *in, const char *key, char *text, size_t size)
{
	text[0] = '\0';
	if (!is_null(in, key))
		read_text(in, key, text, size);
}

int
json_in_name(const struct json_in *in, const char *key,
    const char *const *names, size_t count)
{
	const json_t *value = json_in_value(in, key, true);
	const char *text = json_string_value(value);

	for (size_t i = 0; value != NULL && i < count; i++) {
		if (names[i] == NULL
			? json_is_null(value)
			: text != NULL && strcmp(text, names[i]) == 0)
			return (int)i;
	}
	json_in_fail(in, key, "is none of the known ones");
	return 0;
}

struct wall
json_in_time(const struct json_in *in, const char *key)
{
	char text[TIMES_TEXT], again[TIMES_TEXT];
	struct wall t = { LIMIT_TIME_MIN_US * 1000 };

	read_text(in, key, text, sizeof(text));
	if (json_in_failed(in))
		return t;
	/* One time has one spelling. */
	if (wall_parse(&t, text) == -1)
		json_in_fail(in, key, "is no time");
	wall_format(again, t, 6);
	if (strcmp(text, again) != 0)
		json_in_fail(in, key, "is not UTC with six digits");
	else if (wall_to_us(t) < LIMIT_TIME_MIN_US ||
		 wall_to_us(t) > LIMIT_TIME_MAX_US)
		json_in_fail(in, key, "is out of range");
	return t;
}

struct addr
json_in_addr(const struct json_in *in, const char *key)
{
	struct addr addr = { 0 };
	char text[ADDR_TEXT];

	if (is_null(in, key))
		return addr;
	read_text(in, key, text, sizeof(text));
	if (!json_in_failed(in) && addr_parse(&addr, text) == -1)
		json_in_fail(in, key, "is no address");
	return addr;
}
