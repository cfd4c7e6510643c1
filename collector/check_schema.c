#include "collector/check_schema.h"

#include <string.h>
#include "collector/check_content.h"
#include "collector/statements_check.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

/* Behind blanks and comments; whether there were any that part two words. */
static bool
pass_blanks(const char **sql)
{
	const char *p = *sql;

	for (;;) {
		p += strspn(p, " \t\n");
		if (strncmp(p, "--", 2) != 0)
			break;
		p += strcspn(p, "\n");
	}
	if (p == *sql)
		return false;
	*sql = p;
	return *p != ',' && *p != ')';
}

static bool
is_same_sql(const char *a, const char *b)
{
	while (pass_blanks(&a) == pass_blanks(&b) && *a == *b) {
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
	return false;
}

/* Columns of check_schema_objects. */
enum { TYPE, NAME, TABLE, SQL };

/* Whether the store has the object, and as it is in a new one. */
static enum store_result
check_object(struct store *s, sqlite3_stmt *fresh, int64_t *count)
{
	/* An index that a key brings with it has no SQL. */
	const char *name = (const char *)sqlite3_column_text(fresh, NAME);
	struct query q = query_once(s, check_schema_object);
	bool same;

	query_text(&q, name);
	same = query_row(&q) &&
	       strcmp(query_column_text(&q, TYPE),
		   (const char *)sqlite3_column_text(fresh, TYPE)) == 0 &&
	       strcmp(query_column_text(&q, TABLE),
		   (const char *)sqlite3_column_text(fresh, TABLE)) == 0 &&
	       is_same_sql(query_column_text(&q, SQL),
		   (const char *)sqlite3_column_text(fresh, SQL));
	if (!same)
		check_show(name, count);
	return query_end(&q);
}

/* Those that a new store has not: nothing of ours makes one, and a trigger or
 * an index of another changes what is stored, or refuses it. */
static enum store_result
check_strangers(struct store *s, sqlite3 *fresh, bool views, int64_t *count)
{
	struct query q = query_once(s, check_schema_objects);
	enum store_result end, result = STORE_OK;
	sqlite3_stmt *known;

	if (sqlite3_prepare_v2(fresh, check_schema_object, -1, &known, NULL) !=
	    SQLITE_OK)
		result = STORE_BROKEN;
	query_int(&q, views);
	while (result == STORE_OK && query_row(&q)) {
		const char *name = query_column_text(&q, NAME);

		(void)sqlite3_bind_text(known, 1, name, -1, SQLITE_STATIC);
		if (sqlite3_step(known) != SQLITE_ROW)
			check_show(name, count);
		(void)sqlite3_reset(known);
	}
	(void)sqlite3_finalize(known);
	end = query_end(&q);
	return result == STORE_OK ? end : result;
}

static enum store_result
check_objects(struct store *s, sqlite3 *fresh, bool views, int64_t *count)
{
	enum store_result result = STORE_OK;
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(fresh, check_schema_objects, -1, &stmt, NULL) !=
		SQLITE_OK ||
	    sqlite3_bind_int(stmt, 1, views) != SQLITE_OK)
		result = STORE_BROKEN;
	while (result == STORE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		result = check_object(s, stmt, count);
	(void)sqlite3_finalize(stmt);
	return result;
}

enum store_result
check_schema(struct store *s, int64_t *faults)
{
	enum store_result result;
	sqlite3 *fresh = NULL;
	int64_t count = 0;
	bool views = false;

	/* Those of another program follow when ours next writes. */
	result = store_are_views_ours(s, &views);
	if (result == STORE_OK &&
	    (sqlite3_open(":memory:", &fresh) != SQLITE_OK ||
		sqlite3_exec(fresh, schema_store_sql, NULL, NULL, NULL) !=
		    SQLITE_OK ||
		sqlite3_exec(fresh, schema_views_sql, NULL, NULL, NULL) !=
		    SQLITE_OK)) {
		log_warnx("check: %s", sqlite3_errmsg(fresh));
		result = STORE_BROKEN;
	}
	if (result == STORE_OK)
		result = check_objects(s, fresh, views, &count);
	if (result == STORE_OK)
		result = check_strangers(s, fresh, views, &count);
	(void)sqlite3_close(fresh);
	check_tell("the tables and views are those of a new store", result,
	    count, faults);
	return result;
}
