#include "collector/store_address.h"

#include <stdlib.h>
#include <string.h>
#include "collector/store_act.h"
#include "collector/store_private.h"
#include "lib/text.h"
#include "lib/times.h"

/* Addresses with blanks between them. */
#define LIST_TEXT (BATCH_ADDRESSES * ADDR_TEXT)

/* A row of vp_address. */
struct sight {
	int64_t vp, first_us, last_us;
	int af; /* 0: reported */
	const char *addresses;
};

static enum store_result
put(struct store *s, enum statement statement, const struct sight *sight)
{
	struct query q = query_start(s, statement);

	query_int(&q, sight->vp);
	query_int(&q, sight->af);
	query_int(&q, sight->first_us / DAY_US);
	query_text(&q, sight->addresses);
	query_int(&q, sight->first_us);
	query_int(&q, sight->last_us);
	return query_run(&q);
}

static enum store_result
archive_seen(struct store *s, const struct sight *sight)
{
	struct store_act act;
	enum store_result result =
	    store_act_begin_vp(&act, s, "seen", sight->vp);

	if (result != STORE_OK)
		return result;
	json_out_key(&act.out, "since_us");
	json_out_int(&act.out, sight->first_us);
	json_out_key(&act.out, "address");
	json_out_text(&act.out, sight->addresses);
	return store_act_end(&act, s);
}

enum store_result
store_vp_seen(
    struct store *s, int64_t vp, const struct addr *addr, struct wall since)
{
	char text[ADDR_TEXT];
	const struct sight sight = {
		.vp = vp,
		.first_us = wall_to_us(since),
		.last_us = wall_to_us(since),
		.af = addr->af,
		.addresses = addr_format(text, addr),
	};
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
	return store_end(s, store_vp_seen(s, vp, addr, wall_now()));
}

static int
compare(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* In one order, whatever the host's. */
static void
list_global(char text[LIST_TEXT], const struct batch_head *head)
{
	struct addr global[BATCH_ADDRESSES];
	size_t count = 0, len = 0;
	char one[ADDR_TEXT];

	for (size_t i = 0; i < head->address_count; i++)
		if (addr_special(&head->address[i]) == NULL)
			global[count++] = head->address[i];
	qsort(global, count, sizeof(*global), compare);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		(void)text_print(text + len, LIST_TEXT - len, "%s%s",
		    i == 0 ? "" : " ", addr_format(one, &global[i]));
		len += strlen(text + len);
	}
}

enum store_result
store_vp_reported(struct store *s, int64_t vp, const struct batch_head *head,
    int64_t t0, int64_t t1)
{
	char text[LIST_TEXT];
	const struct sight sight = {
		.vp = vp,
		.first_us = t0,
		.last_us = t1,
		.addresses = text,
	};

	if (head->address_count == 0) /* it does not say */
		return STORE_OK;
	list_global(text, head);
	return put(s, STATEMENT_ADD_REPORTED, &sight);
}
