#include "collector/store_site_list.h"

#include <stdlib.h>
#include <string.h>
#include "collector/store_private.h"
#include "lib/json_in.h"
#include "lib/json_out.h"
#include "lib/site_map.h"
#include "lib/text.h"

#define HEAD_TEXT 256

/* What is kept can be read by every report. */
static bool
is_readable(const struct site_list *list, char *error, size_t size)
{
	const struct site_map_list text = { list->name, list->lines };
	const struct site_map_sources sources = { .lists = &text,
		.list_count = 1 };
	const int64_t since = list->since_us;
	struct site_map *map;

	if (since < 0 || since > LIMIT_TIME_MAX_US ||
	    strlen(list->lines) > LIMIT_SITE_LIST_BYTES) {
		(void)text_print(error, size, "%s: %s", list->name,
		    since < 0 || since > LIMIT_TIME_MAX_US ? "no such time"
							   : "too long");
		return false;
	}
	map = site_map_read_sources(&sources, error, size);
	site_map_free(map);
	return map != NULL;
}

static enum store_result
archive_list(struct store *s, const struct site_list *list)
{
	const size_t len = strlen(list->lines);
	char *text = malloc(HEAD_TEXT + len);
	enum store_result result = STORE_BROKEN;
	struct json_out out;
	size_t head;

	if (text == NULL)
		return STORE_BROKEN;
	out = json_out_over(text, HEAD_TEXT - 1);
	json_out_open(&out, '{');
	json_out_key(&out, "name");
	json_out_text(&out, list->name);
	json_out_key(&out, "since_us");
	json_out_int(&out, list->since_us);
	json_out_close(&out, '}');
	if ((head = json_out_end(&out)) > 0) {
		text[head] = '\n';
		memcpy(text + head + 1, list->lines, len);
		result = store_archive(s, "sites", text, head + 1 + len);
	}
	free(text);
	return result;
}

static struct query
bind_list(
    struct store *s, enum statement statement, const struct site_list *list)
{
	struct query q = query_start(s, statement);

	query_text(&q, list->name);
	query_int(&q, list->since_us);
	query_text(&q, list->lines);
	return q;
}

enum store_result
store_site_list(
    struct store *s, const struct site_list *list, char *error, size_t size)
{
	enum store_result result;
	struct query q;
	bool same;

	if (!is_readable(list, error, size))
		return STORE_REFUSED;
	q = bind_list(s, STATEMENT_SAME_SITE_LIST, list);
	same = query_row(&q);
	if ((result = query_end(&q)) != STORE_OK || same)
		return result;
	q = bind_list(s, STATEMENT_PUT_SITE_LIST, list);
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	return archive_list(s, list);
}

enum store_result
store_site_list_restore(
    struct store *s, const char *bytes, size_t len, char *error, size_t size)
{
	char name[LIMIT_SITE_LIST + 1] = "";
	const char *end = memchr(bytes, '\n', len);
	struct site_list list = { .name = name };
	bool failed = false;
	struct json_in in = {
		.error = error, .error_size = size, .failed = &failed
	};
	struct json_t *head;

	if (end == NULL || strlen(bytes) != len) {
		(void)text_copy(error, size, "no line of JSON and a text");
		return STORE_REFUSED;
	}
	head = json_in_parse(bytes, (size_t)(end - bytes), error, size);
	if (head == NULL)
		return STORE_REFUSED;
	in.object = head;
	json_in_text(&in, "name", name, sizeof(name));
	list.since_us = json_in_int(&in, "since_us", 0, LIMIT_TIME_MAX_US);
	list.lines = end + 1;
	json_in_free(head);
	return failed ? STORE_REFUSED : store_site_list(s, &list, error, size);
}
