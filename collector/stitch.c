#include "collector/stitch.h"

#include <stdlib.h>
#include "collector/store_private.h"
#include "lib/log.h"

int
stretches_add(struct stretches *list, const struct stretch *item)
{
	if (list->count == list->size) {
		const size_t size = list->size == 0 ? 64 : list->size * 2;
		struct stretch *more =
		    reallocarray(list->items, size, sizeof(*more));

		if (more == NULL)
			return -1;
		list->items = more;
		list->size = size;
	}
	list->items[list->count++] = *item;
	return 0;
}

void
stretches_clear(struct stretches *list)
{
	free(list->items);
	*list = (struct stretches){ 0 };
}

static struct stretch
read_stretch(const struct query *q)
{
	return (struct stretch){
		.first = query_column_int(q, 0),
		.tie = query_column_int(q, 1),
		.last = query_column_int(q, 2),
		.instance = query_column_int(q, 3),
	};
}

static bool
same_stretch(const struct stretch *a, const struct stretch *b)
{
	return a->first == b->first && a->tie == b->tie && a->last == b->last &&
	       a->instance == b->instance;
}

static enum store_result
no_memory(struct stitch *st)
{
	log_warnx("%s: out of memory", st->store->path);
	return STORE_BROKEN;
}

/* --- where a piece that was cut ends or begins --- */

/* The nearest hour before (after) this one in which the lane has a run.
 * Mostly it is the next; else it is found by walking, because runs are kept
 * by hour first. */
static enum store_result
nearest_run(struct stitch *st, enum statement next_hour, enum statement run,
    int64_t lane, struct stretch *nearest)
{
	int64_t hour = st->hour;
	enum store_result result;
	bool found = false, more;

	do {
		struct query q = query_start(st->store, next_hour);

		query_int(&q, hour);
		more = query_row(&q) && !query_column_is_null(&q, 0);
		hour = more ? query_column_int(&q, 0) : 0;
		if ((result = query_end(&q)) != STORE_OK || !more)
			break;
		q = query_start(st->store, run);
		query_int(&q, hour);
		query_int(&q, lane);
		if ((found = query_row(&q)))
			*nearest = read_stretch(&q);
		result = query_end(&q);
	} while (result == STORE_OK && !found);
	if (result == STORE_OK && !found) {
		log_warnx("%s: lane %lld has an interval without runs",
		    st->store->path, (long long)lane);
		return STORE_BROKEN;
	}
	return result;
}

static enum store_result
cut_before(struct stitch *st, int64_t lane, struct stretch *piece)
{
	struct stretch run;
	enum store_result result = nearest_run(
	    st, STATEMENT_HOUR_BEFORE, STATEMENT_LAST_RUN, lane, &run);

	if (result == STORE_OK)
		piece->last = run.last;
	return result;
}

static enum store_result
cut_after(struct stitch *st, int64_t lane, struct stretch *piece)
{
	struct stretch run;
	enum store_result result = nearest_run(
	    st, STATEMENT_HOUR_AFTER, STATEMENT_FIRST_RUN, lane, &run);

	if (result == STORE_OK) {
		piece->first = run.first;
		piece->tie = run.tie;
	}
	return result;
}

/* --- what is there --- */

static void
reverse(struct stretches *list)
{
	for (size_t i = 0; i < list->count / 2; i++) {
		struct stretch *a = &list->items[i];
		struct stretch *b = &list->items[list->count - 1 - i];
		const struct stretch kept = *a;

		*a = *b;
		*b = kept;
	}
}

/* The intervals that begin in the hour, and the one before them: it reaches
 * into the hour, or is their left neighbour. */
static enum store_result
read_left(struct stitch *st, int64_t lane)
{
	struct query q = query_start(st->store, STATEMENT_INTERVALS_BACK);
	enum store_result result;
	bool inside = true, memory = true;

	query_int(&q, lane);
	query_int(&q, st->end);
	while (inside && memory && query_row(&q)) {
		const struct stretch interval = read_stretch(&q);

		memory = stretches_add(&st->old, &interval) == 0;
		inside = interval.first >= st->start;
	}
	result = query_end(&q);
	reverse(&st->old);
	return memory ? result : no_memory(st);
}

/* The one behind them. */
static enum store_result
read_right(struct stitch *st, int64_t lane)
{
	struct query q = query_start(st->store, STATEMENT_INTERVAL_NEXT);
	enum store_result result;
	bool memory = true;

	query_int(&q, lane);
	query_int(&q, st->end);
	if (query_row(&q)) {
		const struct stretch interval = read_stretch(&q);

		memory = stretches_add(&st->old, &interval) == 0;
	}
	result = query_end(&q);
	return memory ? result : no_memory(st);
}

/* --- what is to be there --- */

static bool
joins(const struct stretch *a, const struct stretch *b)
{
	return a->instance == b->instance;
}

/* Put a stretch behind the others. */
static enum store_result
put(struct stitch *st, const struct stretch *item)
{
	struct stretches *list = &st->new;

	if (list->count > 0 && joins(&list->items[list->count - 1], item)) {
		list->items[list->count - 1].last = item->last;
		return STORE_OK;
	}
	return stretches_add(list, item) == 0 ? STORE_OK : no_memory(st);
}

/* The first of old lies before the hour, or reaches into it from there. */
static enum store_result
put_before(struct stitch *st, int64_t lane)
{
	struct stretch piece;
	enum store_result result = STORE_OK;

	if (st->old.count == 0 || st->old.items[0].first >= st->start)
		return STORE_OK;
	piece = st->old.items[0];
	if (piece.last >= st->start)
		result = cut_before(st, lane, &piece);
	return result == STORE_OK ? put(st, &piece) : result;
}

static enum store_result
put_after(struct stitch *st, int64_t lane)
{
	struct stretch piece;
	enum store_result result = STORE_OK;

	if (st->old.count == 0 ||
	    st->old.items[st->old.count - 1].last < st->end)
		return STORE_OK;
	piece = st->old.items[st->old.count - 1];
	if (piece.first < st->end)
		result = cut_after(st, lane, &piece);
	return result == STORE_OK ? put(st, &piece) : result;
}

static enum store_result
put_runs(struct stitch *st)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < st->runs.count && result == STORE_OK; i++)
		result = put(st, &st->runs.items[i]);
	return result;
}

/* --- writing the difference --- */

static enum store_result
delete_interval(struct stitch *st, int64_t lane, const struct stretch *item)
{
	struct query q = query_start(st->store, STATEMENT_DELETE_INTERVAL);

	query_int(&q, lane);
	query_int(&q, item->first);
	query_int(&q, item->tie);
	return query_run(&q);
}

static enum store_result
add_interval(struct stitch *st, int64_t lane, const struct stretch *item)
{
	struct query q = query_start(st->store, STATEMENT_ADD_INTERVAL);

	query_int(&q, lane);
	query_int(&q, item->first);
	query_int(&q, item->tie);
	query_int(&q, item->last);
	query_int(&q, item->instance);
	return query_run(&q);
}

static enum store_result
write_difference(struct stitch *st, int64_t lane)
{
	const struct stretches *old = &st->old, *new = &st->new;
	size_t from = 0, old_to = old->count, new_to = new->count;
	enum store_result result = STORE_OK;

	while (from < old_to && from < new_to &&
	       same_stretch(&old->items[from], &new->items[from]))
		from++;
	while (old_to > from && new_to > from &&
	       same_stretch(&old->items[old_to - 1], &new->items[new_to - 1])) {
		old_to--;
		new_to--;
	}
	for (size_t i = from; i < old_to && result == STORE_OK; i++)
		result = delete_interval(st, lane, &old->items[i]);
	for (size_t i = from; i < new_to && result == STORE_OK; i++)
		result = add_interval(st, lane, &new->items[i]);
	return result;
}

enum store_result
stitch_lane(struct stitch *st, int64_t lane)
{
	enum store_result result;

	st->old.count = st->new.count = 0;
	if ((result = read_left(st, lane)) != STORE_OK)
		return result;
	/* Where the last one reaches beyond the hour, it is its own right
	 * neighbour. */
	if ((st->old.count == 0 ||
		st->old.items[st->old.count - 1].last < st->end) &&
	    (result = read_right(st, lane)) != STORE_OK)
		return result;
	if ((result = put_before(st, lane)) != STORE_OK ||
	    (result = put_runs(st)) != STORE_OK ||
	    (result = put_after(st, lane)) != STORE_OK)
		return result;
	return write_difference(st, lane);
}

void
stitch_clear(struct stitch *st)
{
	stretches_clear(&st->runs);
	stretches_clear(&st->old);
	stretches_clear(&st->new);
}
