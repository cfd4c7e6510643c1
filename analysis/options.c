#include "analysis/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/bloc.h"
#include "analysis/memory.h"
#include "analysis/options_private.h"
#include "lib/limits.h"
#include "lib/lines.h"
#include "lib/log.h"
#include "lib/text.h"

#define BLOC_REGION "region:"

enum {
	OPT_AF = 256,
	OPT_AGAINST,
	OPT_AT,
	OPT_BLOC,
	OPT_BY,
	OPT_CHECK,
	OPT_COLUMN,
	OPT_CRIT,
	OPT_DB,
	OPT_FORMAT,
	OPT_FROM,
	OPT_FULL,
	OPT_LEVEL,
	OPT_MATRIX,
	OPT_MAX_AGE,
	OPT_MMDB,
	OPT_OF,
	OPT_PER,
	OPT_PLAUSIBLE,
	OPT_QUESTION,
	OPT_REGIONS,
	OPT_SERVICES,
	OPT_SINCE,
	OPT_SITE_MAP,
	OPT_STEP,
	OPT_TARGET,
	OPT_TO,
	OPT_UNTIL,
	OPT_VP,
	OPT_WARN,
	OPT_WEIGHTS,
};

static const char short_options[] = "ho:V";
static const struct option long_options[] = {
	{ "af", required_argument, NULL, OPT_AF },
	{ "against", required_argument, NULL, OPT_AGAINST },
	{ "at", required_argument, NULL, OPT_AT },
	{ "bloc", required_argument, NULL, OPT_BLOC },
	{ "by", required_argument, NULL, OPT_BY },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "column", required_argument, NULL, OPT_COLUMN },
	{ "crit", required_argument, NULL, OPT_CRIT },
	{ "db", required_argument, NULL, OPT_DB },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "help", no_argument, NULL, 'h' },
	{ "level", required_argument, NULL, OPT_LEVEL },
	{ "matrix", no_argument, NULL, OPT_MATRIX },
	{ "max-age", required_argument, NULL, OPT_MAX_AGE },
	{ "mmdb", required_argument, NULL, OPT_MMDB },
	{ "of", required_argument, NULL, OPT_OF },
	{ "output", required_argument, NULL, 'o' },
	{ "per", required_argument, NULL, OPT_PER },
	{ "plausible", no_argument, NULL, OPT_PLAUSIBLE },
	{ "question", required_argument, NULL, OPT_QUESTION },
	{ "regions", required_argument, NULL, OPT_REGIONS },
	{ "services", required_argument, NULL, OPT_SERVICES },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "site-map", required_argument, NULL, OPT_SITE_MAP },
	{ "step", required_argument, NULL, OPT_STEP },
	{ "target", required_argument, NULL, OPT_TARGET },
	{ "to", required_argument, NULL, OPT_TO },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "version", no_argument, NULL, 'V' },
	{ "vp", required_argument, NULL, OPT_VP },
	{ "warn", required_argument, NULL, OPT_WARN },
	{ "weights", required_argument, NULL, OPT_WEIGHTS },
	{ NULL, 0, NULL, 0 },
};

static const char *const by_names[BY_COUNT] = { "", "region", "country", "asn",
	"site", "vp", "all" };

const char *
options_by_name(enum group_by by)
{
	return by_names[by];
}

int
options_refuse(const char *option, const char *value, const char *wanted)
{
	log_warnx("%s %s: expected %s", option, value, wanted);
	return -1;
}

/* Names of a file, one a line; # begins a comment. */
static int
read_names(struct names *names, const char *path)
{
	struct lines *lines = lines_open(path, 4096);
	char *line;
	size_t len;
	int status;

	if (lines == NULL) {
		log_warn("--vp @%s", path);
		return -1;
	}
	while ((status = lines_next(lines, &line, &len)) == 1) {
		line[strcspn(line, "#")] = '\0';
		line += strspn(line, " \t\r");
		line[strcspn(line, " \t\r")] = '\0';
		if (line[0] != '\0')
			(void)names_put(names, line);
	}
	if (status == -1)
		log_warn("--vp @%s", path);
	lines_close(lines);
	if (status == 0 && names->count == 0) {
		log_warnx("--vp @%s: no vantage point in it", path);
		return -1;
	}
	return status;
}

static int
set_by(struct options *o, const char *value)
{
	for (int by = BY_REGION; by < BY_COUNT; by++) {
		if (strcmp(value, by_names[by]) == 0) {
			o->by = (enum group_by)by;
			o->given |= OPTION_BY;
			return 0;
		}
	}
	return options_refuse(
	    "--by", value, "region, country, asn, site, vp or all");
}

static int
set_bloc(struct options *o, const char *value)
{
	o->bloc = value;
	o->given |= OPTION_BLOC;
	if (strncmp(value, BLOC_REGION, strlen(BLOC_REGION)) != 0 &&
	    bloc_check(value) == -1)
		return options_refuse("--bloc", value,
		    "eu or countries such as DE,FR,NL, or region:NAME");
	return 0;
}

static int
set_of(struct options *o, const char *value)
{
	static const char *const names[OF_COUNT] = { "family", "transport",
		"icmp" };

	o->given |= OPTION_OF;
	for (int i = 0; i < OF_COUNT; i++) {
		if (strcmp(value, names[i]) == 0) {
			o->of = (enum congruence_of)i;
			return 0;
		}
	}
	return options_refuse("--of", value, "family, transport or icmp");
}

static int
set_level(struct options *o, const char *value)
{
	o->given |= OPTION_LEVEL;
	if (strcmp(value, "site") == 0)
		o->level = LEVEL_SITE;
	else if (strcmp(value, "instance") == 0)
		o->level = LEVEL_INSTANCE;
	else
		return options_refuse("--level", value, "site or instance");
	return 0;
}

/* "lon1", or "lon1/2": a flow of it. */
static int
set_against(struct options *o, const char *value)
{
	const char *slash = strrchr(value, '/');
	size_t len = slash == NULL ? strlen(value) : (size_t)(slash - value);

	o->given |= OPTION_AGAINST;
	if (text_print(o->against, sizeof(o->against), "%.*s", (int)len,
		value) == -1 ||
	    !text_is_vp_name(o->against) ||
	    (slash != NULL &&
		text_int(&o->against_flow, slash + 1, 0, INT32_MAX) == -1))
		return options_refuse("--against", value,
		    "a vantage point such as lon1 or "
		    "lon1/2 for its flow 2");
	return 0;
}

static int
set_max_age(struct options *o, const char *value)
{
	struct span span;

	o->given |= OPTION_MAX_AGE;
	if (span_parse(&span, value) == -1)
		return options_refuse(
		    "--max-age", value, "a length such as 2h");
	o->max_age_us = span_to_us(span);
	return 0;
}

static int
set_step(struct options *o, const char *value)
{
	struct span span;

	o->given |= OPTION_STEP;
	if (span_parse(&span, value) == -1 || span.ns < 1000000000)
		return options_refuse(
		    "--step", value, "a length of at least 1s such as 1h");
	o->step_us = span_to_us(span);
	return 0;
}

static int
set_af(struct options *o, const char *value)
{
	int64_t af;

	if (text_int(&af, value, 4, 6) == -1 || af == 5)
		return options_refuse("--af", value, "4 or 6");
	o->af = (int)af;
	return 0;
}

static int
set_format(struct options *o, const char *value)
{
	if ((o->format = report_format_find(value)) == NULL)
		return options_refuse("--format", value,
		    "table, csv, json, geojson, openmetrics or dot");
	return 0;
}

static int
set_range(struct check_range *range, const char *option, const char *value)
{
	if (check_range_parse(range, value) == -1)
		return options_refuse(option, value,
		    "a number, or a range such as 99.9: or 10:20");
	return 0;
}

static int
set_check_option(struct options *o, int opt, const char *value)
{
	switch (opt) {
	case OPT_WARN:
		return set_range(&o->check.warn, "--warn", value);
	case OPT_CRIT:
		return set_range(&o->check.crit, "--crit", value);
	case OPT_COLUMN:
		o->check.column = value;
		return 0;
	default:
		o->checks = true;
		return 0;
	}
}

static int
set_per(struct options *o, const char *value)
{
	o->given |= OPTION_PER;
	if (strcmp(value, "vp") != 0)
		return options_refuse("--per", value, "vp");
	o->per_vp = true;
	return 0;
}

static int
add_name(struct names *names, const char *option, const char *value)
{
	if (value[0] == '\0')
		return options_refuse(option, "\"\"", "a name");
	if (option[2] == 'v' && value[0] == '@')
		return read_names(names, value + 1);
	(void)names_put(names, value);
	return 0;
}

static int
add_mmdb(struct options *o, const char *value)
{
	if (o->mmdb_count == LIMIT_MMDB_FILES) {
		log_warnx("--mmdb %s: more than %d", value, LIMIT_MMDB_FILES);
		return -1;
	}
	o->mmdb[o->mmdb_count++] = value;
	return 0;
}

/* A region as a bloc, by the table of regions, which may come after it. */
static int
find_bloc(struct options *o)
{
	const char *bloc = o->bloc;

	if (bloc == NULL ||
	    strncmp(bloc, BLOC_REGION, strlen(BLOC_REGION)) != 0)
		return 0;
	o->bloc = o->bloc_countries;
	if (regions_countries(
		o->regions, bloc + strlen(BLOC_REGION), o->bloc_countries) > 0)
		return 0;
	log_warnx("--bloc %s: no country is in that region", bloc);
	return -1;
}

/* NULL: what ships. */
static int
set_regions(struct options *o, const char *value)
{
	char error[512];

	regions_free(o->regions);
	o->regions = regions_read(value, error, sizeof(error));
	if (o->regions == NULL)
		log_warnx("%s", error);
	return o->regions == NULL ? -1 : 0;
}

static int
set_times_option(
    struct options *o, struct given_times *times, int opt, const char *value)
{
	switch (opt) {
	case OPT_SINCE:
		times->since = value;
		o->given |= OPTION_SINCE;
		return 0;
	case OPT_FROM:
		times->from = value;
		o->given |= OPTION_FROM;
		return 0;
	case OPT_TO:
		times->to = value;
		o->given |= OPTION_TO;
		return 0;
	case OPT_UNTIL:
		times->until = value;
		o->given |= OPTION_UNTIL;
		return 0;
	default:
		times->at = value;
		o->given |= OPTION_AT;
		return 0;
	}
}

static int
set_option(
    struct options *o, struct given_times *times, int opt, const char *value)
{
	switch (opt) {
	case OPT_AF:
		return set_af(o, value);
	case OPT_AGAINST:
		return set_against(o, value);
	case OPT_BLOC:
		return set_bloc(o, value);
	case OPT_BY:
		return set_by(o, value);
	case OPT_CHECK:
	case OPT_COLUMN:
	case OPT_CRIT:
	case OPT_WARN:
		return set_check_option(o, opt, value);
	case OPT_DB:
		o->db = value;
		return 0;
	case OPT_FORMAT:
		return set_format(o, value);
	case OPT_FULL:
		o->full = true;
		return 0;
	case OPT_LEVEL:
		return set_level(o, value);
	case OPT_MAX_AGE:
		return set_max_age(o, value);
	case OPT_MMDB:
		return add_mmdb(o, value);
	case OPT_OF:
		return set_of(o, value);
	case OPT_PER:
		return set_per(o, value);
	case OPT_QUESTION:
		return add_name(&o->questions, "--question", value);
	case OPT_REGIONS:
		return set_regions(o, value);
	case OPT_SERVICES:
		o->services = value;
		return 0;
	case OPT_SITE_MAP:
		o->site_map = value;
		return 0;
	case OPT_STEP:
		return set_step(o, value);
	case OPT_TARGET:
		return add_name(&o->targets, "--target", value);
	case OPT_VP:
		return add_name(&o->vps, "--vp", value);
	case OPT_MATRIX:
		o->matrix = true;
		o->given |= OPTION_MATRIX;
		return 0;
	case OPT_PLAUSIBLE:
		o->plausible = true;
		o->given |= OPTION_PLAUSIBLE;
		return 0;
	case OPT_WEIGHTS:
		o->weights = value;
		o->given |= OPTION_WEIGHTS;
		return 0;
	case OPT_SINCE:
	case OPT_FROM:
	case OPT_TO:
	case OPT_UNTIL:
	case OPT_AT:
		return set_times_option(o, times, opt, value);
	case 'o':
		o->output = value;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default: /* it was said */
		return -1;
	}
}

/* 0, or -1 where --check and the others do not go together. */
static int
choose_format(struct options *o)
{
	const struct report_check *check = &o->check;
	const bool limits =
	    check->warn.text != NULL || check->crit.text != NULL;

	if (!o->checks && (limits || check->column != NULL)) {
		log_warnx("--warn, --crit and --column need --check");
		return -1;
	}
	if (o->checks && !limits) {
		log_warnx("--check needs --warn or --crit");
		return -1;
	}
	if (o->checks && (o->format != NULL || o->output != NULL)) {
		log_warnx("--check answers with one line: no --format, no -o");
		return -1;
	}
	if (o->checks)
		o->format = &report_check;
	if (o->format == NULL && o->output != NULL)
		o->format = report_format_of_file(o->output);
	if (o->format == NULL)
		o->format = &report_text;
	return 0;
}

bool
options_check(int argc, char *const *argv)
{
	char **words = memory_zeroed((size_t)argc + 1, sizeof(*words));
	bool checks = false;
	int opt;

	for (int i = 0; i < argc; i++)
		words[i] = argv[i]; /* getopt_long puts them in order */
	opterr = 0;
	while ((opt = getopt_long(
		    argc, words, short_options, long_options, NULL)) != -1)
		checks |= opt == OPT_CHECK;
	optind = 0; /* of GNU: start anew */
	opterr = !checks;
	free(words);
	return checks;
}

/* What getopt_long has not said, after options_check. */
static void
say_unknown(const char *word)
{
	const char name[] = { '-', (char)optopt, '\0' };

	if (opterr == 0)
		log_warnx("%s: no option, or not a whole one",
		    optopt > 0 && optopt < OPT_AF ? name : word);
}

int
options_parse(struct options *o, int argc, char **argv)
{
	struct given_times times = { 0 };
	int opt;

	*o = (struct options){
		.db = DEFAULT_DB,
		.max_age_us = -1,
		.against_flow = -1,
		.now_us = wall_to_us(wall_now()),
	};
	while ((opt = getopt_long(
		    argc, argv, short_options, long_options, NULL)) != -1) {
		if (opt == '?')
			say_unknown(argv[optind - 1]);
		if (set_option(o, &times, opt, optarg) == -1)
			return -1;
	}
	if (o->help || o->version)
		return 0;
	if (optind < argc)
		o->command = argv[optind++];
	if (optind < argc) {
		log_warnx("%s: one report at a time", argv[optind]);
		return -1;
	}
	if (o->regions == NULL && set_regions(o, NULL) == -1)
		return -1;
	if (find_bloc(o) == -1)
		return -1;
	if (choose_format(o) == -1)
		return -1;
	if (o->against[0] != '\0' && o->vps.count > 0 &&
	    names_find(&o->vps, o->against) < 0) {
		o->against_hidden = true;
		(void)names_put(&o->vps, o->against);
	}
	return options_window(o, &times);
}

void
options_clear(struct options *o)
{
	names_clear(&o->targets);
	names_clear(&o->vps);
	names_clear(&o->questions);
	regions_free(o->regions);
}
