#include "collector/store.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "collector/store_lock.h"
#include "collector/store_private.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

/* Everything of the schema in one transaction of an ordinary rollback
 * journal; WAL is the mode of whoever opens it afterwards. */
static int
fill_database(sqlite3 *db)
{
	static const char *const scripts[] = {
		/* Before the first table, or it does nothing. */
		"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL;"
		" BEGIN;",
		schema_store_sql,
		schema_views_sql,
		"COMMIT; PRAGMA journal_mode = WAL;",
	};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		if (sqlite3_exec(db, scripts[i], NULL, NULL, NULL) != SQLITE_OK)
			return -1;
	}
	return 0;
}

int
store_make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd == -1)
		return -1;
	/* Whatever the umask: its group reads it, nobody else. */
	if (fchmod(fd, 0640) == -1) {
		(void)close(fd);
		return -1;
	}
	return close(fd);
}

/* What could not be done to a file, in one line. The exit code. */
static int
failed(const char *path)
{
	const int code = log_exit_code(errno, EXIT_STORAGE);

	log_warn("%s", path);
	return code;
}

static int
make_database(const char *temp)
{
	sqlite3 *db = NULL;
	int code = EXIT_STORAGE;

	if (store_make_file(temp) == -1)
		return failed(temp);
	if (sqlite3_open_v2(temp, &db, SQLITE_OPEN_READWRITE, NULL) !=
		SQLITE_OK ||
	    fill_database(db) == -1)
		log_warnx("%s: %s", temp, sqlite3_errmsg(db));
	else
		code = EXIT_DONE;
	if (sqlite3_close(db) != SQLITE_OK)
		code = EXIT_STORAGE;
	return code;
}

int
store_publish(const char *temp, const char *path)
{
	if (file_sync(AT_FDCWD, temp) == -1 || link(temp, path) == -1 ||
	    file_sync_folder_of(path) == -1)
		return failed(path);
	return EXIT_DONE;
}

/* So that readers find the files of WAL mode before anything was written. */
static int
open_once(const char *path)
{
	struct store *s;
	int code;

	if ((s = store_open(path, NULL, &code)) == NULL)
		return code;
	store_close(s);
	return EXIT_DONE;
}

static int
create_locked(const char *path)
{
	char temp[4096], journal[4096];
	struct stat st;
	int code;

	if (lstat(path, &st) == 0) {
		errno = EEXIST;
		return failed(path);
	}
	if (text_print(temp, sizeof(temp), "%s.new", path) == -1 ||
	    text_print(journal, sizeof(journal), "%s-journal", temp) == -1) {
		log_warnx("%s: name too long", path);
		return EXIT_STORAGE;
	}
	/* Under the lock: what is there was left behind by a killed one. */
	(void)unlink(temp);
	(void)unlink(journal);
	if ((code = make_database(temp)) == EXIT_DONE)
		code = store_publish(temp, path);
	(void)unlink(temp);
	return code;
}

int
store_create(const char *path)
{
	int lock = store_lock_open(path), code;

	if (lock == -1)
		return failed(path);
	if (store_lock_take(lock) == -1) {
		log_warn("%s.lock", path);
		(void)close(lock);
		return EXIT_STORAGE;
	}
	code = create_locked(path);
	store_lock_release(lock);
	(void)close(lock);
	return code == EXIT_DONE ? open_once(path) : code;
}
