#include "collector/vp_add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/command.h"
#include "collector/sites_csv.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

/* Facts, by the names of options and of columns. */
enum {
	VP_NAME,
	VP_LAT,
	VP_LON,
	VP_REGION,
	VP_COUNTRY,
	VP_CITY,
	VP_ASN,
	VP_TAGS,
	VP_SINCE,
	VP_KEY,
	VP_FACTS,
};
#define VP_FILE (OPTION_OWN + VP_FACTS)

static const char *const columns[VP_FACTS + 1] = { "name", "lat", "lon",
	"region", "country", "city", "asn", "tags", "since", "key", NULL };

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "lat", required_argument, NULL, OPTION_OWN + VP_LAT },
	{ "lon", required_argument, NULL, OPTION_OWN + VP_LON },
	{ "region", required_argument, NULL, OPTION_OWN + VP_REGION },
	{ "country", required_argument, NULL, OPTION_OWN + VP_COUNTRY },
	{ "city", required_argument, NULL, OPTION_OWN + VP_CITY },
	{ "asn", required_argument, NULL, OPTION_OWN + VP_ASN },
	{ "tags", required_argument, NULL, OPTION_OWN + VP_TAGS },
	{ "since", required_argument, NULL, OPTION_OWN + VP_SINCE },
	{ "key", required_argument, NULL, OPTION_OWN + VP_KEY },
	{ "file", required_argument, NULL, VP_FILE },
	{ NULL, 0, NULL, 0 },
};

/* Of one vantage point. Texts are borrowed. */
struct vp_facts {
	const char *name, *key;
	struct vp_place place;
	bool has_place, has_lat, has_lon;
	uint8_t public_key[SIGN_PUBLIC_LEN];
};

/* --- one fact: NULL, or what is wrong with it --- */

static const char *
take_degrees(double *value, bool *has, const char *text, double max)
{
	if (text_double(value, text, -max, max) == -1)
		return max > 90 ? "not a number from -180 to 180"
				: "not a number from -90 to 90";
	*has = true;
	return NULL;
}

static const char *
take_word(char *word, size_t size, const char *text)
{
	if (!text_is_printable(text, size - 1) ||
	    text_copy(word, size, text) == -1)
		return "not some printable ASCII characters, or too many";
	return NULL;
}

static const char *
take_country(struct vp_place *place, const char *text)
{
	if (strlen(text) != 2 || text[0] < 'A' || text[0] > 'Z' ||
	    text[1] < 'A' || text[1] > 'Z')
		return "not two capital letters (ISO 3166)";
	(void)text_copy(place->country, sizeof(place->country), text);
	return NULL;
}

static const char *
take_since(struct vp_place *place, const char *text)
{
	if (wall_parse(&place->since, text) == -1 ||
	    wall_to_us(place->since) < 0)
		return "not a time such as 2026-11-23";
	return NULL;
}

static const char *
take_asn(struct vp_place *place, const char *text)
{
	if (strncmp(text, "AS", 2) == 0)
		text += 2;
	if (text_int(&place->asn, text, 0, UINT32_MAX) == -1)
		return "not a number from 0 to 4294967295";
	return NULL;
}

static const char *
take_name(struct vp_facts *facts, const char *text)
{
	facts->name = text;
	return text_is_vp_name(text)
		   ? NULL
		   : "not a name: 1 to 64 of a-z 0-9 . _ -, a letter or digit "
		     "first";
}
_Static_assert(LIMIT_VP_NAME == 64, "take_name says so");

static const char *
take_fact(struct vp_facts *facts, int fact, const char *text)
{
	struct vp_place *place = &facts->place;

	facts->has_place |=
	    fact != VP_KEY && fact != VP_SINCE && fact != VP_NAME;
	switch (fact) {
	case VP_LAT:
		return take_degrees(&place->lat, &facts->has_lat, text, 90);
	case VP_LON:
		return take_degrees(&place->lon, &facts->has_lon, text, 180);
	case VP_REGION:
		return take_word(place->region, sizeof(place->region), text);
	case VP_COUNTRY:
		return take_country(place, text);
	case VP_CITY:
		return take_word(place->city, sizeof(place->city), text);
	case VP_ASN:
		return take_asn(place, text);
	case VP_TAGS:
		return take_word(place->tags, sizeof(place->tags), text);
	case VP_SINCE:
		return take_since(place, text);
	case VP_KEY:
		facts->key = text;
		return NULL;
	default:
		return take_name(facts, text);
	}
}

/* --- all of one vantage point --- */

static int
read_key(struct vp_facts *facts)
{
	uint8_t *pem = NULL;
	struct sign_key *key;
	size_t len;

	if (file_read(AT_FDCWD, facts->key, LIMIT_KEY_FILE, &pem, &len) == -1) {
		const int code = log_exit_code(errno, EXIT_BAD_USAGE);

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
complete(struct vp_facts *facts)
{
	if (facts->has_lat != facts->has_lon)
		return command_usage(
		    "%s: lat and lon belong together", facts->name);
	facts->place.has_position = facts->has_lat;
	return facts->key == NULL ? EXIT_DONE : read_key(facts);
}

/* In a transaction. */
static int
add_facts(struct store *s, const struct vp_facts *facts)
{
	enum store_result result;
	int64_t vp;

	result = store_vp(s, facts->name, true, &vp);
	if (result == STORE_OK && facts->has_place)
		result = store_vp_place(s, vp, &facts->place);
	if (result == STORE_OK && facts->key != NULL)
		result =
		    store_vp_key(s, vp, facts->public_key, facts->place.since);
	if (result == STORE_CONFLICT)
		return command_usage(
		    "%s: is the key of another vantage point", facts->key);
	return command_result(result, facts->name);
}

/* --- the lines of a file --- */

static int
read_line(struct vp_facts *facts, const char *const *fields, const char *file,
    unsigned long line)
{
	const char *wrong;

	*facts = (struct vp_facts){ .place = { .asn = -1 } };
	for (int i = 0; i < VP_FACTS; i++) {
		if (i != VP_NAME && fields[i][0] == '\0')
			continue;
		if ((wrong = take_fact(facts, i, fields[i])) != NULL)
			return command_usage("%s: line %lu: %s %s: %s", file,
			    line, columns[i], fields[i], wrong);
	}
	return complete(facts);
}

static int
add_lines(struct store *s, struct sites_csv *csv, const char *file)
{
	const char *fields[VP_FACTS];
	struct vp_facts facts;
	int more, code = EXIT_DONE;
	long long count = 0;

	while (code == EXIT_DONE && (more = sites_csv_next(csv, fields)) != 0) {
		if (more == -1)
			return EXIT_BAD_USAGE;
		code = read_line(&facts, fields, file, sites_csv_line(csv));
		if (code == EXIT_DONE)
			code = add_facts(s, &facts);
		count++;
	}
	if (code == EXIT_DONE)
		(void)printf("%s: %lld vantage points\n", file, count);
	return code;
}

/* --- either --- */

/* All of it, or nothing. */
static int
add(struct command *command, const struct vp_facts *facts, const char *file)
{
	struct sites_csv *csv = NULL;
	enum store_result result;
	struct store *s;
	int code = EXIT_DONE;

	if (file != NULL &&
	    (csv = sites_csv_open(file, columns, 1, &code)) == NULL)
		return code;
	if ((s = command_open(command, &code)) != NULL) {
		if ((result = store_begin(s)) != STORE_OK)
			code = command_result(result, command->db);
		else if ((code = csv == NULL
				     ? add_facts(s, facts)
				     : add_lines(s, csv, file)) == EXIT_DONE)
			code = command_result(store_commit(s), command->db);
		else
			store_rollback(s);
		store_close(s);
	}
	if (csv != NULL)
		sites_csv_close(csv);
	return code;
}

static int
take_option(struct vp_facts *facts, int fact)
{
	const char *wrong = take_fact(facts, fact, optarg);

	return wrong == NULL
		   ? EXIT_DONE
		   : command_usage("--%s %s: %s", columns[fact], optarg, wrong);
}

static int
take_words(struct vp_facts *facts, const char *file, int argc, char **argv)
{
	const char *wrong;

	if (file != NULL)
		return optind == argc && !facts->has_place && facts->key == NULL
			   ? EXIT_DONE
			   : command_usage("vp add --file: every fact is in "
					   "the file");
	if (optind + 1 != argc)
		return command_usage("vp add: one name, please");
	if ((wrong = take_fact(facts, VP_NAME, argv[optind])) != NULL)
		return command_usage("%s: %s", argv[optind], wrong);
	return complete(facts);
}

int
vp_add(int argc, char **argv)
{
	struct command command = { 0 };
	struct vp_facts facts = { .place = { .asn = -1 } };
	const char *file = NULL;
	int option, code = EXIT_DONE;

	while (
	    code == EXIT_DONE && (option = getopt_long(argc, argv,
				      COMMAND_LETTERS, options, NULL)) != -1) {
		if (option == VP_FILE)
			file = optarg;
		else if (option > OPTION_OWN && option < VP_FILE)
			code = take_option(&facts, option - OPTION_OWN);
		else if (command_option(&command, option) == -1)
			code = EXIT_BAD_USAGE;
	}
	if (code == EXIT_DONE)
		code = take_words(&facts, file, argc, argv);
	if (code == EXIT_DONE)
		code = add(&command, &facts, file);
	command_clear(&command);
	return code;
}
