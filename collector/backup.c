#include "collector/backup.h"

#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "collector/command.h"
#include "collector/statements_check.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

/* All pages in one read transaction: a copy in steps would begin anew
 * whenever another process writes. Writers go on meanwhile, in the WAL. */
static int
copy_pages(struct store *s, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", s->db, "main");

	if (backup == NULL)
		return sqlite3_errcode(to);
	(void)sqlite3_backup_step(backup, -1);
	return sqlite3_backup_finish(backup);
}

/* A page that the source's disk gave back wrongly would be in the copy. */
static int
look_at_pages(sqlite3 *to, const char *path)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(to, backup_check, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		log_warnx("%s: is damaged: %s", path,
		    (const char *)sqlite3_column_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
	return rc;
}

/* Nothing is durable yet: store_publish flushes the file. */
static int
fill(struct store *s, const char *temp)
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(temp, &to, SQLITE_OPEN_READWRITE, NULL);
	int status = -1;

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, backup_settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = copy_pages(s, to);
	if (rc != SQLITE_OK)
		log_warnx("%s: %s", temp, sqlite3_errstr(rc));
	else if ((rc = look_at_pages(to, s->path)) == SQLITE_DONE)
		status = 0;
	else if (rc != SQLITE_ROW)
		log_warnx("%s: %s", temp, sqlite3_errmsg(to));
	if (sqlite3_close(to) != SQLITE_OK)
		status = -1;
	return status;
}

static void
remove_temp(const char *temp)
{
	static const char *const beside[] = { "", "-wal", "-shm" };
	char path[4096 + 8];

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		(void)text_print(path, sizeof(path), "%s%s", temp, beside[i]);
		(void)unlink(path);
	}
}

static int
copy(struct store *s, const char *temp, const char *to)
{
	int code = EXIT_STORAGE;

	if (store_make_file(temp) == -1) {
		code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s", temp);
		return code;
	}
	if (fill(s, temp) == 0)
		code = store_publish(temp, to);
	remove_temp(temp);
	return code;
}

int
backup_open_store(struct store *s, const char *to)
{
	char temp[4096];
	struct stat st;

	if (lstat(to, &st) == 0) {
		log_warnx("%s: is there already", to);
		return EXIT_STORAGE;
	}
	if (text_print(temp, sizeof(temp), "%s.%ld.new", to, (long)getpid()) ==
	    -1)
		return command_usage("%s: name too long", to);
	return copy(s, temp, to);
}

int
backup_store(const char *path, const char *to)
{
	struct store *s;
	int code;

	if ((s = store_open_shadow(path, &code)) == NULL)
		return code;
	code = backup_open_store(s, to);
	store_close(s);
	return code;
}

int
command_backup(int argc, char **argv)
{
	struct command command = { 0 };
	int code = command_options(&command, argc, argv);

	if (code != EXIT_DONE)
		return code;
	if (optind + 1 != argc)
		return command_usage("backup: to which one file?");
	if ((code = command_locate(&command)) == EXIT_DONE)
		code = backup_store(command.db, argv[optind]);
	command_clear(&command);
	return code;
}
