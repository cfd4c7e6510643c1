#include "collector/command.h"

#include <stdio.h>
#include <string.h>
#include "collector/listing.h"
#include "collector/statements_list.h"
#include "collector/store_private.h"
#include "collector/vp_add.h"
#include "lib/limits.h"
#include "lib/log.h"

#define VP_AT OPTION_OWN

static const struct option revoke_options[] = {
	COMMAND_OPTIONS,
	{ "at", required_argument, NULL, VP_AT },
	{ NULL, 0, NULL, 0 },
};

/* --- revoking --- */

static int
revoke(struct command *command, char *const *words, struct wall until)
{
	struct store_signed count = { 0 };
	enum store_result result;
	struct store *s;
	int64_t vp;
	int code;

	if ((s = command_open(command, &code)) == NULL)
		return code;
	if ((result = store_begin(s)) == STORE_OK) {
		result = store_vp(s, words[0], false, &vp);
		if (result == STORE_OK)
			result =
			    store_vp_revoke(s, vp, words[1], until, &count);
		result = store_end(s, result);
	}
	store_close(s);
	if (result == STORE_OK)
		(void)printf("%s: %s: of its batches %lld were measured "
			     "earlier, %lld later\n",
		    words[0], words[1], (long long)count.earlier,
		    (long long)count.later);
	return command_result(result, words[0]);
}

static int
take_at(struct wall *until)
{
	if (wall_parse(until, optarg) == -1 || wall_to_us(*until) < 0)
		return command_usage(
		    "--at %s: not a time such as 2026-11-23", optarg);
	return EXIT_DONE;
}

static int
vp_revoke(int argc, char **argv)
{
	struct command command = { 0 };
	struct wall until = wall_now();
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, COMMAND_LETTERS, revoke_options, NULL)) != -1) {
		if (option == VP_AT)
			code = take_at(&until);
		else if (command_option(&command, option) == -1)
			code = EXIT_BAD_USAGE;
	}
	if (code == EXIT_DONE && optind + 2 != argc)
		code = command_usage("vp revoke: a name and a keyid, please");
	if (code == EXIT_DONE)
		code = revoke(&command, argv + optind, until);
	command_clear(&command);
	return code;
}

/* --- listing --- */

static int
vp_list(int argc, char **argv)
{
	struct command command = { 0 };
	struct listing list = { .sql = vp_list_query };
	int code = listing_options(&list, &command, argc, argv);

	if (code == EXIT_DONE && optind != argc)
		code =
		    command_usage("vp list: %s: takes no name", argv[optind]);
	if (code == EXIT_DONE)
		code = listing_print(&list, &command);
	command_clear(&command);
	return code;
}

static int
vp_status(int argc, char **argv)
{
	struct command command = { 0 };
	struct listing list = { .sql = vp_status_query };
	int code = listing_options(&list, &command, argc, argv);

	if (code == EXIT_DONE && optind + 1 < argc)
		code = command_usage("vp status: one name, or none");
	if (optind < argc)
		list.parameter = argv[optind];
	if (code == EXIT_DONE)
		code = listing_print(&list, &command);
	command_clear(&command);
	return code;
}

int
command_vp(int argc, char **argv)
{
	const char *verb = command_verb(&argc, argv);

	if (verb != NULL && strcmp(verb, "add") == 0)
		return vp_add(argc, argv);
	if (verb != NULL && strcmp(verb, "list") == 0)
		return vp_list(argc, argv);
	if (verb != NULL && strcmp(verb, "status") == 0)
		return vp_status(argc, argv);
	if (verb != NULL && strcmp(verb, "revoke") == 0)
		return vp_revoke(argc, argv);
	return command_usage("vp: add, list, revoke or status");
}
