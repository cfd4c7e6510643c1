#include "collector/command.h"

#include <stdio.h>
#include <string.h>
#include "collector/backup.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/times.h"

enum { UPGRADE_OPTION_BACKUP = OPTION_OWN };

/* The step from version i + 1 to the next. */
static const char *const steps[] = { schema_upgrade_1_sql };
_Static_assert(sizeof(steps) / sizeof(steps[0]) == STORE_VERSION - 1,
    "a step for every version but this one");

/* sha256(text), for the steps. */
static void
hash_text(sqlite3_context *context, int count, sqlite3_value **values)
{
	const void *text = sqlite3_value_text(values[0]);
	uint8_t hash[SIGN_SHA256_LEN];

	(void)count;
	sha256(hash, text, (size_t)sqlite3_value_bytes(values[0]));
	sqlite3_result_blob(context, hash, sizeof(hash), SQLITE_TRANSIENT);
}

/* All steps in one transaction: old or new, whatever happens. */
static int
take_steps(struct store *s, int64_t version)
{
	char done[64];
	int rc = sqlite3_create_function(s->db, "sha256", 1,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
	    hash_text, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int64_t v = version; v < STORE_VERSION && rc == SQLITE_OK; v++)
		rc = sqlite3_exec(s->db, steps[v - 1], NULL, NULL, NULL);
	if (rc == SQLITE_OK && store_replace_views(s) != STORE_OK)
		rc = SQLITE_ERROR;
	(void)text_print(done, sizeof(done), "PRAGMA user_version = %d; COMMIT",
	    STORE_VERSION);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, done, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return EXIT_DONE;
	log_warnx("%s: %s: it stays at version %lld", s->path,
	    sqlite3_errmsg(s->db), (long long)version);
	(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return EXIT_STORAGE;
}

/* "DB.v1.20261123T101500Z" */
static int
name_backup(char *name, size_t size, const char *db, int64_t version)
{
	char now[TIMES_TEXT], *to = now;

	wall_format(now, wall_now(), 0);
	for (const char *from = now; *from != '\0'; from++) {
		if (*from != '-' && *from != ':')
			*to++ = *from;
	}
	*to = '\0';
	return text_print(
	    name, size, "%s.v%lld.%s", db, (long long)version, now);
}

static int
upgrade_from(struct store *s, int64_t version, const char *backup)
{
	char name[4096];
	int code;

	if (version > STORE_VERSION || version < 1) {
		log_warnx("%s: has schema version %lld, this program knows %d",
		    s->path, (long long)version, STORE_VERSION);
		return EXIT_STORAGE;
	}
	if (version == STORE_VERSION) {
		(void)printf("version %d already\n", STORE_VERSION);
		return EXIT_DONE;
	}
	if (backup == NULL) {
		if (name_backup(name, sizeof(name), s->path, version) == -1)
			return command_usage("%s: name too long", s->path);
		backup = name;
	}
	if ((code = backup_open_store(s, backup)) != EXIT_DONE)
		return code;
	(void)printf(
	    "version %lld is kept as %s\n", (long long)version, backup);
	(void)fflush(stdout);
	if ((code = take_steps(s, version)) == EXIT_DONE)
		(void)printf("version %d now\n", STORE_VERSION);
	return code;
}

static int
upgrade(const char *db, const char *backup)
{
	struct store *s;
	int64_t version;
	int code;

	if ((s = store_open_old(db, &version, &code)) == NULL)
		return code;
	code = upgrade_from(s, version, backup);
	store_close(s);
	/* What a step marked; where this is cut off, the next who opens it goes
	 * on. */
	return code == EXIT_DONE ? command_settle(db) : code;
}

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "backup", required_argument, NULL, UPGRADE_OPTION_BACKUP },
	{ NULL, 0, NULL, 0 },
};

int
command_upgrade(int argc, char **argv)
{
	struct command command = { 0 };
	const char *backup = NULL;
	int option, code;

	while ((option = getopt_long(
		    argc, argv, COMMAND_LETTERS, options, NULL)) != -1) {
		if (option == UPGRADE_OPTION_BACKUP)
			backup = optarg;
		else if (command_option(&command, option) == -1)
			return EXIT_BAD_USAGE;
	}
	if (optind != argc)
		return command_usage(
		    "upgrade: %s: takes no words", argv[optind]);
	if ((code = command_locate(&command)) == EXIT_DONE)
		code = upgrade(command.db, backup);
	command_clear(&command);
	return code;
}
