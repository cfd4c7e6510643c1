#include "collector/prune_private.h"
#include "collector/statements_prune.h"
#include "collector/store_private.h"

/* Which are looked for in one state and without the lock, because that reads
 * every measurement. Meanwhile others may find one of the names and use it:
 * so before any goes, those that rows added since then have are taken off the
 * list, and whoever remembers names is told to forget them. */

struct unused {
	int64_t seen; /* measurements up to here are looked at */
	size_t kind;  /* of prune_names */
};

static enum store_result
run_text(struct pruning *p, const char *sql)
{
	return store_result_of(p->store,
	    sqlite3_exec(p->store->db, sql, NULL, NULL, NULL), "unused");
}

static enum store_result
find_unused(struct pruning *p, struct unused *u)
{
	enum store_result result = run_text(p, prune_unused_tables), end;

	if (result != STORE_OK)
		return result;
	result = prune_ask(p, prune_last_measurement, &u->seen);
	for (size_t i = 0; result == STORE_OK && !prune_stopped(p) &&
			   prune_unused_find[i] != NULL;
	     i++)
		result = run_text(p, prune_unused_find[i]);
	end = run_text(p, prune_unused_drop);
	return result == STORE_OK ? end : result;
}

/* In a transaction. */
static enum store_result
save_used(struct pruning *p, struct unused *u)
{
	struct query q = query_once(p->store, prune_unused_save);
	enum store_result result;

	query_int(&q, u->seen + 1);
	result = query_run(&q);
	return result == STORE_OK
		   ? prune_ask(p, prune_last_measurement, &u->seen)
		   : result;
}

static enum store_result
remove_some(struct pruning *p, const struct prune_name *name)
{
	enum store_result result = run_text(p, name->remove);

	p->done->names += sqlite3_changes(p->store->db);
	if (result == STORE_OK)
		result = run_text(p, name->forget);
	if (result == STORE_OK)
		result = store_run(p->store, STATEMENT_NEXT_EPOCH);
	return result;
}

static enum store_result
unused_step(struct pruning *p, void *state)
{
	struct unused *u = state;
	enum store_result result = save_used(p, u);
	int64_t left = 0;

	while (result == STORE_OK && left == 0) {
		const struct prune_name *name = &prune_names[u->kind];

		if (name->count == NULL)
			return STORE_UNKNOWN;
		result = prune_ask(p, name->count, &left);
		if (result == STORE_OK && left == 0)
			u->kind++;
		else if (result == STORE_OK)
			result = remove_some(p, name);
	}
	return result;
}

enum store_result
prune_unused_names(struct pruning *p)
{
	struct unused u = { .kind = 0 };
	enum store_result result = find_unused(p, &u);

	if (result != STORE_OK || prune_stopped(p))
		return result;
	return prune_in_turns(p, unused_step, &u);
}
