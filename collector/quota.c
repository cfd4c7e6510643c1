#include "collector/quota.h"

#include "collector/store_private.h"
#include "lib/times.h"

#define DAYS_KEPT 8 /* for the operator to look at */

static int64_t
today(void)
{
	return wall_to_us(wall_now()) / DAY_US;
}

void
quota_set(struct store *s, const struct quota *quota)
{
	s->quota = *quota;
}

static bool
has_quota(const struct store *s)
{
	return s->quota.records > 0 || s->quota.bytes > 0;
}

static bool
is_over(int64_t limit, int64_t had, int64_t more)
{
	return limit > 0 && (had >= limit || more > limit - had);
}

static enum store_result
look(struct store *s, int64_t vp, int64_t records, int64_t bytes)
{
	struct query q = query_start(s, STATEMENT_INTAKE);
	bool over = is_over(s->quota.records, 0, records) ||
		    is_over(s->quota.bytes, 0, bytes);
	enum store_result result;

	query_int(&q, today());
	query_int(&q, vp);
	if (query_row(&q))
		over = is_over(s->quota.records, query_column_int(&q, 0),
			   records) ||
		       is_over(s->quota.bytes, query_column_int(&q, 1), bytes);
	result = query_end(&q);
	return result == STORE_OK && over ? STORE_OVER_QUOTA : result;
}

enum store_result
quota_look(struct store *s, const char *vp, int64_t records, int64_t bytes)
{
	enum store_result result;
	int64_t id;

	if (!has_quota(s))
		return STORE_OK;
	result = store_vp(s, vp, false, &id);
	return result == STORE_OK ? look(s, id, records, bytes) : result;
}

static enum store_result
forget_old_days(struct store *s)
{
	struct query q;

	if (s->quota_day == today())
		return STORE_OK;
	s->quota_day = today();
	q = query_start(s, STATEMENT_FORGET_INTAKE);
	query_int(&q, today() - DAYS_KEPT);
	return query_run(&q);
}

enum store_result
quota_take(struct store *s, int64_t vp, int64_t records, int64_t bytes)
{
	enum store_result result;
	struct query q;

	if (!has_quota(s))
		return STORE_OK;
	if ((result = look(s, vp, records, bytes)) != STORE_OK ||
	    (result = forget_old_days(s)) != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_ADD_INTAKE);
	query_int(&q, today());
	query_int(&q, vp);
	query_int(&q, records);
	query_int(&q, bytes);
	return query_run(&q);
}
