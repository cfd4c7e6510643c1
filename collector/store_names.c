#include "collector/store_names.h"

#include <string.h>
#include "collector/detail.h"
#include "collector/store_private.h"
#include "lib/escape.h"
#include "lib/writer.h"

/* A lane's strings and numbers, each ended by a NUL; a name, a method. */
#define KEY_BYTES 1024

static void
put_text(struct writer *w, const char *text)
{
	writer_bytes(w, text, strlen(text) + 1);
}

static void
lane_key(struct writer *w, int64_t vp, const struct record *record)
{
	writer_bytes(w, &vp, sizeof(vp));
	writer_bytes(w, &record->addr, sizeof(record->addr));
	writer_bytes(w, &record->port, sizeof(record->port));
	writer_bytes(w, &record->flow.n, sizeof(record->flow.n));
	writer_u8(w, (uint8_t)record->proto);
	put_text(w, record->target);
	put_text(w, record->question);
}

static struct query
bind_lane(struct store *s, enum statement statement, int64_t vp,
    const struct record *record, char address[ADDR_TEXT])
{
	struct query q = query_start(s, statement);

	query_int(&q, vp);
	query_text(&q, record->target);
	query_text(&q, addr_format(address, &record->addr));
	query_int(&q, record->addr.af);
	query_int(&q, record->port);
	query_text(&q, proto_name(record->proto));
	query_text(&q, record->question);
	query_int(&q, record->flow.n);
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

enum store_result
store_lane(
    struct store *s, int64_t vp, const struct record *record, int64_t *lane)
{
	uint8_t key[KEY_BYTES];
	struct writer w = writer_over(key, sizeof(key));
	char address[ADDR_TEXT];
	enum store_result result;
	struct query q;

	lane_key(&w, vp, record);
	if (names_find(s->lanes, key, w.len, lane))
		return STORE_OK;
	q = bind_lane(s, STATEMENT_FIND_LANE, vp, record, address);
	if ((result = take_id(&q, lane)) != STORE_OK)
		return result;
	if (*lane == 0) {
		q = bind_lane(s, STATEMENT_ADD_LANE, vp, record, address);
		result = add_row(&q, lane);
	}
	if (result == STORE_OK)
		names_add(s->lanes, key, w.len, *lane);
	return result;
}

static enum store_result
find_or_add_instance(struct store *s, const char *method,
    const struct record_bytes *identity, int64_t *instance)
{
	char text[4 * LIMIT_IDENTITY + 1];
	enum store_result result;
	struct query q = query_start(s, STATEMENT_FIND_INSTANCE);

	query_text(&q, method);
	query_blob(&q, identity->bytes, identity->len);
	if ((result = take_id(&q, instance)) != STORE_OK || *instance != 0)
		return result;
	(void)escape_text(text, sizeof(text), identity->bytes, identity->len);
	q = query_start(s, STATEMENT_ADD_INSTANCE);
	query_text(&q, method);
	query_blob(&q, identity->bytes, identity->len);
	query_text(&q, text);
	return add_row(&q, instance);
}

enum store_result
store_instance(struct store *s, const struct record *record, int64_t *instance)
{
	const struct record_bytes *identity = NULL;
	uint8_t key[KEY_BYTES];
	struct writer w = writer_over(key, sizeof(key));
	enum identity_method method;
	enum store_result result;
	const char *name;

	*instance = 0;
	if (record->outcome != OUTCOME_ANSWERED)
		return STORE_OK;
	*instance = INSTANCE_NAMELESS;
	method = record_identity(record, &identity);
	if (method == IDENTITY_NONE)
		return STORE_OK;
	name = identity_method_name(method, record->question);
	put_text(&w, name);
	writer_bytes(&w, identity->bytes, identity->len);
	if (names_find(s->instances, key, w.len, instance))
		return STORE_OK;
	result = find_or_add_instance(s, name, identity, instance);
	if (result == STORE_OK)
		names_add(s->instances, key, w.len, *instance);
	return result;
}

/* What is kept once, and found by its hash. */
struct kept {
	struct names *names;
	enum statement find, add;
	const char *text;
	size_t len;
};

static enum store_result
keep(struct store *s, const struct kept *k, int64_t *id)
{
	uint8_t hash[SIGN_SHA256_LEN];
	enum store_result result;
	struct query q;

	if (names_find(k->names, k->text, k->len, id))
		return STORE_OK;
	sha256(hash, k->text, k->len);
	q = query_start(s, k->find);
	query_blob(&q, hash, sizeof(hash));
	if ((result = take_id(&q, id)) != STORE_OK)
		return result;
	if (*id == 0) {
		q = query_start(s, k->add);
		query_blob(&q, hash, sizeof(hash));
		query_text_len(&q, k->text, k->len);
		result = add_row(&q, id);
	}
	if (result == STORE_OK)
		names_add(k->names, k->text, k->len, *id);
	return result;
}

static enum store_result
keep_detail(struct store *s, size_t len, int64_t *id)
{
	const struct kept k = { s->details, STATEMENT_FIND_DETAIL,
		STATEMENT_ADD_DETAIL, s->text, len };

	return keep(s, &k, id);
}

enum store_result
store_detail(struct store *s, const struct record *record, int64_t *detail,
    int64_t *reply)
{
	enum store_result result = keep_detail(
	    s, detail_of_lane(record, s->text, DETAIL_TEXT), detail);
	size_t len;

	*reply = 0;
	if (result != STORE_OK)
		return result;
	if ((len = detail_of_reply(record, s->text, DETAIL_TEXT)) == 0)
		return STORE_OK;
	return keep_detail(s, len, reply);
}

enum store_result
store_path(struct store *s, const char *hops, size_t len, int64_t *path)
{
	const struct kept k = { s->paths, STATEMENT_FIND_PATH,
		STATEMENT_ADD_PATH, hops, len };

	return keep(s, &k, path);
}
