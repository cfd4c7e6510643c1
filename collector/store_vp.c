#include "collector/store.h"

#include <stdio.h>
#include <string.h>
#include "collector/store_private.h"
#include "lib/json_out.h"
#include "lib/log.h"
#include "lib/text.h"

#define ACT_TEXT 2048

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

static struct json_out
begin_act(char *text, const char *act, const char *vp)
{
	struct json_out out = json_out_over(text, ACT_TEXT);

	json_out_open(&out, '{');
	json_out_key(&out, "act");
	json_out_text(&out, act);
	json_out_key(&out, "vp");
	json_out_text(&out, vp);
	return out;
}

static enum store_result
end_act(struct store *s, struct json_out *out)
{
	json_out_close(out, '}');
	if (json_out_end(out) == 0)
		return STORE_BROKEN;
	return store_archive_act(s, out->text);
}

enum store_result
store_vp(struct store *s, const char *name, bool create, int64_t *vp)
{
	enum store_result result = find_vp(s, name, vp);
	char text[ACT_TEXT];
	struct json_out out;
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
	out = begin_act(text, "vp", name);
	return end_act(s, &out);
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
	char text[ACT_TEXT], name[LIMIT_VP_NAME + 1];
	enum store_result result = store_vp_name(s, vp, name);
	struct json_out out;

	if (result != STORE_OK)
		return result;
	out = begin_act(text, "place", name);
	json_out_key(&out, "since_us");
	json_out_int(&out, wall_to_us(place->since));
	if (place->has_position) {
		put_degrees(&out, "lat", place->lat);
		put_degrees(&out, "lon", place->lon);
	}
	json_out_key(&out, "region");
	json_out_text_or_null(&out, place->region);
	json_out_key(&out, "country");
	json_out_text_or_null(&out, place->country);
	json_out_key(&out, "city");
	json_out_text_or_null(&out, place->city);
	json_out_key(&out, "asn");
	json_out_int_or_null(&out, place->asn);
	json_out_key(&out, "tags");
	json_out_text_or_null(&out, place->tags);
	return end_act(s, &out);
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
	char text[ACT_TEXT], name[LIMIT_VP_NAME + 1];
	enum store_result result = store_vp_name(s, vp, name);
	struct json_out out;

	if (result != STORE_OK)
		return result;
	out = begin_act(text, "key", name);
	json_out_key(&out, "public");
	json_out_hex(&out, public_key, SIGN_PUBLIC_LEN);
	json_out_key(&out, "since_us");
	json_out_int(&out, wall_to_us(since));
	return end_act(s, &out);
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
	char text[ACT_TEXT], name[LIMIT_VP_NAME + 1];
	enum store_result result = store_vp_name(s, vp, name);
	struct json_out out;

	if (result != STORE_OK)
		return result;
	out = begin_act(text, "revoke", name);
	json_out_key(&out, "keyid");
	json_out_text(&out, keyid);
	json_out_key(&out, "until_us");
	json_out_int(&out, wall_to_us(until));
	return end_act(s, &out);
}

static enum store_result
count_signed(struct store *s, const char *keyid, struct wall until,
    struct store_signed *count)
{
	struct query q = query_start(s, STATEMENT_COUNT_SIGNED);

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
	if ((result = count_signed(s, keyid, until, count)) != STORE_OK)
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
