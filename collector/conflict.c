#include "collector/conflict.h"

#include <string.h>
#include "collector/store_private.h"

#define ROUNDS 2 /* of two copies of one host, how far apart */
#define UNKNOWN_EVERY_S 300

const char *
conflict_kind_name(enum conflict_kind kind)
{
	static const char *const names[] = {
		[CONFLICT_EQUIVOCATION] = "equivocation",
		[CONFLICT_CLONE] = "clone",
		[CONFLICT_ROLLBACK] = "rollback",
	};

	return names[kind];
}

/* What is stored: of the number, and of its spool's latest round. */
struct stored {
	int64_t t0_us, latest_us, every_us;
	bool same_boot;
};

static enum store_result
read_stored(struct store *s, const struct batch_line *line,
    const struct batch_head *head, struct stored *stored)
{
	struct query q = query_start(s, STATEMENT_CONFLICTING);
	int64_t every_s;

	query_text(&q, line->vp);
	query_text(&q, line->spool);
	query_int(&q, line->number);
	if (query_row(&q)) {
		stored->t0_us = query_column_int(&q, 0);
		stored->latest_us = query_column_int(&q, 1);
		every_s = query_column_int(&q, 2);
		stored->every_us =
		    (every_s > 0 ? every_s : UNKNOWN_EVERY_S) * 1000000;
		stored->same_boot =
		    strcmp(query_column_text(&q, 3), head->boot_id) == 0;
	}
	return query_end(&q);
}

enum store_result
conflict_judge(struct store *s, const struct batch_line *line,
    const struct batch_head *head, enum conflict_kind *kind)
{
	struct stored stored = { 0 };
	const int64_t t_us = wall_to_us(head->round_at);
	enum store_result result;

	*kind = CONFLICT_EQUIVOCATION;
	/* Its head was not to be read. */
	if (t_us == 0)
		return STORE_OK;
	result = read_stored(s, line, head, &stored);
	if (result != STORE_OK || stored.every_us == 0)
		return result;
	if (t_us > stored.latest_us &&
	    t_us - stored.t0_us > ROUNDS * stored.every_us)
		*kind = CONFLICT_ROLLBACK;
	else if (!stored.same_boot)
		*kind = CONFLICT_CLONE;
	return STORE_OK;
}

enum store_result
conflict_count(
    struct store *s, const struct batch_line *line, enum conflict_kind kind)
{
	enum store_result result = store_begin(s);
	struct query q;

	if (result != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_COUNT_CONFLICT);
	query_text(&q, line->vp);
	query_text(&q, line->spool);
	query_text(&q, conflict_kind_name(kind));
	query_int(&q, wall_to_us(wall_now()));
	query_int(&q, line->number);
	return store_end(s, query_run(&q));
}
