#include "collector/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/settle.h"
#include "lib/log.h"

int
command_usage(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_warnx("%s", text);
	return EXIT_BAD_USAGE;
}

int
command_option(struct command *command, int option)
{
	switch (option) {
	case 'f':
		command->conf = optarg;
		return 0;
	case OPTION_DB:
		command->db = optarg;
		return 0;
	case OPTION_ARCHIVE:
		command->archive = optarg;
		return 0;
	default:
		return -1;
	}
}

int
command_options(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		COMMAND_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(
		    argc, argv, COMMAND_LETTERS, options, NULL)) != -1) {
		if (command_option(command, option) == -1)
			return EXIT_BAD_USAGE;
	}
	return EXIT_DONE;
}

int
command_locate(struct command *command)
{
	char error[512];
	int code;

	if (command->conf != NULL) {
		if (config_read(&command->config, command->conf, error,
			sizeof(error), &code) == -1) {
			log_warnx("%s", error);
			return code;
		}
		if (command->db == NULL)
			command->db = command->config.db;
		if (command->archive == NULL)
			command->archive = command->config.archive;
	}
	if (command->db == NULL)
		return command_usage("which database? --db DB or -f CONF");
	return EXIT_DONE;
}

struct store *
command_open(struct command *command, int *code)
{
	if ((*code = command_locate(command)) != EXIT_DONE)
		return NULL;
	return store_open(command->db, command->archive, code);
}

void
command_clear(struct command *command)
{
	config_clear(&command->config);
}

int
command_result(enum store_result result, const char *what)
{
	switch (result) {
	case STORE_OK:
		return EXIT_DONE;
	case STORE_CONFLICT:
	case STORE_REFUSED:
	case STORE_UNKNOWN:
	case STORE_REVOKED:
	case STORE_OVER_QUOTA:
		log_warnx("%s: %s", what, store_result_name(result));
		return EXIT_BAD_USAGE;
	default:
		log_warnx("%s: %s", what, store_result_name(result));
		return EXIT_STORAGE;
	}
}

int
command_settle(const char *db)
{
	const struct wall always = { INT64_MAX };
	enum store_result result;
	struct store *s;
	int64_t left;
	int code;

	if ((s = store_open(db, NULL, &code)) == NULL)
		return code;
	result = settle_marked(s, 0, always, &left);
	store_close(s);
	return command_result(result, db);
}

char *
command_verb(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		char *word = argv[i];

		if (strcmp(word, "-f") == 0 || strcmp(word, "--db") == 0 ||
		    strcmp(word, "--archive") == 0) {
			i++;
			continue;
		}
		if (word[0] == '-')
			continue;
		memmove(&argv[i], &argv[i + 1],
		    (size_t)(*argc - i) * sizeof(*argv));
		(*argc)--;
		return word;
	}
	return NULL;
}
