#include "collector/prune.h"

#include "collector/settle.h"
#include "collector/store_lock.h"
#include "collector/store_private.h"
#include "lib/text.h"

#define TURN_MS 200 /* how long the lock is held at a stretch */

struct kind {
	int64_t bit;               /* of enum prune_bit, or several */
	enum statement deletes[3]; /* STATEMENT_COUNT: none more */
};

static const struct kind replies = { PRUNE_REPLIES,
	{ STATEMENT_PRUNE_REPLIES, STATEMENT_COUNT, STATEMENT_COUNT } };
static const struct kind paths = { PRUNE_PATHS,
	{ STATEMENT_PRUNE_TRACES, STATEMENT_COUNT, STATEMENT_COUNT } };
static const struct kind raw = { PRUNE_RAW | PRUNE_PATHS | PRUNE_REPLIES,
	{ STATEMENT_PRUNE_REPLIES, STATEMENT_PRUNE_TRACES,
	    STATEMENT_PRUNE_ROWS } };

/* The beginning of the hour that many days ago. */
static int64_t
cutoff(int64_t days)
{
	const int64_t now = wall_to_us(wall_now());

	return (now / HOUR_US - days * 24) * HOUR_US;
}

/* --- batches --- */

struct batch_rows {
	int64_t id, first, last;
};

/* STORE_UNKNOWN: none more. */
static enum store_result
next_batch(struct store *s, const struct kind *kind, int64_t before,
    struct batch_rows *batch)
{
	struct query q = query_start(s, STATEMENT_PRUNE_NEXT);
	enum store_result result;
	bool found;

	query_int(&q, batch->id);
	query_int(&q, before);
	query_int(&q, kind->bit);
	if ((found = query_row(&q))) {
		batch->id = query_column_int(&q, 0);
		batch->first = query_column_int(&q, 1);
		batch->last = batch->first + query_column_int(&q, 2) - 1;
	}
	result = query_end(&q);
	return result == STORE_OK && !found ? STORE_UNKNOWN : result;
}

static enum store_result
prune_batch(
    struct store *s, const struct kind *kind, const struct batch_rows *batch)
{
	enum store_result result = STORE_OK;
	struct query q;

	for (size_t i = 0;
	     i < 3 && result == STORE_OK && kind->deletes[i] != STATEMENT_COUNT;
	     i++) {
		q = query_start(s, kind->deletes[i]);
		query_int(&q, batch->first);
		query_int(&q, batch->last);
		result = query_run(&q);
	}
	if (result != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_PRUNE_DONE);
	query_int(&q, batch->id);
	query_int(&q, kind->bit);
	return query_run(&q);
}

/* One transaction's worth. STORE_UNKNOWN: all done. */
static enum store_result
batches_turn(struct store *s, const struct kind *kind, int64_t before,
    struct batch_rows *batch, int64_t *count)
{
	const struct mono until = mono_add(mono_now(), span_ms(TURN_MS));
	enum store_result result;

	do {
		result = next_batch(s, kind, before, batch);
		if (result == STORE_OK &&
		    (result = prune_batch(s, kind, batch)) == STORE_OK)
			++*count;
	} while (result == STORE_OK && mono_before(mono_now(), until));
	return result;
}

static enum store_result
prune_batches(
    struct store *s, const struct kind *kind, int64_t before, int64_t *count)
{
	struct batch_rows batch = { .id = 0 };
	enum store_result turn = STORE_OK, result = STORE_OK;

	while (turn == STORE_OK && result == STORE_OK) {
		if ((result = store_begin(s)) != STORE_OK)
			return result;
		turn = batches_turn(s, kind, before, &batch, count);
		if (turn == STORE_OK || turn == STORE_UNKNOWN)
			result = store_commit(s);
		else
			store_rollback(s);
	}
	return turn == STORE_OK || turn == STORE_UNKNOWN ? result : turn;
}

/* --- raw rows --- */

/* First nothing may amend the past any more; then what is marked there gets
 * its runs; then the rows are needed no longer. */
static enum store_result
prune_raw(struct store *s, int64_t before, int64_t *count)
{
	const struct wall always = { INT64_MAX };
	struct wall horizon;
	enum store_result result = store_begin(s);
	int64_t left;

	if (result != STORE_OK)
		return result;
	if ((result = store_raw_horizon(s, &horizon)) == STORE_OK &&
	    (horizon.ns == INT64_MIN || wall_to_us(horizon) < before))
		result = store_set_raw_horizon(s, wall_from_us(before));
	if (result != STORE_OK) {
		store_rollback(s);
		return result;
	}
	if ((result = store_commit(s)) != STORE_OK ||
	    (result = settle_marked(s, 0, always, &left)) != STORE_OK)
		return result;
	return prune_batches(s, &raw, before, count);
}

/* --- runs --- */

/* A run's hour at a time, until the turn is over. */
static enum store_result
runs_turn(struct store *s, int64_t before_hour, int64_t *hour, int64_t *count)
{
	const struct mono until = mono_add(mono_now(), span_ms(TURN_MS));
	enum store_result result;

	do {
		struct query q = query_start(s, STATEMENT_HOUR_AFTER);

		query_int(&q, *hour);
		*hour = query_row(&q) && !query_column_is_null(&q, 0)
			    ? query_column_int(&q, 0)
			    : INT64_MAX;
		if ((result = query_end(&q)) != STORE_OK)
			break;
		if (*hour >= before_hour)
			return STORE_UNKNOWN;
		q = query_once(s, prune_runs);
		query_int(&q, *hour);
		result = query_run(&q);
		*count += sqlite3_changes(s->db);
	} while (result == STORE_OK && mono_before(mono_now(), until));
	return result;
}

/* Reports say it. */
static enum store_result
note_run_horizon(struct store *s, int64_t before)
{
	struct query q = query_start(s, STATEMENT_PUT_SETTING);
	enum store_result result = store_begin(s);
	char text[24];

	if (result != STORE_OK)
		return result;
	(void)text_print(text, sizeof(text), "%lld", (long long)before);
	query_text(&q, "run_horizon");
	query_text(&q, text);
	if ((result = query_run(&q)) == STORE_OK)
		return store_commit(s);
	store_rollback(s);
	return result;
}

static enum store_result
keep_last_runs(struct store *s, int64_t before_hour)
{
	struct query q;
	enum store_result result = note_run_horizon(s, before_hour * HOUR_US);

	if (result == STORE_OK)
		result = store_result_of(s,
		    sqlite3_exec(s->db, prune_keep_table, NULL, NULL, NULL),
		    "keep");
	if (result != STORE_OK)
		return result;
	q = query_once(s, prune_keep);
	query_int(&q, before_hour);
	return query_run(&q);
}

/* Only behind the raw horizon, where no hour is settled again. So the last
 * run of each lane is the same in every transaction. */
static enum store_result
prune_old_runs(struct store *s, int64_t before, int64_t *count)
{
	const int64_t before_hour = before / HOUR_US;
	enum store_result turn = STORE_OK;
	enum store_result result = keep_last_runs(s, before_hour);
	int64_t hour = INT64_MIN;

	while (turn == STORE_OK && result == STORE_OK) {
		if ((result = store_begin(s)) != STORE_OK)
			return result;
		turn = runs_turn(s, before_hour, &hour, count);
		if (turn == STORE_OK || turn == STORE_UNKNOWN)
			result = store_commit(s);
		else
			store_rollback(s);
	}
	return turn == STORE_OK || turn == STORE_UNKNOWN ? result : turn;
}

/* --- paths that no trace has any more --- */

static enum store_result
prune_unused_paths(struct store *s)
{
	enum store_result result = store_begin(s);

	if (result != STORE_OK)
		return result;
	if ((result = store_run(s, STATEMENT_PRUNE_PATHS)) == STORE_OK)
		result = store_run(s, STATEMENT_NEXT_EPOCH);
	if (result == STORE_OK)
		return store_commit(s);
	store_rollback(s);
	return result;
}

/* --- space --- */

static enum store_result
ask(struct store *s, const char *sql, int64_t *value)
{
	struct query q = query_once(s, sql);

	*value = query_row(&q) ? query_column_int(&q, 0) : 0;
	return query_end(&q);
}

static enum store_result
vacuum_turn(struct store *s)
{
	enum store_result result = store_begin(s);

	if (result != STORE_OK)
		return result;
	result = store_result_of(
	    s, sqlite3_exec(s->db, prune_vacuum, NULL, NULL, NULL), "vacuum");
	if (result == STORE_OK)
		return store_commit(s);
	store_rollback(s);
	return result;
}

/* The file itself becomes shorter at a checkpoint. */
static void
checkpoint(struct store *s)
{
	if (store_lock_take(s->lock) == -1)
		return;
	(void)sqlite3_wal_checkpoint_v2(
	    s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	store_lock_release(s->lock);
}

static enum store_result
give_back(struct store *s, int64_t *bytes)
{
	int64_t before = 0, after = 0, unused = 0, had = -1;
	enum store_result result = ask(s, prune_file_bytes, &before);

	while (result == STORE_OK &&
	       (result = ask(s, prune_free_pages, &unused)) == STORE_OK &&
	       unused > 0 && unused != had) {
		had = unused;
		result = vacuum_turn(s);
	}
	if (result == STORE_OK)
		result = ask(s, prune_file_bytes, &after);
	checkpoint(s);
	*bytes = before - after;
	return result;
}

enum store_result
prune_store(
    struct store *s, const struct prune_days *days, struct prune_result *done)
{
	enum store_result result = STORE_OK;

	*done = (struct prune_result){ 0 };
	if (days->raw > 0)
		result = prune_raw(s, cutoff(days->raw), &done->raw);
	if (result == STORE_OK && days->replies > 0)
		result = prune_batches(
		    s, &replies, cutoff(days->replies), &done->replies);
	if (result == STORE_OK && days->paths > 0)
		result =
		    prune_batches(s, &paths, cutoff(days->paths), &done->paths);
	if (result == STORE_OK && done->raw + done->paths > 0)
		result = prune_unused_paths(s);
	if (result == STORE_OK && days->runs > 0)
		result = prune_old_runs(s, cutoff(days->runs), &done->runs);
	return result == STORE_OK ? give_back(s, &done->bytes) : result;
}
