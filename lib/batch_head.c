#include "lib/batch_head.h"

#include <jansson.h>
#include <string.h>
#include "lib/json_in.h"
#include "lib/json_out.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PREFIX_TEXT (ADDR_TEXT + 4)
#define DAYS_100_US (100LL * 86400 * 1000000)

static const char *const clock_names[] = { NULL, "synced", "unsynced" };

/* -1 alone is unknown: an offset may be negative. */
static void
put_offset(struct json_out *out, int64_t us)
{
	if (us == -1)
		json_out_null(out);
	else
		json_out_int(out, us);
}

static void
put_number(struct json_out *out, const char *key, int64_t value)
{
	json_out_key(out, key);
	json_out_int_or_null(out, value);
}

static void
put_clock(struct json_out *out, const struct batch_head *head)
{
	json_out_key(out, "clock");
	json_out_text_or_null(out, clock_names[head->clock]);
	json_out_key(out, "clock_offset_us");
	put_offset(out, head->clock_offset_us);
	put_number(out, "clock_max_error_us", head->clock_max_error_us);
	json_out_key(out, "clock_stepped");
	json_out_bool(out, head->clock_stepped);
	if (head->suspended_us > 0)
		put_number(out, "suspended_us", head->suspended_us);
}

/* Last in a head. */
static void
put_host(struct json_out *out, const struct batch_head *head)
{
	char text[PREFIX_TEXT];

	json_out_key(out, "boot_id");
	json_out_text_or_null(out, head->boot_id);
	json_out_key(out, "version");
	json_out_text(out, head->version);
	json_out_key(out, "addresses");
	json_out_open(out, '[');
	for (size_t i = 0; i < head->address_count; i++)
		json_out_addr(out, &head->address[i]);
	json_out_close(out, ']');
	json_out_key(out, "allow_special");
	json_out_open(out, '[');
	for (size_t i = 0; i < head->allow_special_count; i++)
		json_out_text(out,
		    prefix_format(text, sizeof(text), &head->allow_special[i]));
	json_out_close(out, ']');
}

/* The strings of an array; *count stays 0 where it is none. */
static const char *
list_item(const struct json_in *in, const char *key, size_t max, size_t i)
{
	const json_t *array = json_in_value(in, key, true);
	const char *text;

	if (array == NULL)
		return NULL;
	if (!json_is_array(array) || json_array_size(array) > max) {
		json_in_fail(in, key, "is no array or too long");
		return NULL;
	}
	if (i == json_array_size(array))
		return NULL;
	if ((text = json_string_value(json_array_get(array, i))) == NULL)
		json_in_fail(in, key, "has an item that is no string");
	return text;
}

static void
read_addresses(const struct json_in *in, struct batch_head *head)
{
	const char *text;

	while ((text = list_item(in, "addresses", COUNT(head->address),
		    head->address_count)) != NULL) {
		if (addr_parse(&head->address[head->address_count++], text) ==
		    -1) {
			json_in_fail(in, "addresses", "has no address");
			return;
		}
	}
}

static void
read_allowed(const struct json_in *in, struct batch_head *head)
{
	const char *text;

	while (
	    (text = list_item(in, "allow_special", COUNT(head->allow_special),
		 head->allow_special_count)) != NULL) {
		if (prefix_parse(
			&head->allow_special[head->allow_special_count++],
			text) == -1) {
			json_in_fail(in, "allow_special", "has no prefix");
			return;
		}
	}
}

static void
read_head(const struct json_in *in, struct batch_head *head)
{
	static const char *const types[] = { "head" };

	(void)json_in_name(in, "type", types, COUNT(types));
	head->round_at = json_in_time(in, "round_at");
	head->every_s = json_in_int(in, "every_s", 0, INT32_MAX);
	head->questions = json_in_int(in, "questions", 0, INT32_MAX);
	head->lost = json_in_int(in, "lost", 0, INT32_MAX);
	head->skipped = json_in_int(in, "skipped", 0, INT32_MAX);
	head->clock = (enum clock_state)json_in_name(
	    in, "clock", clock_names, COUNT(clock_names));
	head->clock_offset_us = json_in_int_or_null(
	    in, "clock_offset_us", -DAYS_100_US, DAYS_100_US);
	head->clock_max_error_us =
	    json_in_int_or_null(in, "clock_max_error_us", 0, DAYS_100_US);
	head->clock_stepped = json_in_flag(in, "clock_stepped") == 1;
	if (json_in_value(in, "suspended_us", false) != NULL)
		head->suspended_us =
		    json_in_int(in, "suspended_us", 0, DAYS_100_US);
	if (json_in_value(in, "attacked", false) != NULL)
		head->attacked = json_in_int(in, "attacked", 0, INT32_MAX);
	json_in_text_or_null(
	    in, "boot_id", head->boot_id, sizeof(head->boot_id));
	read_addresses(in, head);
	json_in_text(in, "version", head->version, sizeof(head->version));
	read_allowed(in, head);
}

size_t
batch_head_to_json(const struct batch_head *head, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);

	json_out_open(&out, '{');
	json_out_key(&out, "type");
	json_out_text(&out, "head");
	json_out_key(&out, "round_at");
	json_out_time(&out, head->round_at);
	put_number(&out, "every_s", head->every_s);
	put_number(&out, "questions", head->questions);
	put_number(&out, "lost", head->lost);
	put_number(&out, "skipped", head->skipped);
	put_clock(&out, head);
	if (head->attacked > 0)
		put_number(&out, "attacked", head->attacked);
	put_host(&out, head);
	json_out_close(&out, '}');
	return json_out_end(&out);
}

size_t
batch_head_host_to_json(const struct batch_head *head, char *text, size_t size)
{
	struct json_out out = json_out_over(text, size);

	json_out_open(&out, '{');
	put_host(&out, head);
	json_out_close(&out, '}');
	return json_out_end(&out);
}

int
batch_head_from_json(struct batch_head *head, const char *json, size_t len,
    char *error, size_t error_size)
{
	bool failed = false;
	struct json_in in = {
		.error = error, .error_size = error_size, .failed = &failed
	};
	struct json_t *object;

	memset(head, 0, sizeof(*head));
	object = json_in_parse(json, len, error, error_size);
	if (object == NULL)
		return -1;
	in.object = object;
	read_head(&in, head);
	json_in_free(object);
	return failed ? -1 : 0;
}
