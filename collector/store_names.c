#include "collector/store_names.h"

#include <string.h>
#include "collector/store_private.h"
#include "lib/batch_head.h"
#include "lib/escape.h"

#define HOST_TEXT 8192

/* What is kept once. */
struct kept {
	struct names *names;
	enum statement find, add;
};

static struct query
bind_lane(struct query q, int64_t vp, const struct item_lane *lane,
    char address[ADDR_TEXT])
{
	query_int(&q, vp);
	query_text(&q, lane->target);
	query_text(&q, addr_format(address, &lane->addr));
	query_int(&q, lane->addr.af);
	query_int(&q, lane->port);
	query_text(&q, proto_name(lane->proto));
	query_text(&q, lane->question);
	query_int(&q, lane->flow);
	return q;
}

/* The id that a query gives; 0: no row. */
static enum store_result
take_id(struct query *q, int64_t *id)
{
	*id = query_row(q) ? query_column_int(q, 0) : 0;
	return query_end(q);
}

static enum store_result
add_row(struct query *q, int64_t *id)
{
	enum store_result result = query_run(q);

	*id = sqlite3_last_insert_rowid(q->store->db);
	return result;
}

static enum store_result
find_or_add_lane(struct store *s, int64_t vp, const void *text, int64_t *id)
{
	const struct item_lane lane = item_lane_read(text);
	char address[ADDR_TEXT];
	struct query q =
	    bind_lane(query_start(s, STATEMENT_FIND_LANE), vp, &lane, address);
	enum store_result result = take_id(&q, id);

	if (result != STORE_OK || *id != 0)
		return result;
	q = bind_lane(query_start(s, STATEMENT_ADD_LANE), vp, &lane, address);
	return add_row(&q, id);
}

static enum store_result
find_or_add_instance(
    struct store *s, const char *method, size_t len, int64_t *id)
{
	const char *name = method + strlen(method) + 1;
	const size_t name_len = len - strlen(method) - 1;
	struct query q = query_start(s, STATEMENT_FIND_INSTANCE);
	char text[4 * LIMIT_IDENTITY + 1];
	enum store_result result;

	query_text(&q, method);
	query_blob(&q, name, name_len);
	if ((result = take_id(&q, id)) != STORE_OK || *id != 0)
		return result;
	(void)escape_text(text, sizeof(text), name, name_len);
	q = query_start(s, STATEMENT_ADD_INSTANCE);
	query_text(&q, method);
	query_blob(&q, name, name_len);
	query_text(&q, text);
	return add_row(&q, id);
}

static enum store_result
find_or_add_kept(struct store *s, const struct kept *k, const void *text,
    size_t len, int64_t *id)
{
	struct query q = query_start(s, k->find);
	uint8_t hash[SIGN_SHA256_LEN];
	enum store_result result;

	sha256(hash, text, len);
	query_blob(&q, hash, sizeof(hash));
	if ((result = take_id(&q, id)) != STORE_OK || *id != 0)
		return result;
	q = query_start(s, k->add);
	query_blob(&q, hash, sizeof(hash));
	query_text_len(&q, text, len);
	return add_row(&q, id);
}

enum store_result
store_host_id(struct store *s, const struct batch_head *head, int64_t *id)
{
	const struct kept hosts = { NULL, STATEMENT_FIND_HOST,
		STATEMENT_ADD_HOST };
	char text[HOST_TEXT];
	const size_t len = batch_head_host_to_json(head, text, sizeof(text));

	return find_or_add_kept(s, &hosts, text, len, id);
}

static enum store_result
lane_id(struct store *s, int64_t vp, const struct items *items,
    const struct item_name *name, int64_t *id)
{
	enum store_result result;

	if (names_find(s->lanes, name->hash, id))
		return STORE_OK;
	result = find_or_add_lane(s, vp, items_text(items, name->text), id);
	if (result == STORE_OK)
		names_add(s->lanes, name->hash, *id);
	return result;
}

static enum store_result
instance_id(struct store *s, const struct items *items,
    const struct item_name *name, int64_t *id)
{
	enum store_result result;

	*id = 0;
	if (name->text.len == 0 || names_find(s->instances, name->hash, id))
		return STORE_OK;
	result = find_or_add_instance(
	    s, items_text(items, name->text), name->text.len, id);
	if (result == STORE_OK)
		names_add(s->instances, name->hash, *id);
	return result;
}

static enum store_result
kept_id(struct store *s, const struct kept *k, const struct items *items,
    const struct item_name *name, int64_t *id)
{
	enum store_result result;

	*id = 0;
	if (name->text.len == 0 || names_find(k->names, name->hash, id))
		return STORE_OK;
	result = find_or_add_kept(
	    s, k, items_text(items, name->text), name->text.len, id);
	if (result == STORE_OK)
		names_add(k->names, name->hash, *id);
	return result;
}

enum store_result
store_item_ids(struct store *s, int64_t vp, const struct items *items,
    const struct item *item, struct item_ids *ids)
{
	const struct kept details = { s->details, STATEMENT_FIND_DETAIL,
		STATEMENT_ADD_DETAIL };
	const struct kept paths = { s->paths, STATEMENT_FIND_PATH,
		STATEMENT_ADD_PATH };
	enum store_result result;

	result = lane_id(s, vp, items, &item->lane, &ids->lane);
	if (result == STORE_OK)
		result = instance_id(s, items, &item->instance, &ids->instance);
	if (result == STORE_OK)
		result =
		    kept_id(s, &details, items, &item->detail, &ids->detail);
	if (result == STORE_OK)
		result = kept_id(s, &details, items, &item->reply, &ids->reply);
	if (result == STORE_OK)
		result = kept_id(s, &paths, items, &item->path, &ids->path);
	return result;
}

void
store_expect_item(const struct store *s, const struct item *item)
{
	names_expect(s->lanes, item->lane.hash);
	names_expect(s->instances, item->instance.hash);
	names_expect(s->details, item->detail.hash);
	names_expect(s->details, item->reply.hash);
}
