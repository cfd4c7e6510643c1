#include "collector/check_content.h"

#include <stdio.h>
#include <string.h>
#include "collector/statements_check.h"
#include "collector/store_private.h"
#include "lib/escape.h"
#include "lib/log.h"
#include "lib/text.h"

#define FAULTS_SHOWN 10
#define SHOWN_TEXT 1024
#define NAME_TEXT (4 * LIMIT_IDENTITY + 1)

void
check_tell(
    const char *what, enum store_result result, int64_t count, int64_t *faults)
{
	if (result != STORE_OK)
		(void)printf("not ok: %s (%lld faults, and the rest cannot be "
			     "read)\n",
		    what, (long long)count);
	else if (count == 0)
		(void)printf("ok: %s\n", what);
	else
		(void)printf(
		    "not ok: %s (%lld faults)\n", what, (long long)count);
	*faults += count;
}

void
check_show(const char *text, int64_t *count)
{
	char shown[SHOWN_TEXT];

	if (++*count > FAULTS_SHOWN)
		return;
	(void)escape_text(shown, sizeof(shown), text, strlen(text));
	(void)printf("  %s\n", shown);
}

/* --- names --- */

/* (table, id, hash, text): the hash is the text's. */
static bool
is_hashed(const struct query *q)
{
	uint8_t hash[SIGN_SHA256_LEN];

	sha256(hash, sqlite3_column_text(q->stmt, 3),
	    (size_t)sqlite3_column_bytes(q->stmt, 3));
	return sqlite3_column_bytes(q->stmt, 2) == (int)sizeof(hash) &&
	       memcmp(sqlite3_column_blob(q->stmt, 2), hash, sizeof(hash)) == 0;
}

/* (table, id, bytes, text): the text is the bytes' own. */
static bool
is_escaped(const struct query *q)
{
	char text[NAME_TEXT];

	(void)escape_text(text, sizeof(text), sqlite3_column_blob(q->stmt, 2),
	    (size_t)sqlite3_column_bytes(q->stmt, 2));
	return strcmp(text, query_column_text(q, 3)) == 0;
}

static enum store_result
check_each(struct store *s, const char *sql,
    bool (*is_right)(const struct query *), int64_t *count)
{
	struct query q = query_once(s, sql);

	while (query_row(&q)) {
		if (is_right(&q) || ++*count > FAULTS_SHOWN)
			continue;
		(void)printf("  %s %lld\n", query_column_text(&q, 0),
		    (long long)query_column_int(&q, 1));
	}
	return query_end(&q);
}

enum store_result
check_names(struct store *s, int64_t *faults)
{
	int64_t count = 0;
	enum store_result result =
	    check_each(s, check_hashed, is_hashed, &count);

	if (result == STORE_OK)
		result = check_each(s, check_escaped, is_escaped, &count);
	check_tell("every name, detail and path is what it was", result, count,
	    faults);
	return result;
}

/* --- the archive --- */

/* Its title is the first line. */
static enum store_result
note_import(struct store *s, const struct archive_entry *entry)
{
	const char *text = (const char *)entry->bytes;
	struct query q = query_once(s, check_note_import);

	query_text_len(&q, text, strcspn(text, "\n"));
	return query_run(&q);
}

/* Of a list of sites the first line says which. */
static enum store_result
note_act(struct store *s, const struct archive_entry *entry, const char *act)
{
	const char *text = (const char *)entry->bytes;
	struct query q = query_once(s, check_note_act);

	query_text(&q, act);
	query_text_len(
	    &q, text, act == NULL ? entry->len : strcspn(text, "\n"));
	return query_run(&q);
}

static enum store_result
note_archived(struct store *s, const struct archive_entry *entry)
{
	struct batch_pieces p = { 0 };
	struct query q;

	if (strcmp(entry->kind, "import") == 0)
		return note_import(s, entry);
	if (strcmp(entry->kind, "act") == 0)
		return note_act(s, entry, NULL);
	if (strcmp(entry->kind, "sites") == 0)
		return note_act(s, entry, entry->kind);
	if (strcmp(entry->kind, "batch") != 0 ||
	    batch_split(&p, entry->bytes, entry->len) != BATCH_OK)
		return STORE_OK;
	q = query_once(s, check_note_archived);
	query_text(&q, p.line.vp);
	query_text(&q, p.line.spool);
	query_int(&q, p.line.number);
	query_text(&q, p.line.sha256);
	return query_run(&q);
}

static enum store_result
read_archive(struct store *s, struct archive_reader *reader, int64_t *count)
{
	struct archive_entry entry;
	enum store_result result = STORE_OK;
	int more = 1;

	while (result == STORE_OK &&
	       (more = archive_reader_next(reader, &entry)) == 1)
		result = note_archived(s, &entry);
	if (more == -1) {
		log_warn("archive");
		return STORE_BROKEN;
	}
	*count = archive_reader_damaged(reader) - archive_reader_torn(reader);
	return result;
}

static enum store_result
tell_missing(struct store *s, const char *sql, int64_t *count)
{
	struct query q = query_once(s, sql);

	while (query_row(&q))
		check_show(query_column_text(&q, 0), count);
	return query_end(&q);
}

enum store_result
check_archive(struct store *s, const char *archive, int64_t *faults)
{
	struct archive_reader *reader = archive_reader_open(archive);
	enum store_result result = STORE_BROKEN;
	int64_t count = 0, acts = 0;

	if (reader == NULL)
		log_warn("%s", archive);
	else
		result = store_result_of(s,
		    sqlite3_exec(s->db, check_archived_table, NULL, NULL, NULL),
		    "check");
	if (result == STORE_OK)
		result = read_archive(s, reader, &count);
	archive_reader_close(reader);
	if (result == STORE_OK)
		result = tell_missing(s, check_archived, &count);
	check_tell("the archive is whole, and has every batch that is stored",
	    result, count, faults);
	if (result != STORE_OK)
		return result;
	result = tell_missing(s, check_acts, &acts);
	check_tell(
	    "every act of the archive is in the store", result, acts, faults);
	return result;
}
