#include "collector/prune_private.h"
#include "collector/statements_prune.h"
#include "collector/store_private.h"

static enum store_result
add_up(struct pruning *p, const char *hours, double *total)
{
	struct query q = query_once(p->store, hours);

	for (*total = 0; query_row(&q);)
		*total += (double)query_column_int(&q, 1);
	return query_end(&q);
}

/* What an hour weighs stands for its share of the tables. */
static enum store_result
find_hour(struct pruning *p, const char *hours, double weight, int64_t *before)
{
	struct query q = query_once(p->store, hours);
	double kept = 0;

	while (query_row(&q)) {
		kept += (double)query_column_int(&q, 1);
		if (kept > weight) {
			*before = (query_column_int(&q, 0) + 1) * HOUR_US;
			break;
		}
	}
	return query_end(&q);
}

enum store_result
prune_cutoff_of_size(
    struct pruning *p, enum prune_kind kind, int64_t bytes, int64_t *before)
{
	const struct prune_size *size = &prune_sizes[kind];
	const int64_t now_hour = wall_to_us(wall_now()) / HOUR_US * HOUR_US;
	int64_t now = 0;
	double total = 0;
	enum store_result result = prune_ask(p, size->bytes, &now);

	*before = INT64_MIN;
	if (result != STORE_OK || now <= bytes)
		return result;
	if ((result = add_up(p, size->hours, &total)) == STORE_OK)
		result = find_hour(p, size->hours,
		    total * (double)bytes / (double)now, before);
	if (*before > now_hour)
		*before = now_hour;
	return result;
}
