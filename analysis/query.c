#include "analysis/query.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analysis/memory.h"
#include "analysis/query_private.h"
#include "lib/immutable.h"
#include "lib/log.h"
#include "lib/text.h"

#define APPLICATION_ID 1094927170 /* "ACDB": schema/store.sql */
#define SCHEMA_VERSION 2
#define SCHEMA_OLDEST 1 /* its views say the same */
#define BUSY_MS 10000
#define DEADLINE_S 3600
#define STEPS_BETWEEN_LOOKS 1000000
#define PATH_BYTES 4096

void
query_fail(struct query *q)
{
	if (!q->failed)
		log_warnx("%s: %s", q->path,
		    sqlite3_errcode(q->db) == SQLITE_INTERRUPT
			? "reading took over an hour: stopped"
			: sqlite3_errmsg(q->db));
	q->failed = true;
}

static int
past_deadline(void *query)
{
	const struct query *q = query;

	return mono_before(q->deadline, mono_now());
}

/* What the file system says before SQLite is asked, which would make an
 * error of every kind "unable to open database file". */
static int
check_file(const char *path)
{
	struct stat st;
	int code = EXIT_DONE, fd, saved;

	/* Not blocked by a FIFO, which is refused below. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		saved = errno;
		log_warn("%s", path);
		return log_exit_code(saved, EXIT_STORAGE);
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		log_warnx("%s: not a regular file", path);
		code = EXIT_STORAGE;
	}
	(void)close(fd);
	return code;
}

static void
harden(sqlite3 *db)
{
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_db_config(
	    db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	(void)sqlite3_exec(db,
	    "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
	    "PRAGMA query_only=ON;",
	    NULL, NULL, NULL);
	(void)sqlite3_busy_timeout(db, BUSY_MS);
}

/* Begin the snapshot and read one pragma; an SQLite result code. */
static int
read_pragma(sqlite3 *db, const char *sql, int *value)
{
	sqlite3_stmt *statement;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW)
			*value = sqlite3_column_int(statement, 0);
	}
	(void)sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int
open_database(struct query *q, const char *name, int flags)
{
	int rc, value;

	(void)sqlite3_close(q->db);
	q->db = NULL;
	rc = sqlite3_open_v2(name, &q->db,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL);
	if (rc != SQLITE_OK)
		return rc;
	harden(q->db);
	if ((rc = query_add_functions(q)) != SQLITE_OK)
		return rc;
	rc = sqlite3_exec(q->db, "BEGIN", NULL, NULL, NULL);
	return rc == SQLITE_OK
		   ? read_pragma(q->db, "PRAGMA schema_version", &value)
		   : rc;
}

/* The files beside a database in WAL mode: which of them stops us? */
static int
explain_wal(const struct query *q)
{
	static const char *const endings[] = { "-wal", "-shm" };
	char name[PATH_BYTES];

	for (size_t i = 0; i < 2; i++) {
		if (text_print(
			name, sizeof(name), "%s%s", q->path, endings[i]) == 0 &&
		    access(name, R_OK) == -1 && errno == EACCES) {
			log_warn("%s", name);
			return EXIT_PERMISSION;
		}
	}
	log_warnx("%s: %s", q->path,
	    q->db == NULL ? "out of memory" : sqlite3_errmsg(q->db));
	return EXIT_STORAGE;
}

static int
open_snapshot(struct query *q)
{
	char uri[IMMUTABLE_URI];
	int rc = open_database(q, q->path, 0);

	if ((rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY) &&
	    immutable_uri(uri, sizeof(uri), q->path) == 0)
		rc = open_database(q, uri, SQLITE_OPEN_URI);
	return rc == SQLITE_OK ? EXIT_DONE : explain_wal(q);
}

static int
check_identity(struct query *q)
{
	int id = 0, version = 0;

	if (read_pragma(q->db, "PRAGMA application_id", &id) != SQLITE_OK ||
	    read_pragma(q->db, "PRAGMA user_version", &version) != SQLITE_OK) {
		log_warnx("%s: %s", q->path, sqlite3_errmsg(q->db));
		return EXIT_STORAGE;
	}
	if (id != APPLICATION_ID) {
		log_warnx("%s: not a database of accollect", q->path);
		return EXIT_STORAGE;
	}
	if (version < SCHEMA_OLDEST || version > SCHEMA_VERSION) {
		log_warnx("%s: schema version %d, and this acreport reads %d%s",
		    q->path, version, SCHEMA_VERSION,
		    version > SCHEMA_VERSION ? ": a newer acreport is needed"
					     : "");
		return EXIT_STORAGE;
	}
	return EXIT_DONE;
}

struct query *
query_open(const char *path, int *code)
{
	struct query *q;

	if ((*code = check_file(path)) != EXIT_DONE)
		return NULL;
	q = memory_zeroed(1, sizeof(*q));
	q->path = memory_copy(path);
	if ((*code = open_snapshot(q)) != EXIT_DONE ||
	    (*code = check_identity(q)) != EXIT_DONE) {
		query_close(q);
		return NULL;
	}
	q->deadline = mono_add(mono_now(), span_s(DEADLINE_S));
	sqlite3_progress_handler(q->db, STEPS_BETWEEN_LOOKS, past_deadline, q);
	return q;
}

void
query_close(struct query *q)
{
	if (q == NULL)
		return;
	query_free_intervals(q);
	(void)sqlite3_close(q->db);
	free(q->path);
	free(q);
}

bool
query_failed(const struct query *q)
{
	return q->failed;
}

struct query_rows *
query_prepare(struct query *q, const char *sql)
{
	struct query_rows *rows = memory_zeroed(1, sizeof(*rows));

	rows->query = q;
	if (!q->failed &&
	    sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&rows->statement, NULL) != SQLITE_OK)
		query_fail(q);
	return rows;
}

void
query_bind(struct query_rows *rows, int parameter, int64_t value)
{
	if (rows->statement != NULL &&
	    sqlite3_bind_int64(rows->statement, parameter, value) != SQLITE_OK)
		query_fail(rows->query);
}

void
query_bind_text(struct query_rows *rows, int parameter, const char *text)
{
	if (rows->statement != NULL &&
	    sqlite3_bind_text(rows->statement, parameter, text, -1,
		SQLITE_TRANSIENT) != SQLITE_OK)
		query_fail(rows->query);
}

bool
query_next(struct query_rows *rows)
{
	int rc;

	if (rows->query->failed || rows->statement == NULL)
		return false;
	rc = sqlite3_step(rows->statement);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		query_fail(rows->query);
	return rc == SQLITE_ROW;
}

bool
query_has_table(struct query *q, const char *name)
{
	struct query_rows *rows = query_prepare(
	    q, "SELECT name FROM sqlite_schema WHERE type = 'table'");
	bool found = false;

	while (!found && query_next(rows))
		found = strcmp(query_text(rows, 0), name) == 0;
	query_finish(rows);
	return found;
}

void
query_reset(struct query_rows *rows)
{
	if (rows->statement != NULL)
		(void)sqlite3_reset(rows->statement);
}

void
query_finish(struct query_rows *rows)
{
	if (rows == NULL)
		return;
	(void)sqlite3_finalize(rows->statement);
	free(rows);
}

bool
query_null(struct query_rows *rows, int column)
{
	return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

int64_t
query_int(struct query_rows *rows, int column)
{
	return sqlite3_column_int64(rows->statement, column);
}

double
query_real(struct query_rows *rows, int column)
{
	return sqlite3_column_double(rows->statement, column);
}

const char *
query_text(struct query_rows *rows, int column)
{
	const unsigned char *text =
	    sqlite3_column_text(rows->statement, column);

	return text == NULL ? "" : (const char *)text;
}

const void *
query_bytes(struct query_rows *rows, int column, size_t *len)
{
	const void *bytes = sqlite3_column_blob(rows->statement, column);

	*len = (size_t)sqlite3_column_bytes(rows->statement, column);
	return bytes;
}
