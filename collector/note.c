/* accollect note: what the operator did, beside what was measured. */
#include <stdio.h>
#include <string.h>
#include "collector/command.h"
#include "collector/listing.h"
#include "collector/statements_list.h"
#include "collector/store_note.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

enum {
	NOTE_AT = OPTION_OWN,
	NOTE_TARGET,
	NOTE_SITE,
};

static const struct option add_options[] = {
	COMMAND_OPTIONS,
	{ "at", required_argument, NULL, NOTE_AT },
	{ "target", required_argument, NULL, NOTE_TARGET },
	{ "site", required_argument, NULL, NOTE_SITE },
	{ NULL, 0, NULL, 0 },
};

static int
take_text(char *text, size_t size, const char *what, const char *value)
{
	if (text_is_printable(value, size - 1) &&
	    text_copy(text, size, value) == 0)
		return EXIT_DONE;
	return command_usage(
	    "%s: not 1 to %zu printable ASCII characters", what, size - 1);
}

static int
take_option(struct note *note, int option)
{
	switch (option) {
	case NOTE_AT:
		if (wall_parse(&note->t, optarg) == -1 ||
		    wall_to_us(note->t) < 0)
			return command_usage(
			    "--at %s: not a time such as 2026-11-23T14:00:00Z",
			    optarg);
		return EXIT_DONE;
	case NOTE_TARGET:
		return take_text(
		    note->target, sizeof(note->target), "--target", optarg);
	case NOTE_SITE:
		return take_text(
		    note->site, sizeof(note->site), "--site", optarg);
	default:
		return EXIT_BAD_USAGE; /* getopt has said why */
	}
}

static int
add_to_store(struct command *command, const struct note *note)
{
	enum store_result result;
	struct store *s;
	int code;

	if ((s = command_open(command, &code)) == NULL)
		return code;
	if ((result = store_begin(s)) == STORE_OK)
		result = store_end(s, store_note(s, note));
	store_close(s);
	return command_result(result, "note add");
}

static int
note_add(int argc, char **argv)
{
	struct command command = { 0 };
	struct note note = { .t = wall_now() };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, COMMAND_LETTERS, add_options, NULL)) != -1) {
		if (command_option(&command, option) == -1)
			code = take_option(&note, option);
	}
	if (code == EXIT_DONE && optind + 1 != argc)
		code = command_usage("note add: one text, please, in quotes");
	if (code == EXIT_DONE)
		code = take_text(
		    note.text, sizeof(note.text), "note add", argv[optind]);
	if (code == EXIT_DONE)
		code = add_to_store(&command, &note);
	command_clear(&command);
	return code;
}

static int
note_list(int argc, char **argv)
{
	struct command command = { 0 };
	struct listing list = { .sql = note_list_query };
	int code = listing_options(&list, &command, argc, argv);

	if (code == EXIT_DONE && optind != argc)
		code =
		    command_usage("note list: %s: takes no word", argv[optind]);
	if (code == EXIT_DONE)
		code = listing_print(&list, &command);
	command_clear(&command);
	return code;
}

int
command_note(int argc, char **argv)
{
	const char *verb = command_verb(&argc, argv);

	if (verb != NULL && strcmp(verb, "add") == 0)
		return note_add(argc, argv);
	if (verb != NULL && strcmp(verb, "list") == 0)
		return note_list(argc, argv);
	return command_usage("note: add or list");
}
