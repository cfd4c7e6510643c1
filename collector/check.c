#include "collector/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/check_content.h"
#include "collector/check_schema.h"
#include "collector/check_sums.h"
#include "collector/settle.h"
#include "collector/statements_check.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

/* Columns are told apart by what they are and how long. */
static void
hash_column(struct sha256_stream *hash, sqlite3_stmt *stmt, int column)
{
	static const char *const types[] = { [SQLITE_INTEGER] = "i",
		[SQLITE_FLOAT] = "f",
		[SQLITE_TEXT] = "t",
		[SQLITE_BLOB] = "b",
		[SQLITE_NULL] = "n" };
	char title[32];
	int len;

	/* As text, a number is the same on every machine. */
	const void *bytes =
	    sqlite3_column_type(stmt, column) == SQLITE_BLOB
		? sqlite3_column_blob(stmt, column)
		: (const void *)sqlite3_column_text(stmt, column);

	len = sqlite3_column_bytes(stmt, column);
	(void)snprintf(title, sizeof(title),
	    "%s%d:", types[sqlite3_column_type(stmt, column)], len);
	sha256_add(hash, title, strlen(title));
	if (len > 0)
		sha256_add(hash, bytes, (size_t)len);
}

static enum store_result
hash_rows(struct store *s, struct sha256_stream *hash, const char *sql)
{
	struct query q = query_once(s, sql);

	while (query_row(&q)) {
		for (int i = 0; i < sqlite3_column_count(q.stmt); i++)
			hash_column(hash, q.stmt, i);
		sha256_add(hash, "\n", 1);
	}
	return query_end(&q);
}

static enum store_result
hash_view(struct store *s, struct sha256_stream *hash, const char *view)
{
	struct query q = query_once(s, check_view_query);
	enum store_result result;
	char *sql = NULL;

	query_text(&q, view);
	if (query_row(&q))
		sql = strdup(query_column_text(&q, 0));
	result = query_end(&q);
	if (result == STORE_OK && sql == NULL)
		result = STORE_BROKEN;
	if (result == STORE_OK) {
		sha256_add(hash, sql, strlen(sql) + 1);
		result = hash_rows(s, hash, sql);
	}
	free(sql);
	return result;
}

static enum store_result
hash_views(struct store *s, struct sha256_stream *hash)
{
	struct query q = query_once(s, check_views);
	enum store_result result = STORE_OK, end;

	while (result == STORE_OK && query_row(&q))
		result = hash_view(s, hash, query_column_text(&q, 0));
	end = query_end(&q);
	return result == STORE_OK ? end : result;
}

int
check_hash(const char *path, char text[SIGN_SHA256_TEXT])
{
	uint8_t digest[SIGN_SHA256_LEN];
	struct sha256_stream *hash;
	enum store_result result;
	struct store *s;
	int code;

	if ((s = store_open_shadow(path, &code)) == NULL)
		return code;
	hash = sha256_begin();
	result = hash == NULL ? STORE_BROKEN : hash_views(s, hash);
	store_close(s);
	if (hash != NULL)
		sha256_end(hash, digest);
	if (result != STORE_OK)
		return EXIT_STORAGE;
	text_hex(text, digest, sizeof(digest));
	return EXIT_DONE;
}

/* --- does it hold together? --- */

/* A line for the check, and one for each of the first faults. */
static enum store_result
ask(struct store *s, const struct check_query *check, int64_t *faults)
{
	struct query q = query_once(s, check->sql);
	enum store_result result;
	int64_t count = 0;

	while (query_row(&q))
		check_show(query_column_text(&q, 0), &count);
	result = query_end(&q);
	check_tell(check->what, result, count, faults);
	return result;
}

static enum store_result
first_of(enum store_result before, enum store_result result)
{
	return before == STORE_OK ? result : before;
}

/* One that cannot be answered keeps no other from being asked. */
static enum store_result
ask_all(struct store *s, const struct check_query *checks, int64_t *faults)
{
	enum store_result result = STORE_OK;

	for (; checks->sql != NULL; checks++)
		result = first_of(result, ask(s, checks, faults));
	return result;
}

static enum store_result
settle_anew(struct store *s)
{
	enum store_result result = store_result_of(
	    s, sqlite3_exec(s->db, check_seed, NULL, NULL, NULL), "check");
	struct query q = query_once(s, check_hours);
	enum store_result end;

	while (result == STORE_OK && query_row(&q))
		result = settle_hour(
		    s, query_column_int(&q, 0), query_column_int(&q, 1));
	end = query_end(&q);
	return result == STORE_OK ? end : result;
}

static enum store_result
tell_unsettled(struct store *s)
{
	struct query q = query_once(s, check_unsettled);

	if (query_row(&q) && query_column_int(&q, 0) > 0)
		(void)printf("passed over: %lld vantage points with %lld "
			     "hours that are not settled\n",
		    (long long)query_column_int(&q, 0),
		    (long long)query_column_int(&q, 1));
	return query_end(&q);
}

static enum store_result
check_derived(struct store *s, int64_t *faults)
{
	enum store_result result = settle_anew(s);

	if (result == STORE_OK)
		return ask_all(s, check_settled, faults);
	check_tell("runs and intervals can be made anew", result, 0, faults);
	return result;
}

/* In a transaction that met damage SQLite writes nothing more, be it to a
 * temporary table: the next part has its own. */
static enum store_result
begin_again(struct store *s, enum store_result before)
{
	if (before == STORE_OK)
		return STORE_OK;
	return store_result_of(s,
	    sqlite3_exec(s->db, "ROLLBACK; BEGIN", NULL, NULL, NULL), "check");
}

int
check_store(const char *path, const char *archive)
{
	enum store_result result;
	int64_t faults = 0;
	struct store *s;
	int code;

	if ((s = store_open_shadow(path, &code)) == NULL)
		return code;
	result = ask_all(s, check_queries, &faults);
	result = first_of(result, check_schema(s, &faults));
	result = first_of(result, begin_again(s, result));
	result = first_of(result, check_derived(s, &faults));
	result = first_of(result, tell_unsettled(s));
	result = first_of(result, check_names(s, &faults));
	result = first_of(result, check_sums(s, &faults));
	if (archive != NULL) {
		result = first_of(result, begin_again(s, result));
		result = first_of(result, check_archive(s, archive, &faults));
	}
	store_close(s);
	if (result != STORE_OK)
		return EXIT_STORAGE;
	return faults == 0 ? EXIT_DONE : EXIT_UNANSWERED;
}
