/*
 * accollect(8): the collector's commands.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collector/archive.h"
#include "collector/check.h"
#include "collector/command.h"
#include "collector/listen.h"
#include "collector/sites.h"
#include "collector/statements_list.h"
#include "collector/store_private.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

enum {
	MAIN_HASH = OPTION_OWN,
	MAIN_PRINT_PORT,
};

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

static const struct option check_options[] = {
	COMMAND_OPTIONS,
	{ "hash", no_argument, NULL, MAIN_HASH },
	{ NULL, 0, NULL, 0 },
};

static const struct option serve_options[] = {
	COMMAND_OPTIONS,
	{ "print-port", no_argument, NULL, MAIN_PRINT_PORT },
	{ NULL, 0, NULL, 0 },
};

/* Options of a command that takes no words; flag is set by its own one. */
static int
read_options(struct command *command, int argc, char **argv,
    const struct option *table, bool *flag)
{
	int option;

	while ((option = getopt_long(
		    argc, argv, COMMAND_LETTERS, table, NULL)) != -1) {
		if (option >= OPTION_OWN && flag != NULL)
			*flag = true;
		else if (command_option(command, option) == -1)
			return EXIT_BAD_USAGE;
	}
	if (optind != argc)
		return command_usage("%s: takes no words", argv[optind]);
	return command_locate(command);
}

static int
init(const struct command *command)
{
	struct archive *archive;
	int code = store_create(command->db);

	if (code != EXIT_DONE || command->archive == NULL)
		return code;
	if ((archive = archive_open(command->archive)) == NULL) {
		code = log_exit_code(errno, EXIT_STORAGE);
		log_warn("%s", command->archive);
		return code;
	}
	archive_close(archive);
	return EXIT_DONE;
}

static int
command_init(int argc, char **argv)
{
	struct command command = { 0 };
	int code = read_options(&command, argc, argv, options, NULL);

	if (code == EXIT_DONE)
		code = init(&command);
	command_clear(&command);
	return code;
}

static int
serve(struct command *command, bool print_port)
{
	const struct config *config = &command->config;
	char folder[4096]; /* of the database: bodies on their way in */
	struct listen_options listen = {
		.listen = config->listen,
		.metrics = config->metrics,
		.db = command->db,
		.certificate = config->certificate,
		.certificate_key = config->certificate_key,
		.temp_dir = folder,
		.connections = (int)config->connections,
		.connections_per_address = (int)config->connections_per_address,
		.keep = &config->keep,
		.print_port = print_port,
	};
	const char *complaint;
	struct store *s;
	int code;

	if (listen.listen == NULL || listen.certificate == NULL ||
	    listen.certificate_key == NULL)
		return command_usage("serve: the configuration must say "
				     "listen, certificate and certificate_key");
	if ((complaint = prune_complain(&config->keep)) != NULL)
		return command_usage("%s: %s", command->conf, complaint);
	if (file_folder_of(folder, sizeof(folder), command->db) == -1)
		return command_usage("%s: too long", command->db);
	if ((s = store_open(command->db, command->archive, &code)) == NULL)
		return code;
	quota_set(s, &(struct quota){ .records = config->records_per_day,
			 .bytes = config->bytes_per_day });
	code = listen_serve(s, &listen);
	store_close(s);
	return code;
}

static int
command_serve(int argc, char **argv)
{
	struct command command = { 0 };
	bool print_port = false;
	int code =
	    read_options(&command, argc, argv, serve_options, &print_port);

	if (code == EXIT_DONE && command.conf == NULL)
		code = command_usage("serve: needs -f CONF");
	if (code == EXIT_DONE)
		code = serve(&command, print_port);
	command_clear(&command);
	return code;
}

/* Of hours that are not settled a hash would be of no content. */
static int
hash(const char *db)
{
	char text[SIGN_SHA256_TEXT];
	int code = command_settle(db);

	if (code == EXIT_DONE)
		code = check_hash(db, text);
	if (code == EXIT_DONE)
		(void)printf("%s\n", text);
	return code;
}

/* Hours that could not be settled, be it for damage or because this user only
 * reads, are passed over: what is damaged is named all the same. */
static int
check(const char *db, const char *archive)
{
	int code = store_look(db), settled = EXIT_DONE;

	if (code != EXIT_DONE)
		return code;
	if (store_may_write(db))
		settled = command_settle(db);
	code = check_store(db, archive);
	return settled == EXIT_DONE ? code : settled;
}

static int
command_check(int argc, char **argv)
{
	struct command command = { 0 };
	bool hashed = false;
	int code = read_options(&command, argc, argv, check_options, &hashed);

	if (code == EXIT_DONE)
		code = hashed ? hash(command.db)
			      : check(command.db, command.archive);
	command_clear(&command);
	return code;
}

static int
status(const char *db)
{
	enum store_result result;
	struct store *s;
	struct query q;
	int code;

	if ((s = store_open_shadow(db, &code)) == NULL)
		return code;
	q = query_once(s, status_query);
	while (query_row(&q))
		(void)printf("%-18s %s\n", query_column_text(&q, 0),
		    query_column_text(&q, 1));
	result = query_end(&q);
	store_close(s);
	return command_result(result, db);
}

static int
command_status(int argc, char **argv)
{
	struct command command = { 0 };
	int code = read_options(&command, argc, argv, options, NULL);

	if (code == EXIT_DONE)
		code = status(command.db);
	command_clear(&command);
	return code;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
} commands[] = {
	{ "init", command_init, "make a new database" },
	{ "vp", command_vp,
	    "add NAME [--lat --lon --region --country --city --asn --tags "
	    "--since --key FILE] | revoke NAME KEYID [--at TIME] | "
	    "list | status [NAME] [--format csv]" },
	{ "note", command_note,
	    "add [--at TIME --target T --site S] TEXT | list [--format csv] "
	    "what was done, beside events" },
	{ "serve", command_serve, "receive uploads" },
	{ "import", command_import,
	    "[--format accollect | ripe-atlas [--probes FILE] [--question "
	    "NAME] | "
	    "manycastr [--at TIME] [--address ADDRESS]] "
	    "[--target NAME] FILE..." },
	{ "check", command_check,
	    "[--hash] verify, or print the content's "
	    "hash" },
	{ "sites", command_sites,
	    "place [FILE] | explain NAME --service S | check [FILE] | import "
	    "--format root-servers|csv FILE...  names to places" },
	{ "status", command_status, "how much there is" },
	{ "backup", command_backup, "FILE  copy the database while it runs" },
	{ "export", command_export,
	    "--to DIR | --format ripe-atlas [--vp NAME] batches from the "
	    "archive, or records as results" },
	{ "prune", command_prune,
	    "[--replies --paths --raw --runs DAYS] take out what is older" },
	{ "upgrade", command_upgrade,
	    "[--backup FILE] bring an older database to this version" },
	{ "rebuild", command_rebuild,
	    "--archive DIR make a new database from an archive" },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int
help(void)
{
	(void)printf("usage: accollect COMMAND --db DB | -f CONF ...\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf(
		    "  %-8s %s\n", commands[i].name, commands[i].usage);
	return EXIT_DONE;
}

static int
run(int argc, char **argv)
{
	const char *name = argv[1];

	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			/* getopt says its errors in our name. */
			argv[1] = argv[0];
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	return command_usage("%s: no such command (accollect -h)", name);
}

int
main(int argc, char **argv)
{
	static char program[] = "accollect";
	int code;

	log_init(program, 0);
	file_init();
	argv[0] = program;
	if (argc < 2)
		return command_usage("which command? (accollect -h)");
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		code = help();
	else if (strcmp(argv[1], "-V") == 0 ||
		 strcmp(argv[1], "--version") == 0) {
		(void)printf("accollect %s\n", AC_VERSION);
		code = EXIT_DONE;
	} else
		code = run(argc, argv);
	return log_output_done(code);
}
