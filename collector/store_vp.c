#include "collector/store.h"

#include <stdio.h>
#include <string.h>
#include "collector/store_act.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

static enum store_result
find_vp(struct store *s, const char *name, int64_t *vp)
{
	struct query q = query_start(s, STATEMENT_FIND_VP);

	query_text(&q, name);
	*vp = query_row(&q) ? query_column_int(&q, 0) : 0;
	return query_end(&q);
}

enum store_result
store_vp_name(struct store *s, int64_t vp, char name[LIMIT_VP_NAME + 1])
{
	struct query q = query_start(s, STATEMENT_VP_NAME);
	bool found = false;
	enum store_result result;

	query_int(&q, vp);
	if (query_row(&q))
		found = text_copy(name, LIMIT_VP_NAME + 1,
			    query_column_text(&q, 0)) == 0;
	result = query_end(&q);
	return result == STORE_OK && !found ? STORE_UNKNOWN : result;
}

enum store_result
store_vp(struct store *s, const char *name, bool create, int64_t *vp)
{
	enum store_result result = find_vp(s, name, vp);
	struct store_act act;
	struct query q;

	if (result != STORE_OK || *vp != 0)
		return result;
	if (!create)
		return STORE_UNKNOWN;
	q = query_start(s, STATEMENT_ADD_VP);
	query_text(&q, name);
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	*vp = sqlite3_last_insert_rowid(s->db);
	result = store_act_begin_vp(&act, s, "vp", *vp);
	return result == STORE_OK ? store_act_end(&act, s) : result;
}

static struct query
bind_place(struct store *s, enum statement statement, int64_t vp,
    const struct vp_place *place)
{
	struct query q = query_start(s, statement);

	query_int(&q, vp);
	query_int(&q, wall_to_us(place->since));
	query_double_or_null(&q, place->lat, place->has_position);
	query_double_or_null(&q, place->lon, place->has_position);
	query_text(&q, place->region);
	query_text(&q, place->country);
	query_text(&q, place->city);
	query_int_or_null(&q, place->asn, place->asn >= 0);
	query_text(&q, place->tags);
	return q;
}

/* A number that reads back as the same double. */
static void
put_degrees(struct json_out *out, const char *key, double degrees)
{
	char text[32];

	(void)text_print(text, sizeof(text), "%.17g", degrees);
	json_out_key(out, key);
	json_out_text(out, text);
}

static enum store_result
archive_place(struct store *s, int64_t vp, const struct vp_place *place)
{
	struct store_act act;
	enum store_result result = store_act_begin_vp(&act, s, "place", vp);

	if (result != STORE_OK)
		return result;
	json_out_key(&act.out, "since_us");
	json_out_int(&act.out, wall_to_us(place->since));
	if (place->has_position) {
		put_degrees(&act.out, "lat", place->lat);
		put_degrees(&act.out, "lon", place->lon);
	}
	json_out_key(&act.out, "region");
	json_out_text_or_null(&act.out, place->region);
	json_out_key(&act.out, "country");
	json_out_text_or_null(&act.out, place->country);
	json_out_key(&act.out, "city");
	json_out_text_or_null(&act.out, place->city);
	json_out_key(&act.out, "asn");
	json_out_int_or_null(&act.out, place->asn);
	json_out_key(&act.out, "tags");
	json_out_text_or_null(&act.out, place->tags);
	return store_act_end(&act, s);
}

enum store_result
store_vp_place(struct store *s, int64_t vp, const struct vp_place *place)
{
	struct query q = bind_place(s, STATEMENT_SAME_PLACE, vp, place);
	const bool same = query_row(&q);
	enum store_result result = query_end(&q);

	if (result != STORE_OK || same)
		return result;
	q = bind_place(s, STATEMENT_PUT_PLACE, vp, place);
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	return archive_place(s, vp, place);
}

/* STORE_DUPLICATE: it is this vantage point's already; STORE_CONFLICT: it is
 * another's. */
static enum store_result
find_owner(struct store *s, int64_t vp, const char *keyid)
{
	struct query q = query_start(s, STATEMENT_KEY_OF);
	enum store_result found = STORE_OK, result;

	query_text(&q, keyid);
	if (query_row(&q))
		found = query_column_int(&q, 0) == vp ? STORE_DUPLICATE
						      : STORE_CONFLICT;
	result = query_end(&q);
	return result == STORE_OK ? found : result;
}

static enum store_result
archive_key(struct store *s, int64_t vp,
    const uint8_t public_key[SIGN_PUBLIC_LEN], struct wall since)
{
	struct store_act act;
	enum store_result result = store_act_begin_vp(&act, s, "key", vp);

	if (result != STORE_OK)
		return result;
	json_out_key(&act.out, "public");
	json_out_hex(&act.out, public_key, SIGN_PUBLIC_LEN);
	json_out_key(&act.out, "since_us");
	json_out_int(&act.out, wall_to_us(since));
	return store_act_end(&act, s);
}

enum store_result
store_vp_key(struct store *s, int64_t vp,
    const uint8_t public_key[SIGN_PUBLIC_LEN], struct wall since)
{
	struct sign_key *key = sign_public_from_bytes(public_key);
	char keyid[SIGN_KEYID_TEXT];
	enum store_result result;
	struct query q;

	if (key == NULL)
		return STORE_REFUSED;
	sign_key_id(key, keyid);
	sign_key_free(key);
	result = find_owner(s, vp, keyid);
	if (result == STORE_DUPLICATE)
		return STORE_OK;
	if (result != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_ADD_KEY);
	query_text(&q, keyid);
	query_int(&q, vp);
	query_blob(&q, public_key, SIGN_PUBLIC_LEN);
	query_int(&q, wall_to_us(since));
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	return archive_key(s, vp, public_key, since);
}

static enum store_result
archive_revoke(
    struct store *s, int64_t vp, const char *keyid, struct wall until)
{
	struct store_act act;
	enum store_result result = store_act_begin_vp(&act, s, "revoke", vp);

	if (result != STORE_OK)
		return result;
	json_out_key(&act.out, "keyid");
	json_out_text(&act.out, keyid);
	json_out_key(&act.out, "until_us");
	json_out_int(&act.out, wall_to_us(until));
	return store_act_end(&act, s);
}

/* Of its own batches: no other vantage point's has its key. */
static enum store_result
count_signed(struct store *s, int64_t vp, const char *keyid, struct wall until,
    struct store_signed *count)
{
	struct query q = query_start(s, STATEMENT_COUNT_SIGNED);

	query_int(&q, vp);
	query_text(&q, keyid);
	query_int(&q, wall_to_us(until));
	if (query_row(&q)) {
		count->earlier = query_column_int(&q, 0);
		count->later = query_column_int(&q, 1);
	}
	return query_end(&q);
}

enum store_result
store_vp_revoke(struct store *s, int64_t vp, const char *keyid,
    struct wall until, struct store_signed *count)
{
	struct query q = query_start(s, STATEMENT_REVOKE_KEY);
	enum store_result result;

	query_text(&q, keyid);
	query_int(&q, vp);
	query_int(&q, wall_to_us(until));
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	if (sqlite3_changes(s->db) == 0)
		return STORE_UNKNOWN;
	if ((result = count_signed(s, vp, keyid, until, count)) != STORE_OK)
		return result;
	return archive_revoke(s, vp, keyid, until);
}

enum store_result
store_find_key(
    struct store *s, const char *vp, const char *keyid, struct sign_key **key)
{
	struct query q = query_start(s, STATEMENT_FIND_KEY);
	enum store_result result;

	*key = NULL;
	query_text(&q, keyid);
	query_text(&q, vp);
	if (query_row(&q) && sqlite3_column_bytes(q.stmt, 0) == SIGN_PUBLIC_LEN)
		*key = sign_public_from_bytes(sqlite3_column_blob(q.stmt, 0));
	result = query_end(&q);
	return result == STORE_OK && *key == NULL ? STORE_UNKNOWN : result;
}

enum store_result
store_count_refusal(struct store *s, const char *vp, const char *reason)
{
	enum store_result result = store_begin(s);
	struct query q;

	if (result != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_COUNT_REFUSAL);
	query_text(&q, vp);
	query_text(&q, reason);
	query_int(&q, wall_to_us(wall_now()));
	return store_end(s, query_run(&q));
}
