#include "collector/command.h"

#include <stdio.h>
#include "collector/prune.h"
#include "lib/log.h"
#include "lib/text.h"

#define KINDS 5

/* A kind's two options follow each other. */
enum {
	PRUNE_OPTION_DAYS = OPTION_OWN,
	PRUNE_OPTION_BYTES,
	PRUNE_OPTION_END = OPTION_OWN + 2 * KINDS,
};

#define DAYS(place) (PRUNE_OPTION_DAYS + 2 * (place))
#define BYTES(place) (PRUNE_OPTION_BYTES + 2 * (place))

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "replies", required_argument, NULL, DAYS(0) },
	{ "replies-bytes", required_argument, NULL, BYTES(0) },
	{ "paths", required_argument, NULL, DAYS(1) },
	{ "paths-bytes", required_argument, NULL, BYTES(1) },
	{ "raw", required_argument, NULL, DAYS(2) },
	{ "raw-bytes", required_argument, NULL, BYTES(2) },
	{ "runs", required_argument, NULL, DAYS(3) },
	{ "runs-bytes", required_argument, NULL, BYTES(3) },
	{ "intervals", required_argument, NULL, DAYS(4) },
	{ "intervals-bytes", required_argument, NULL, BYTES(4) },
	{ NULL, 0, NULL, 0 },
};

static struct prune_limit *
limit_at(struct prune_limits *limits, int place)
{
	struct prune_limit *const all[KINDS] = { &limits->replies,
		&limits->paths, &limits->raw, &limits->runs,
		&limits->intervals };

	return all[place];
}

static int
take_limit(struct prune_limits *limits, int option)
{
	struct prune_limit *limit =
	    limit_at(limits, (option - PRUNE_OPTION_DAYS) / 2);

	if ((option - PRUNE_OPTION_DAYS) % 2 == 0)
		return text_int(&limit->days, optarg, 1, CONFIG_DAYS_MAX) == -1
			   ? command_usage("prune: %s: not a number of days "
					   "from 1 to %d",
				 optarg, CONFIG_DAYS_MAX)
			   : EXIT_DONE;
	return text_int(&limit->bytes, optarg, 1, CONFIG_BYTES_MAX) == -1
		   ? command_usage("prune: %s: not a number of bytes", optarg)
		   : EXIT_DONE;
}

/* An option wins over the configuration. */
static int
complete(struct prune_limits *limits, struct config *config)
{
	const char *complaint;

	for (int i = 0; i < KINDS; i++) {
		struct prune_limit *limit = limit_at(limits, i);
		const struct prune_limit *kept = limit_at(&config->keep, i);

		if (limit->days == 0)
			limit->days = kept->days;
		if (limit->bytes == 0)
			limit->bytes = kept->bytes;
	}
	if (!prune_any(limits))
		return command_usage(
		    "prune: of what? --replies, --paths, --raw, --runs, "
		    "--intervals or the configuration");
	if ((complaint = prune_complain(limits)) != NULL)
		return command_usage("prune: %s", complaint);
	return EXIT_DONE;
}

static int
prune(struct command *command, struct prune_limits *limits)
{
	const struct prune_manner manner = { 0 };
	struct prune_result done;
	enum store_result result;
	struct store *s;
	int code;

	if ((code = command_locate(command)) != EXIT_DONE ||
	    (code = complete(limits, &command->config)) != EXIT_DONE)
		return code;
	if ((s = store_open(command->db, NULL, &code)) == NULL)
		return code;
	result = prune_store(s, limits, &manner, &done);
	store_close(s);
	(void)printf("batches without raw rows: %lld, without replies: %lld, "
		     "without paths: %lld; runs: %lld; bytes given back: "
		     "%lld; intervals: %lld; unused names: %lld\n",
	    (long long)done.raw, (long long)done.replies, (long long)done.paths,
	    (long long)done.runs, (long long)done.bytes,
	    (long long)done.intervals, (long long)done.names);
	return command_result(result, command->db);
}

int
command_prune(int argc, char **argv)
{
	struct command command = { 0 };
	struct prune_limits limits = { 0 };
	int option, code = EXIT_DONE;

	while (
	    code == EXIT_DONE && (option = getopt_long(argc, argv,
				      COMMAND_LETTERS, options, NULL)) != -1) {
		if (option >= PRUNE_OPTION_DAYS && option < PRUNE_OPTION_END)
			code = take_limit(&limits, option);
		else if (command_option(&command, option) == -1)
			code = EXIT_BAD_USAGE;
	}
	if (code == EXIT_DONE && optind != argc)
		code = command_usage("prune: %s: takes no words", argv[optind]);
	if (code == EXIT_DONE)
		code = prune(&command, &limits);
	command_clear(&command);
	return code;
}
