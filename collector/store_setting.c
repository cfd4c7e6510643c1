#include "collector/store_private.h"

#include "lib/text.h"

/* Rare, and asked of connections without prepared statements too. */
enum store_result
store_put_setting(struct store *s, const char *name, const char *value)
{
	struct query q = query_once(s, statement_sql[STATEMENT_PUT_SETTING]);

	query_text(&q, name);
	query_text(&q, value);
	return query_run(&q);
}

enum store_result
store_get_time(struct store *s, const char *name, int64_t *us)
{
	struct query q = query_start(s, STATEMENT_GET_SETTING);

	query_text(&q, name);
	if (!query_row(&q) ||
	    text_int(us, query_column_text(&q, 0), 0, LIMIT_TIME_MAX_US) == -1)
		*us = INT64_MIN;
	return query_end(&q);
}

enum store_result
store_put_time(struct store *s, const char *name, int64_t us)
{
	char text[24];

	(void)text_print(text, sizeof(text), "%lld", (long long)us);
	return store_put_setting(s, name, text);
}

enum store_result
store_raw_horizon(struct store *s, struct wall *horizon)
{
	int64_t us;
	enum store_result result = store_get_time(s, SETTING_RAW_HORIZON, &us);

	*horizon = us == INT64_MIN ? (struct wall){ us } : wall_from_us(us);
	return result;
}

enum store_result
store_set_raw_horizon(struct store *s, struct wall horizon)
{
	return store_put_time(
	    s, SETTING_RAW_HORIZON, wall_to_us(horizon) / HOUR_US * HOUR_US);
}
