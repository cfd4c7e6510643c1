#include "collector/command.h"

#include <stdio.h>
#include "collector/prune.h"
#include "lib/log.h"
#include "lib/text.h"

#define DAYS_MAX 36500

enum {
	PRUNE_OPTION_REPLIES = OPTION_OWN,
	PRUNE_OPTION_PATHS,
	PRUNE_OPTION_RAW,
	PRUNE_OPTION_RUNS,
};

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "replies", required_argument, NULL, PRUNE_OPTION_REPLIES },
	{ "paths", required_argument, NULL, PRUNE_OPTION_PATHS },
	{ "raw", required_argument, NULL, PRUNE_OPTION_RAW },
	{ "runs", required_argument, NULL, PRUNE_OPTION_RUNS },
	{ NULL, 0, NULL, 0 },
};

static int
take_days(int64_t *days, const char *name)
{
	if (text_int(days, optarg, 1, DAYS_MAX) == -1)
		return command_usage("--%s %s: not a number of days from 1 "
				     "to %d",
		    name, optarg, DAYS_MAX);
	return EXIT_DONE;
}

static int
take_option(struct command *command, struct prune_days *days, int option)
{
	switch (option) {
	case PRUNE_OPTION_REPLIES:
		return take_days(&days->replies, "replies");
	case PRUNE_OPTION_PATHS:
		return take_days(&days->paths, "paths");
	case PRUNE_OPTION_RAW:
		return take_days(&days->raw, "raw");
	case PRUNE_OPTION_RUNS:
		return take_days(&days->runs, "runs");
	default:
		return command_option(command, option) == -1 ? EXIT_BAD_USAGE
							     : EXIT_DONE;
	}
}

/* An option wins over the configuration. */
static int
complete(struct prune_days *days, const struct config *config)
{
	if (days->replies == 0)
		days->replies = config->keep_replies_days;
	if (days->paths == 0)
		days->paths = config->keep_paths_days;
	if (days->raw == 0)
		days->raw = config->keep_raw_days;
	if (days->runs == 0)
		days->runs = config->keep_runs_days;
	if (days->replies + days->paths + days->raw + days->runs == 0)
		return command_usage("prune: of what? --replies, --paths, "
				     "--raw, --runs or the configuration");
	if (days->runs > 0 && (days->raw == 0 || days->raw > days->runs))
		return command_usage("prune: runs can only go with their raw "
				     "rows or after them: --raw DAYS, not more "
				     "than --runs");
	return EXIT_DONE;
}

static int
prune(struct command *command, struct prune_days *days)
{
	struct prune_result done;
	enum store_result result;
	struct store *s;
	int code;

	if ((code = command_locate(command)) != EXIT_DONE ||
	    (code = complete(days, &command->config)) != EXIT_DONE)
		return code;
	if ((s = store_open(command->db, NULL, &code)) == NULL)
		return code;
	result = prune_store(s, days, &done);
	store_close(s);
	(void)printf("batches without raw rows: %lld, without replies: %lld, "
		     "without paths: %lld; runs: %lld; bytes given back: "
		     "%lld\n",
	    (long long)done.raw, (long long)done.replies, (long long)done.paths,
	    (long long)done.runs, (long long)done.bytes);
	return command_result(result, command->db);
}

int
command_prune(int argc, char **argv)
{
	struct command command = { 0 };
	struct prune_days days = { 0 };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE && (option = getopt_long(argc, argv,
					 COMMAND_LETTERS, options, NULL)) != -1)
		code = take_option(&command, &days, option);
	if (code == EXIT_DONE && optind != argc)
		code = command_usage("prune: %s: takes no words", argv[optind]);
	if (code == EXIT_DONE)
		code = prune(&command, &days);
	command_clear(&command);
	return code;
}
