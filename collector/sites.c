#include "collector/sites.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "collector/command.h"
#include "collector/sites_csv.h"
#include "lib/escape.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/times.h"

enum {
	SITES_MAP = OPTION_OWN,
	SITES_NO_SHIPPED,
	SITES_SERVICE,
	SITES_FORMAT,
	SITES_AT,
	SITES_OUTPUT,
	SITES_LIST,
	SITES_SINCE,
};

static const struct option options[] = {
	COMMAND_OPTIONS,
	{ "site-map", required_argument, NULL, SITES_MAP },
	{ "no-shipped", no_argument, NULL, SITES_NO_SHIPPED },
	{ "service", required_argument, NULL, SITES_SERVICE },
	{ "format", required_argument, NULL, SITES_FORMAT },
	{ "at", required_argument, NULL, SITES_AT },
	{ "output", required_argument, NULL, SITES_OUTPUT },
	{ "list", required_argument, NULL, SITES_LIST },
	{ "since", required_argument, NULL, SITES_SINCE },
	{ NULL, 0, NULL, 0 },
};

void
sites_degrees(char *text, double degrees)
{
	long long scaled = llround(fabs(degrees) * 1e7);
	char digits[24];
	size_t len = sizeof(digits);
	bool point = false;

	/* From the last digit to the first, without trailing zeros. */
	for (int place = 0; place <= 7 || scaled > 0; place++, scaled /= 10) {
		if (place == 7 && point)
			digits[--len] = '.';
		if (place >= 7 || point || scaled % 10 != 0) {
			digits[--len] = (char)('0' + scaled % 10);
			point = true;
		}
	}
	(void)text_print(text, 24, "%s%.*s", degrees <= -5e-8 ? "-" : "",
	    (int)(sizeof(digits) - len), digits + len);
}

/* A text that no CSV reader and no spreadsheet could misread. */
static bool
is_simple(const char *text)
{
	if (*text != '\0' && !isalnum((unsigned char)*text))
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && *text != '.' &&
		    *text != '-' && *text != ':' && *text != ' ')
			return false;
	return true;
}

/* Apart from its caller, whose buffer would be cleared for each field. */
static void __attribute__((noinline)) escaped_field(FILE *out, const char *text)
{
	char field[2 * (4 * LIMIT_IDENTITY) + 8];

	if (escape_csv(field, sizeof(field), text) < sizeof(field))
		(void)fputs_unlocked(field, out);
}

void
sites_field(FILE *out, const char *text)
{
	if (is_simple(text))
		(void)fputs_unlocked(text, out);
	else
		escaped_field(out, text);
}

/* The text form of a field: printable ASCII stands for itself. */
static const char *
text_form(char *text, size_t size, const char *field)
{
	if (text_is_printable(field, size - 1))
		return field;
	(void)escape_text(text, size, field, strlen(field));
	return text;
}

static void
print_site(const struct site *site, bool found)
{
	char lat[24], lon[24];

	lat[0] = lon[0] = '\0';
	if (!found) {
		(void)fputs(",,,,,,,\n", stdout);
		return;
	}
	if (site->has_position) {
		sites_degrees(lat, site->lat);
		sites_degrees(lon, site->lon);
	}
	(void)putchar_unlocked(',');
	sites_field(stdout, site->name);
	(void)putchar_unlocked(',');
	sites_field(stdout, site->city);
	(void)printf(
	    ",%s,%s,%s,%d,", site->country, lat, lon, site->confidence);
	sites_field(stdout, site->rule);
	(void)putchar_unlocked('\n');
}

static void
say_missing(const struct site_map *map)
{
	const char *missing = site_map_missing(map);

	if (missing != NULL)
		log_warnx("site map: %s", missing);
}

int
sites_place(const struct site_map *map, const struct sites_options *o)
{
	static const char *const columns[] = { "service", "identity", NULL };
	char text[4 * LIMIT_IDENTITY + 1];
	const char *fields[2];
	size_t count = 0, unplaced = 0;
	struct sites_csv *csv;
	int code, status;

	if (o->word_count > 1)
		return command_usage("sites place: one file, or none");
	csv = sites_csv_open(
	    o->word_count == 1 ? o->words[0] : "-", columns, 2, &code);
	if (csv == NULL)
		return code;
	(void)puts("service,identity,site,city,country,lat,lon,confidence,"
		   "rule");
	while ((status = sites_csv_next(csv, fields)) == 1) {
		const char *identity = text_form(text, sizeof(text), fields[1]);
		const struct site_name name = { fields[0], identity, o->at_us };
		struct site site;
		const bool found = site_map_find_at(map, &name, &site);

		sites_field(stdout, fields[0]);
		(void)putchar(',');
		sites_field(stdout, identity);
		print_site(&site, found);
		count++;
		unplaced += !found || !site.has_position;
	}
	sites_csv_close(csv);
	log_warnx("%zu of %zu identities have no place", unplaced, count);
	return status == 0 ? EXIT_DONE : EXIT_BAD_USAGE;
}

static void
print_verdict(const struct site_verdict *v, void *context)
{
	char lat[24], lon[24];

	(void)context;
	(void)printf("%-9s %-24s %s\n",
	    v->decides   ? "decides"
	    : v->matched ? "also"
	    : v->hint    ? "refused"
			 : "no",
	    v->rule, v->decides ? "" : v->verdict);
	if (!v->matched && !v->hint)
		return;
	(void)printf("%-9s site %s", "", v->site.name);
	if (v->site.city[0] != '\0')
		(void)printf(", %s", v->site.city);
	if (v->site.country[0] != '\0')
		(void)printf(", %s", v->site.country);
	if (v->site.has_position) {
		sites_degrees(lat, v->site.lat);
		sites_degrees(lon, v->site.lon);
		(void)printf(", %s %s", lat, lon);
	}
	(void)printf(", confidence %d\n", v->site.confidence);
	if (v->note != NULL)
		(void)printf("%-9s note %s\n", "", v->note);
}

int
sites_explain(const struct site_map *map, const struct sites_options *o)
{
	char text[4 * LIMIT_IDENTITY + 1], server[4 * LIMIT_IDENTITY + 1];
	struct site_name name = { .service = o->service, .time_us = o->at_us };
	struct site site;

	if (o->word_count != 1 || o->service == NULL)
		return command_usage(
		    "sites explain: needs one identity and --service NAME");
	if (o->words[0][0] == '\0')
		return command_usage("sites explain: the identity is empty");
	name.instance = text_form(text, sizeof(text), o->words[0]);
	site_map_server(map, &name, server, sizeof(server));
	(void)printf("identity  %s\nservice   %s\nserver    %s\n",
	    name.instance, o->service, server);
	site_map_explain(map, &name, print_verdict, NULL);
	if (!site_map_find_at(map, &name, &site))
		(void)printf("unknown   no rule decides\n");
	else if (!site.has_position)
		(void)printf(
		    "no place  the site is %s, by %s\n", site.name, site.rule);
	return EXIT_DONE;
}

static int
read_time(int64_t *us, const char *option, const char *value)
{
	struct wall time;

	if (wall_parse(&time, value) == -1)
		return command_usage(
		    "%s %s: neither a date nor a time", option, value);
	*us = wall_to_us(time);
	return EXIT_DONE;
}

static int
read_option(struct sites_options *o, int option, bool *shipped)
{
	switch (option) {
	case SITES_MAP:
		if (o->map_count == SITES_MAPS)
			return command_usage("--site-map: too many");
		o->maps[o->map_count++] = optarg;
		return EXIT_DONE;
	case SITES_NO_SHIPPED:
		*shipped = false;
		return EXIT_DONE;
	case SITES_SERVICE:
		o->service = optarg;
		return EXIT_DONE;
	case SITES_FORMAT:
		o->format = optarg;
		return EXIT_DONE;
	case SITES_AT:
		return read_time(&o->at_us, "--at", optarg);
	case SITES_OUTPUT:
		o->output = optarg;
		return EXIT_DONE;
	case SITES_LIST:
		o->list = optarg;
		return EXIT_DONE;
	case SITES_SINCE:
		o->has_since = true;
		return read_time(&o->since_us, "--since", optarg);
	default:
		return command_option(o->command, option) == 0 ? EXIT_DONE
							       : EXIT_BAD_USAGE;
	}
}

static const struct {
	const char *name;
	int (*run)(const struct site_map *, const struct sites_options *);
} parts[] = {
	{ "check", sites_check },
	{ "explain", sites_explain },
	{ "import", sites_import },
	{ "lists", sites_lists },
	{ "place", sites_place },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static bool
names_database(const struct command *c)
{
	return c->db != NULL || c->archive != NULL || c->conf != NULL;
}

/* The other parts need no database, and would not look into one. */
static int
check_options(const struct sites_options *o, const char *part)
{
	const bool imports = strcmp(part, "import") == 0;

	if (!imports && (o->list != NULL || o->has_since))
		return command_usage(
		    "sites %s: takes neither --list nor --since", part);
	if (imports && o->list == NULL &&
	    (o->has_since || names_database(o->command)))
		return command_usage("sites import: needs --list NAME to keep "
				     "it in a database");
	if (imports && o->list != NULL && o->output != NULL)
		return command_usage("sites import: --list or --output?");
	if (!imports && strcmp(part, "lists") != 0 &&
	    names_database(o->command))
		return command_usage("sites %s: takes no database", part);
	return EXIT_DONE;
}

static int
read_map(struct site_map **map, const struct sites_options *o)
{
	char error[512];
	int code;

	*map = site_map_read_all(o->maps, o->map_count, error, sizeof(error));
	if (*map != NULL)
		return EXIT_DONE;
	code = log_exit_code(errno, EXIT_BAD_USAGE);
	log_warnx("%s", error);
	return code;
}

static int
run_part(size_t part, struct sites_options *o)
{
	struct site_map *map = NULL;
	int code = check_options(o, parts[part].name);

	if (code != EXIT_DONE || (code = read_map(&map, o)) != EXIT_DONE)
		return code;
	say_missing(map);
	code = parts[part].run(map, o);
	site_map_free(map);
	return code;
}

int
command_sites(int argc, char **argv)
{
	struct command command = { 0 };
	struct sites_options o = { .command = &command };
	const char *verb = command_verb(&argc, argv);
	bool shipped = true;
	size_t part = 0;
	int option, code;

	while (part < PARTS &&
	       (verb == NULL || strcmp(verb, parts[part].name) != 0))
		part++;
	if (part == PARTS)
		return command_usage(
		    "sites: place, explain, check, import or lists?");
	while ((option = getopt_long(
		    argc, argv, COMMAND_LETTERS, options, NULL)) != -1) {
		if ((code = read_option(&o, option, &shipped)) != EXIT_DONE)
			return code;
	}
	if (shipped)
		o.maps[o.map_count++] = SITE_MAP_SHIPPED;
	o.words = argv + optind;
	o.word_count = (size_t)(argc - optind);
	code = run_part(part, &o);
	command_clear(&command);
	return code;
}
