#include "collector/store.h"

#include <errno.h>
#include <string.h>
#include "collector/meter.h"
#include "collector/store_lock.h"
#include "collector/store_private.h"
#include "lib/log.h"

#define CHECKPOINT_PAGES 4000 /* 16 MB: a few seconds of full ingest */

const char *
store_result_name(enum store_result result)
{
	switch (result) {
	case STORE_OK:
		return "ok";
	case STORE_DUPLICATE:
		return "duplicate";
	case STORE_CONFLICT:
		return "conflict";
	case STORE_UNKNOWN:
		return "unknown vantage point or key";
	case STORE_REFUSED:
		return "records span more than an hour";
	case STORE_REVOKED:
		return "its key did not hold when it was measured";
	case STORE_OVER_QUOTA:
		return "its vantage point has sent enough for today";
	case STORE_BUSY:
		return "database is busy";
	case STORE_FULL:
		return "no room on the disk";
	case STORE_BROKEN:
		break;
	}
	return "database error";
}

enum store_result
store_run(struct store *s, enum statement statement)
{
	struct query q = query_start(s, statement);

	return query_run(&q);
}

void
store_forget_names(struct store *s)
{
	names_clear(s->lanes);
	names_clear(s->instances);
	names_clear(s->details);
	names_clear(s->paths);
}

enum store_result
store_save(struct store *s)
{
	return store_run(s, STATEMENT_SAVE_ENTRY);
}

enum store_result
store_keep(struct store *s)
{
	return store_run(s, STATEMENT_RELEASE_ENTRY);
}

enum store_result
store_undo(struct store *s)
{
	const enum store_result result = store_run(s, STATEMENT_UNDO_ENTRY);

	s->last_measurement = -1;
	store_forget_names(s);
	return result == STORE_OK ? store_keep(s) : result;
}

static void
let_go(struct store *s)
{
	s->in_transaction = false;
	store_lock_release(s->lock);
}

/* Passive: it waits for nobody. What readers still need stays in the WAL
 * until a later time. */
static void
checkpoint(struct store *s)
{
	int pages = 0, done = 0;

	if (s->wal_pages < CHECKPOINT_PAGES)
		return;
	(void)sqlite3_wal_checkpoint_v2(
	    s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
	if (s->wal_pages >= s->wal_alarm_pages && done < pages) {
		log_warnx("%s: %d MB wait in the WAL: a reader holds on to "
			  "an old state",
		    s->path, s->wal_pages >> 8);
		s->wal_alarm_pages *= 2;
	}
}

/* Retention in another process may have taken out what is remembered. */
static enum store_result
check_epoch(struct store *s)
{
	struct query q = query_start(s, STATEMENT_EPOCH);
	const int64_t epoch = query_row(&q) ? query_column_int(&q, 0) : 0;

	if (epoch != s->epoch)
		store_forget_names(s);
	s->epoch = epoch;
	return query_end(&q);
}

/* An upgrade while a server of the old version runs ends its writing. */
static enum store_result
check_version(struct store *s)
{
	struct query q = query_start(s, STATEMENT_VERSION);
	const bool same =
	    query_row(&q) && query_column_int(&q, 0) == STORE_VERSION;
	const enum store_result result = query_end(&q);

	if (result != STORE_OK || same)
		return result;
	log_warnx("%s: was upgraded: start this program anew", s->path);
	return STORE_BROKEN;
}

enum store_result
store_begin(struct store *s)
{
	enum store_result result;

	if (store_lock_take(s->lock) == -1)
		return STORE_BUSY;
	if ((result = store_run(s, STATEMENT_BEGIN)) != STORE_OK) {
		store_lock_release(s->lock);
		return result;
	}
	s->in_transaction = true;
	s->last_measurement = -1;
	if ((result = check_version(s)) != STORE_OK ||
	    (result = check_epoch(s)) != STORE_OK)
		store_rollback(s);
	return result;
}

static enum store_result
flush_archive(struct store *s)
{
	if (s->archive == NULL || archive_flush(s->archive) == 0)
		return STORE_OK;
	log_warn("archive");
	return errno == ENOSPC || errno == EDQUOT ? STORE_FULL : STORE_BROKEN;
}

void
store_count_in(struct store *s, struct meter *meter)
{
	s->meter = meter;
}

enum store_result
store_commit(struct store *s)
{
	const struct mono begun = mono_now();
	enum store_result result = flush_archive(s);

	if (result == STORE_OK)
		result = store_run(s, STATEMENT_COMMIT);
	if (result != STORE_OK) {
		store_rollback(s);
		return result;
	}
	meter_commit(s->meter, mono_since(mono_now(), begun));
	checkpoint(s);
	let_go(s);
	return STORE_OK;
}

void
store_rollback(struct store *s)
{
	if (!s->in_transaction)
		return;
	/* After some errors SQLite has rolled back by itself. */
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)store_run(s, STATEMENT_ROLLBACK);
	if (s->archive != NULL)
		archive_abandon(s->archive);
	store_forget_names(s);
	let_go(s);
}

enum store_result
store_end(struct store *s, enum store_result result)
{
	if (result == STORE_OK)
		return store_commit(s);
	store_rollback(s);
	return result;
}

enum store_result
store_archive(struct store *s, const char *kind, const void *bytes, size_t len)
{
	if (s->archive == NULL ||
	    archive_append(s->archive, kind, bytes, len) == 0)
		return STORE_OK;
	log_warn("archive");
	return errno == ENOSPC || errno == EDQUOT ? STORE_FULL : STORE_BROKEN;
}

enum store_result
store_set_aside(
    struct store *s, const char *name, const void *bytes, size_t len)
{
	if (s->archive == NULL ||
	    archive_set_aside(s->archive, name, bytes, len) == 0)
		return STORE_OK;
	log_warn("archive: conflict/%s", name);
	return errno == ENOSPC || errno == EDQUOT ? STORE_FULL : STORE_BROKEN;
}
