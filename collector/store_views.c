#include "collector/store_private.h"

#include <stdlib.h>
#include <string.h>

#define VIEWS "views" /* the setting: digest of what made them */

enum store_result
store_are_views_ours(struct store *s, bool *ours)
{
	char digest[SIGN_SHA256_TEXT];
	struct query q = query_once(s, statement_sql[STATEMENT_GET_SETTING]);

	sha256_text(digest, schema_views_sql, strlen(schema_views_sql));
	query_text(&q, VIEWS);
	*ours = query_row(&q) && strcmp(query_column_text(&q, 0), digest) == 0;
	return query_end(&q);
}

enum store_result
store_replace_views(struct store *s)
{
	struct query q = query_once(s, statement_drop_views);
	char *drop = query_row(&q) ? strdup(query_column_text(&q, 0)) : NULL;
	enum store_result result = query_end(&q);
	char digest[SIGN_SHA256_TEXT];
	int rc;

	if (result == STORE_OK && drop == NULL)
		result = STORE_BROKEN;
	if (result == STORE_OK) {
		rc = sqlite3_exec(s->db, drop, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(
			    s->db, schema_views_sql, NULL, NULL, NULL);
		result = store_result_of(s, rc, "views");
	}
	free(drop);
	if (result != STORE_OK)
		return result;
	sha256_text(digest, schema_views_sql, strlen(schema_views_sql));
	return store_put_setting(s, VIEWS, digest);
}

enum store_result
store_refresh_views(struct store *s)
{
	bool ours;
	enum store_result result = store_are_views_ours(s, &ours);

	if (result != STORE_OK || ours)
		return result;
	if ((result = store_begin(s)) != STORE_OK)
		return result;
	return store_end(s, store_replace_views(s));
}
