#include "collector/store_address.h"

#include <string.h>
#include "collector/store_private.h"
#include "lib/json_out.h"

#define DAY_US (24 * HOUR_US)
#define ACT_TEXT 512

/* A row of vp_address. */
struct sight {
	int64_t vp;
	const struct addr *addr;
	int64_t first_us, last_us;
};

static enum store_result
put(struct store *s, enum statement statement, const struct sight *sight)
{
	struct query q = query_start(s, statement);
	char text[ADDR_TEXT];

	query_int(&q, sight->vp);
	query_int(&q, sight->addr->af);
	query_int(&q, sight->first_us / DAY_US);
	query_text(&q, addr_format(text, sight->addr));
	query_int(&q, sight->first_us);
	query_int(&q, sight->last_us);
	return query_run(&q);
}

static enum store_result
archive_seen(struct store *s, const struct sight *sight)
{
	char text[ACT_TEXT], name[LIMIT_VP_NAME + 1];
	struct json_out out = json_out_over(text, sizeof(text));
	enum store_result result = store_vp_name(s, sight->vp, name);

	if (result != STORE_OK)
		return result;
	json_out_open(&out, '{');
	json_out_key(&out, "act");
	json_out_text(&out, "seen");
	json_out_key(&out, "vp");
	json_out_text(&out, name);
	json_out_key(&out, "since_us");
	json_out_int(&out, sight->first_us);
	json_out_key(&out, "address");
	json_out_addr(&out, sight->addr);
	json_out_close(&out, '}');
	return json_out_end(&out) == 0 ? STORE_BROKEN
				       : store_archive_act(s, text);
}

enum store_result
store_vp_seen(
    struct store *s, int64_t vp, const struct addr *addr, struct wall since)
{
	const struct sight sight = { vp, addr, wall_to_us(since),
		wall_to_us(since) };
	enum store_result result = put(s, STATEMENT_ADD_SEEN, &sight);

	/* Once a day is enough of an address that comes and goes. */
	if (result != STORE_OK || sqlite3_changes(s->db) == 0)
		return result;
	return archive_seen(s, &sight);
}

/* STORE_DUPLICATE: it is the last that was seen. */
static enum store_result
find_seen(
    struct store *s, const char *name, const struct addr *addr, int64_t *vp)
{
	enum store_result result = store_vp(s, name, false, vp);
	char text[ADDR_TEXT];
	struct query q;
	bool same;

	if (result != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_LAST_SEEN);
	query_int(&q, *vp);
	query_int(&q, addr->af);
	same = query_row(&q) &&
	       strcmp(query_column_text(&q, 0), addr_format(text, addr)) == 0;
	result = query_end(&q);
	return result == STORE_OK && same ? STORE_DUPLICATE : result;
}

enum store_result
store_vp_see(struct store *s, const char *name, const struct addr *addr)
{
	enum store_result result;
	int64_t vp;

	if (!addr_is_set(addr))
		return STORE_OK;
	result = find_seen(s, name, addr, &vp);
	if (result == STORE_DUPLICATE)
		return STORE_OK;
	if (result != STORE_OK || (result = store_begin(s)) != STORE_OK)
		return result;
	result = store_vp_seen(s, vp, addr, wall_now());
	if (result == STORE_OK)
		return store_commit(s);
	store_rollback(s);
	return result;
}

enum store_result
store_vp_reported(struct store *s, int64_t vp, const struct batch_head *head,
    int64_t t0, int64_t t1)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < head->address_count && result == STORE_OK; i++) {
		const struct sight sight = { vp, &head->address[i], t0, t1 };

		if (addr_special(sight.addr) == NULL)
			result = put(s, STATEMENT_ADD_REPORTED, &sight);
	}
	return result;
}
