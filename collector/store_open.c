#include "collector/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/statements_sum.h"
#include "collector/store_lock.h"
#include "collector/store_private.h"
#include "lib/cursor.h"
#include "lib/immutable.h"
#include "lib/log.h"
#include "lib/text.h"

#define APPLICATION_ID 1094927170 /* "ACDB", as in store.sql */
#define SYNCHRONOUS_FULL 2

#define ALARM_PAGES (256 << 8) /* 256 MB: a reader holds on for too long */
#define BUSY_MS 5000           /* then a sender is told to come back */

/* Offsets in the header of a database file (sqlite.org/fileformat2). */
#define HEADER_LEN 100
#define HEADER_APPLICATION_ID 68

/* Look before SQLite does: a file that is not ours is not touched, no file
 * is made beside it. The exit code. */
static int
check_header(const char *path, int access)
{
	uint8_t header[HEADER_LEN] = { 0 };
	struct cursor c = cursor_over(header, sizeof(header));
	int fd = open(path, access | O_CLOEXEC | O_NONBLOCK), code;
	ssize_t len;

	if (fd == -1) {
		code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s", path);
		return code;
	}
	len = read(fd, header, sizeof(header));
	(void)close(fd);
	cursor_seek(&c, HEADER_APPLICATION_ID);
	if (len != (ssize_t)sizeof(header) ||
	    memcmp(header, "SQLite format 3", 16) != 0 ||
	    cursor_u32(&c) != APPLICATION_ID) {
		log_warnx("%s: is not a database of accollect", path);
		return EXIT_STORAGE;
	}
	return EXIT_DONE;
}

static int
ask(struct store *s, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : -1;
}

static int
ask_wal(struct store *s, bool *wal)
{
	sqlite3_stmt *stmt = NULL;
	int rc =
	    sqlite3_prepare_v2(s->db, "PRAGMA journal_mode", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*wal = strcmp((const char *)sqlite3_column_text(stmt, 0),
			   "wal") == 0;
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : -1;
}

/* The settings are asked back: one that did not take would be a promise
 * broken at the next power cut. */
static int
configure_writer(struct store *s)
{
	int64_t synchronous = 0;
	int persist = 1;
	bool wal = false;

	if (sqlite3_exec(s->db,
		"PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		" PRAGMA cache_size = -65536;",
		NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL,
		&persist) != SQLITE_OK ||
	    ask(s, "PRAGMA synchronous", &synchronous) == -1 ||
	    ask_wal(s, &wal) == -1) {
		log_warnx("%s: %s", s->path, sqlite3_errmsg(s->db));
		return -1;
	}
	if (synchronous != SYNCHRONOUS_FULL || !wal) {
		log_warnx(
		    "%s: synchronous=FULL with WAL is not to be had", s->path);
		return -1;
	}
	return 0;
}

static int
check_version(struct store *s)
{
	int64_t version = 0;

	if (ask(s, "PRAGMA user_version", &version) == -1) {
		log_warnx("%s: %s", s->path, sqlite3_errmsg(s->db));
		return -1;
	}
	if (version != STORE_VERSION) {
		log_warnx("%s: has schema version %lld, this program knows "
			  "%d%s",
		    s->path, (long long)version, STORE_VERSION,
		    version < STORE_VERSION ? ": accollect upgrade brings it "
					      "there"
					    : "");
		return -1;
	}
	return 0;
}

static int
prepare_statements(struct store *s)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		if (sqlite3_prepare_v3(s->db, statement_sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &s->statement[i],
			NULL) != SQLITE_OK) {
			log_warnx("%s: %s", s->path, sqlite3_errmsg(s->db));
			return -1;
		}
	}
	return 0;
}

static int
count_wal_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;

	(void)db;
	(void)name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

static struct store *
store_new(const char *path)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->lock = -1;
	s->last_measurement = -1;
	s->wal_alarm_pages = ALARM_PAGES;
	s->lanes = names_new(LIMIT_NAMES_BYTES);
	s->instances = names_new(LIMIT_NAMES_BYTES);
	s->details = names_new(LIMIT_NAMES_BYTES);
	s->paths = names_new(LIMIT_NAMES_BYTES);
	if (s->lanes == NULL || s->instances == NULL || s->details == NULL ||
	    s->paths == NULL ||
	    text_copy(s->path, sizeof(s->path), path) == -1) {
		log_warnx("%s: out of memory, or too long a name", path);
		store_close(s);
		return NULL;
	}
	return s;
}

static int
connect_to(struct store *s, const char *name, int flags)
{
	if (sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		log_warnx("%s: %s", s->path, sqlite3_errmsg(s->db));
		return -1;
	}
	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (sqlite3_exec(s->db, "PRAGMA cell_size_check = ON", NULL, NULL,
		NULL) != SQLITE_OK ||
	    statements_provide_sum(s->db) != SQLITE_OK) {
		log_warnx("%s: %s", s->path, sqlite3_errmsg(s->db));
		return -1;
	}
	return 0;
}

static int
connect_database(struct store *s, int flags)
{
	return connect_to(s, s->path, flags);
}

static int
connect_reader(struct store *s)
{
	char uri[IMMUTABLE_URI];
	int rc;

	if (connect_database(s, SQLITE_OPEN_READONLY) == -1)
		return -1;
	rc = sqlite3_exec(s->db, "PRAGMA schema_version", NULL, NULL, NULL) &
	     0xff;
	if ((rc != SQLITE_READONLY && rc != SQLITE_CANTOPEN) ||
	    immutable_uri(uri, sizeof(uri), s->path) == -1)
		return 0;
	(void)sqlite3_close(s->db);
	s->db = NULL;
	return connect_to(s, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

static int
open_archive(struct store *s, const char *archive, int *code)
{
	if (archive == NULL)
		return 0;
	if ((s->archive = archive_open(archive)) == NULL) {
		*code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s", archive);
		return -1;
	}
	return 0;
}

/* Where a file of the database cannot be opened for writing, be it for a
 * moment, SQLite opens it for reading and says so at the first write. */
static int
check_writable(struct store *s)
{
	int rc;

	(void)sqlite3_busy_timeout(s->db, 0);
	rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	/* Of a file that is open for reading alone it begins to read. */
	if ((rc & 0xff) != SQLITE_READONLY &&
	    sqlite3_db_readonly(s->db, "main") == 0)
		return 0;
	log_warnx("%s: cannot be opened for writing", s->path);
	return -1;
}

/* Recovery after a crash happens at the first look: under the lock too. */
static int
open_locked(struct store *s, int *code)
{
	int status = -1;

	if ((s->lock = store_lock_open(s->path)) == -1 ||
	    store_lock_take(s->lock) == -1) {
		*code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s.lock", s->path);
		return -1;
	}
	if (connect_database(s, SQLITE_OPEN_READWRITE) == 0 &&
	    check_version(s) == 0 && configure_writer(s) == 0 &&
	    check_writable(s) == 0 && prepare_statements(s) == 0)
		status = 0;
	store_lock_release(s->lock);
	if (status == -1)
		return -1;
	(void)sqlite3_wal_autocheckpoint(s->db, 0);
	(void)sqlite3_wal_hook(s->db, count_wal_pages, s);
	return 0;
}

struct store *
store_open(const char *path, const char *archive, int *code)
{
	struct store *s;

	*code = EXIT_STORAGE;
	if ((s = store_new(path)) == NULL)
		return NULL;
	if ((*code = check_header(path, O_RDWR)) != EXIT_DONE)
		goto out;
	*code = EXIT_STORAGE;
	if (open_locked(s, code) == -1 || open_archive(s, archive, code) == -1)
		goto out;
	if (store_refresh_views(s) != STORE_OK)
		goto out;
	*code = EXIT_DONE;
	return s;
out:
	store_close(s);
	return NULL;
}

bool
store_may_write(const char *path)
{
	const int file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	const int lock = file == -1 ? -1 : store_lock_open(path);
	const bool may =
	    lock != -1 || log_exit_code(errno, EXIT_DONE) == EXIT_DONE;

	if (lock != -1)
		(void)close(lock);
	if (file != -1)
		(void)close(file);
	return may;
}

struct store *
store_open_old(const char *path, int64_t *version, int *code)
{
	struct store *s;

	*code = EXIT_STORAGE;
	if ((s = store_new(path)) == NULL)
		return NULL;
	if ((*code = check_header(path, O_RDWR)) != EXIT_DONE)
		goto out;
	*code = EXIT_STORAGE;
	if ((s->lock = store_lock_open(path)) == -1 ||
	    store_lock_take(s->lock) == -1) {
		*code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s.lock", path);
		goto out;
	}
	if (connect_database(s, SQLITE_OPEN_READWRITE) == -1 ||
	    configure_writer(s) == -1)
		goto out;
	if (ask(s, "PRAGMA user_version", version) == -1) {
		log_warnx("%s: %s", path, sqlite3_errmsg(s->db));
		goto out;
	}
	(void)sqlite3_wal_autocheckpoint(s->db, 0);
	*code = EXIT_DONE;
	return s;
out:
	store_close(s);
	return NULL;
}

struct store *
store_open_reader(const char *path, int *code)
{
	struct store *s;

	*code = EXIT_STORAGE;
	if ((s = store_new(path)) == NULL)
		return NULL;
	/* Without a look at the header: closing that descriptor would take
	 * the locks of the process's other connections with it (POSIX). */
	if (connect_database(s, SQLITE_OPEN_READONLY) == 0 &&
	    check_version(s) == 0) {
		*code = EXIT_DONE;
		return s;
	}
	store_close(s);
	return NULL;
}

struct store *
store_open_beside(const struct store *writer, int *code)
{
	struct store *s = store_open_reader(writer->path, code);

	if (s != NULL && prepare_statements(s) == -1) {
		*code = EXIT_STORAGE;
		store_close(s);
		return NULL;
	}
	if (s != NULL)
		s->quota = writer->quota;
	return s;
}

struct store *
store_open_second(const struct store *writer, int *code)
{
	struct store *s;

	*code = EXIT_STORAGE;
	if ((s = store_new(writer->path)) == NULL)
		return NULL;
	if (open_locked(s, code) == 0 &&
	    sqlite3_exec(s->db, "PRAGMA cache_size = -8192", NULL, NULL,
		NULL) == SQLITE_OK) {
		*code = EXIT_DONE;
		return s;
	}
	store_close(s);
	return NULL;
}

struct store *
store_open_shadow(const char *path, int *code)
{
	struct store *s;

	*code = EXIT_STORAGE;
	if ((s = store_new(path)) == NULL)
		return NULL;
	if ((*code = check_header(path, O_RDONLY)) != EXIT_DONE)
		goto out;
	*code = EXIT_STORAGE;
	if (connect_reader(s) == -1 || check_version(s) == -1)
		goto out;
	if (sqlite3_exec(s->db, statement_shadow, NULL, NULL, NULL) !=
	    SQLITE_OK) {
		log_warnx("%s: %s", s->path, sqlite3_errmsg(s->db));
		goto out;
	}
	if (prepare_statements(s) == -1)
		goto out;
	/* One state for all that is read from now on. */
	if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		goto out;
	*code = EXIT_DONE;
	return s;
out:
	store_close(s);
	return NULL;
}

int
store_look(const char *path)
{
	int code;

	store_close(store_open_shadow(path, &code));
	return code;
}

void
store_close(struct store *s)
{
	bool locked;

	if (s == NULL)
		return;
	if (s->in_transaction)
		store_rollback(s);
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(s->statement[i]);
	locked = s->lock != -1 && store_lock_take(s->lock) == 0;
	/* The last connection to close checkpoints: not without the lock. */
	if (s->db != NULL && !locked)
		(void)sqlite3_db_config(
		    s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_close(s->db);
	if (locked)
		store_lock_release(s->lock);
	if (s->lock != -1)
		(void)close(s->lock);
	archive_close(s->archive);
	names_free(s->lanes);
	names_free(s->instances);
	names_free(s->details);
	names_free(s->paths);
	free(s->adding.rows);
	items_clear(&s->adding.one);
	free(s);
}

struct sqlite3 *
store_db(struct store *s)
{
	return s->db;
}
