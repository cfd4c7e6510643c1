#include "collector/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/listing.h"
#include "collector/statements_check.h"
#include "collector/store_private.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

enum {
	VP_LAT = OPTION_OWN,
	VP_LON,
	VP_REGION,
	VP_COUNTRY,
	VP_CITY,
	VP_ASN,
	VP_TAGS,
	VP_SINCE,
	VP_KEY,
	VP_FORMAT,
	VP_AT,
};

static const struct option add_options[] = {
	COMMAND_OPTIONS,
	{ "lat", required_argument, NULL, VP_LAT },
	{ "lon", required_argument, NULL, VP_LON },
	{ "region", required_argument, NULL, VP_REGION },
	{ "country", required_argument, NULL, VP_COUNTRY },
	{ "city", required_argument, NULL, VP_CITY },
	{ "asn", required_argument, NULL, VP_ASN },
	{ "tags", required_argument, NULL, VP_TAGS },
	{ "since", required_argument, NULL, VP_SINCE },
	{ "key", required_argument, NULL, VP_KEY },
	{ NULL, 0, NULL, 0 },
};

static const struct option revoke_options[] = {
	COMMAND_OPTIONS,
	{ "at", required_argument, NULL, VP_AT },
	{ NULL, 0, NULL, 0 },
};

static const struct option list_options[] = {
	COMMAND_OPTIONS,
	{ "format", required_argument, NULL, VP_FORMAT },
	{ NULL, 0, NULL, 0 },
};

/* What `vp add` was told. */
struct vp_facts {
	const char *name, *key;
	struct vp_place place;
	bool has_place, has_lat, has_lon;
	uint8_t public_key[SIGN_PUBLIC_LEN];
};

static int
take_degrees(double *value, bool *has, const char *name, double max)
{
	if (text_double(value, optarg, -max, max) == -1)
		return command_usage("--%s %s: not a number from -%.0f to %.0f",
		    name, optarg, max, max);
	*has = true;
	return EXIT_DONE;
}

static int
take_word(char *word, size_t size, const char *name)
{
	if (!text_is_printable(optarg, size - 1) ||
	    text_copy(word, size, optarg) == -1)
		return command_usage("--%s: not 1 to %zu printable ASCII "
				     "characters",
		    name, size - 1);
	return EXIT_DONE;
}

static int
take_country(struct vp_place *place)
{
	if (strlen(optarg) != 2 || optarg[0] < 'A' || optarg[0] > 'Z' ||
	    optarg[1] < 'A' || optarg[1] > 'Z')
		return command_usage("--country %s: not two capital letters "
				     "(ISO 3166)",
		    optarg);
	(void)text_copy(place->country, sizeof(place->country), optarg);
	return EXIT_DONE;
}

static int
take_since(struct vp_place *place)
{
	if (wall_parse(&place->since, optarg) == -1 ||
	    wall_to_us(place->since) < 0)
		return command_usage(
		    "--since %s: not a time such as 2026-11-23", optarg);
	return EXIT_DONE;
}

static int
take_asn(struct vp_place *place)
{
	const char *digits = optarg;

	if (strncmp(digits, "AS", 2) == 0)
		digits += 2;
	if (text_int(&place->asn, digits, 0, UINT32_MAX) == -1)
		return command_usage(
		    "--asn %s: not a number from 0 to 4294967295", optarg);
	return EXIT_DONE;
}

static int
take_option(struct vp_facts *facts, int option)
{
	struct vp_place *place = &facts->place;

	facts->has_place |= option != VP_KEY && option != VP_SINCE;
	switch (option) {
	case VP_LAT:
		return take_degrees(&place->lat, &facts->has_lat, "lat", 90);
	case VP_LON:
		return take_degrees(&place->lon, &facts->has_lon, "lon", 180);
	case VP_REGION:
		return take_word(
		    place->region, sizeof(place->region), "region");
	case VP_COUNTRY:
		return take_country(place);
	case VP_CITY:
		return take_word(place->city, sizeof(place->city), "city");
	case VP_ASN:
		return take_asn(place);
	case VP_TAGS:
		return take_word(place->tags, sizeof(place->tags), "tags");
	case VP_SINCE:
		return take_since(place);
	case VP_KEY:
		facts->key = optarg;
		return EXIT_DONE;
	default:
		return EXIT_BAD_USAGE; /* getopt has said why */
	}
}

static int
read_key(struct vp_facts *facts)
{
	uint8_t *pem = NULL;
	struct sign_key *key;
	size_t len;

	if (file_read(AT_FDCWD, facts->key, LIMIT_KEY_FILE, &pem, &len) == -1) {
		const int code =
		    errno == EACCES ? EXIT_PERMISSION : EXIT_BAD_USAGE;

		log_warn("%s", facts->key);
		return code;
	}
	key = sign_public_from_pem(pem, len);
	free(pem);
	if (key == NULL)
		return command_usage(
		    "%s: is no public key of acprobe keygen", facts->key);
	sign_key_public(key, facts->public_key);
	sign_key_free(key);
	return EXIT_DONE;
}

static int
check_facts(struct vp_facts *facts, int argc, char **argv)
{
	if (optind + 1 != argc)
		return command_usage("vp add: one name, please");
	facts->name = argv[optind];
	if (!text_is_vp_name(facts->name))
		return command_usage("%s: not a name: 1 to %d of a-z 0-9 . _ "
				     "-, a letter or digit first",
		    facts->name, LIMIT_VP_NAME);
	if (facts->has_lat != facts->has_lon)
		return command_usage("--lat and --lon belong together");
	facts->place.has_position = facts->has_lat;
	return facts->key == NULL ? EXIT_DONE : read_key(facts);
}

static enum store_result
add_facts(struct store *s, const struct vp_facts *facts)
{
	enum store_result result;
	int64_t vp;

	if ((result = store_vp(s, facts->name, true, &vp)) != STORE_OK)
		return result;
	if (facts->has_place)
		result = store_vp_place(s, vp, &facts->place);
	if (result == STORE_OK && facts->key != NULL)
		result =
		    store_vp_key(s, vp, facts->public_key, facts->place.since);
	return result;
}

static int
add_to_store(struct command *command, const struct vp_facts *facts)
{
	enum store_result result;
	struct store *s;
	int code;

	if ((s = command_open(command, &code)) == NULL)
		return code;
	if ((result = store_begin(s)) == STORE_OK) {
		result = add_facts(s, facts);
		if (result == STORE_OK)
			result = store_commit(s);
		else
			store_rollback(s);
	}
	store_close(s);
	if (result == STORE_CONFLICT)
		return command_usage(
		    "%s: is the key of another vantage point", facts->key);
	return command_result(result, facts->name);
}

static int
vp_add(int argc, char **argv)
{
	struct command command = { 0 };
	struct vp_facts facts = { .place = { .asn = -1 } };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, COMMAND_LETTERS, add_options, NULL)) != -1) {
		if (command_option(&command, option) == -1)
			code = take_option(&facts, option);
	}
	if (code == EXIT_DONE)
		code = check_facts(&facts, argc, argv);
	if (code == EXIT_DONE)
		code = add_to_store(&command, &facts);
	command_clear(&command);
	return code;
}

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
		if (result == STORE_OK)
			result = store_commit(s);
		else
			store_rollback(s);
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
take_format(struct listing *list)
{
	list->csv = strcmp(optarg, "csv") == 0;
	return list->csv || strcmp(optarg, "table") == 0
		   ? EXIT_DONE
		   : command_usage("--format %s: table or csv", optarg);
}

static int
print_list(struct command *command, const struct listing *list)
{
	enum store_result result;
	struct store *s;
	int code;

	if ((code = command_locate(command)) != EXIT_DONE)
		return code;
	if ((s = store_open_shadow(command->db, &code)) == NULL)
		return code;
	result = listing_print(s, list);
	store_close(s);
	return command_result(result, command->db);
}

static int
vp_list(int argc, char **argv)
{
	struct command command = { 0 };
	struct listing list = { .sql = vp_list_query };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, COMMAND_LETTERS, list_options, NULL)) != -1) {
		if (option == VP_FORMAT)
			code = take_format(&list);
		else if (command_option(&command, option) == -1)
			code = EXIT_BAD_USAGE;
	}
	if (code == EXIT_DONE && optind != argc)
		code =
		    command_usage("vp list: %s: takes no name", argv[optind]);
	if (code == EXIT_DONE)
		code = print_list(&command, &list);
	command_clear(&command);
	return code;
}

static int
vp_status(int argc, char **argv)
{
	struct command command = { 0 };
	struct listing list = { .sql = vp_status_query };
	int option, code = EXIT_DONE;

	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, COMMAND_LETTERS, list_options, NULL)) != -1) {
		if (option == VP_FORMAT)
			code = take_format(&list);
		else if (command_option(&command, option) == -1)
			code = EXIT_BAD_USAGE;
	}
	if (code == EXIT_DONE && optind + 1 < argc)
		code = command_usage("vp status: one name, or none");
	if (optind < argc)
		list.parameter = argv[optind];
	if (code == EXIT_DONE)
		code = print_list(&command, &list);
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
