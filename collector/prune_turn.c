#include "collector/prune_private.h"

#include <errno.h>
#include <time.h>
#include "collector/statements_prune.h"
#include "collector/store_lock.h"
#include "collector/store_private.h"
#include "lib/text.h"

#define TURN_MS 200 /* how long the lock is held at a stretch */

bool
prune_stopped(const struct pruning *p)
{
	return p->manner->stop != NULL && atomic_load(p->manner->stop);
}

static void
rest(const struct pruning *p, struct span worked)
{
	struct timespec wait = { .tv_sec = worked.ns / 1000000000,
		.tv_nsec = worked.ns % 1000000000 };

	if (p->manner->gently)
		(void)nanosleep(&wait, NULL);
}

static enum store_result
turn(struct pruning *p, prune_step step, void *state)
{
	const struct mono until = mono_add(mono_now(), span_ms(TURN_MS));
	enum store_result result = store_begin(p->store), committed;

	if (result != STORE_OK)
		return result;
	do
		result = step(p, state);
	while (result == STORE_OK && mono_before(mono_now(), until));
	if (result != STORE_OK && result != STORE_UNKNOWN) {
		store_rollback(p->store);
		return result;
	}
	committed = store_commit(p->store);
	return committed == STORE_OK ? result : committed;
}

enum store_result
prune_in_turns(struct pruning *p, prune_step step, void *state)
{
	enum store_result result = STORE_OK;

	while (result == STORE_OK && !prune_stopped(p)) {
		const struct mono begun = mono_now();

		result = turn(p, step, state);
		if (result == STORE_OK)
			rest(p, mono_since(mono_now(), begun));
	}
	return result == STORE_UNKNOWN ? STORE_OK : result;
}

enum store_result
prune_ask(struct pruning *p, const char *sql, int64_t *value)
{
	struct query q = query_once(p->store, sql);

	*value = query_row(&q) ? query_column_int(&q, 0) : 0;
	return query_end(&q);
}

enum store_result
prune_note(struct pruning *p, const char *setting, int64_t value)
{
	int64_t noted;
	enum store_result result = store_get_time(p->store, setting, &noted);

	if (result != STORE_OK || value <= noted)
		return result;
	if ((result = store_begin(p->store)) != STORE_OK)
		return result;
	return store_end(p->store, store_put_time(p->store, setting, value));
}

/* --- space --- */

/* Until there is nothing left, or what is left does not get less: a reader may
 * need it. */
static enum store_result
vacuum_step(struct pruning *p, void *state)
{
	int64_t *had = state, unused = 0;
	enum store_result result = prune_ask(p, prune_free_pages, &unused);

	if (result != STORE_OK)
		return result;
	if (unused == 0 || unused == *had)
		return STORE_UNKNOWN;
	*had = unused;
	return store_result_of(p->store,
	    sqlite3_exec(p->store->db, prune_vacuum, NULL, NULL, NULL),
	    "vacuum");
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

enum store_result
prune_give_back(struct pruning *p)
{
	int64_t before = 0, after = 0, had = -1;
	enum store_result result = prune_ask(p, prune_file_bytes, &before);

	if (result == STORE_OK)
		result = prune_in_turns(p, vacuum_step, &had);
	if (result == STORE_OK)
		result = prune_ask(p, prune_file_bytes, &after);
	checkpoint(p->store);
	p->done->bytes = before - after;
	return result;
}
