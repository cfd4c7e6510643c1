/* acreport: who serves whom, how fast, and what changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "analysis/html_page.h"
#include "analysis/locate.h"
#include "analysis/judge.h"
#include "analysis/kept_sites.h"
#include "analysis/options.h"
#include "analysis/pictures.h"
#include "analysis/places.h"
#include "analysis/remarks.h"
#include "analysis/report_fits.h"
#include "analysis/reports.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/services.h"
#include "lib/text.h"
#include "lib/times.h"

#define OPTION_WINDOW (OPTION_SINCE | OPTION_UNTIL)
#define NAMES_TEXT 512
#define CHECKED 16 /* and a check_state: what --check ends with */

static const struct subcommand {
	const char *name;
	int (*report)(struct run *);
	unsigned takes; /* enum option_bit */
	unsigned by;    /* bits of enum group_by */
	enum group_by by_default;
	bool traces;
} subcommands[] = {
	{ "latency", latency_report,
	    OPTION_WINDOW | OPTION_BY | OPTION_PER | OPTION_LEVEL | OPTION_STEP,
	    1U << BY_REGION | 1U << BY_COUNTRY | 1U << BY_ASN | 1U << BY_SITE |
		1U << BY_VP | 1U << BY_ALL,
	    BY_REGION, false },
	{ "catchment", catchment_report,
	    OPTION_AT | OPTION_SINCE | OPTION_MAX_AGE | OPTION_BY |
		OPTION_LEVEL | OPTION_STEP | OPTION_WEIGHTS | OPTION_PLAUSIBLE,
	    1U << BY_REGION | 1U << BY_COUNTRY | 1U << BY_ASN | 1U << BY_ALL,
	    BY_DEFAULT, false },
	{ "changes", changes_report, OPTION_WINDOW | OPTION_LEVEL, 0,
	    BY_DEFAULT, false },
	{ "html", html_report, OPTION_WINDOW | OPTION_MAX_AGE, 0, BY_DEFAULT,
	    false },
	{ "diff", diff_report,
	    OPTION_FROM | OPTION_TO | OPTION_MATRIX | OPTION_MAX_AGE |
		OPTION_LEVEL | OPTION_WEIGHTS | OPTION_PLAUSIBLE,
	    0, BY_DEFAULT, false },
	{ "events", events_report,
	    OPTION_WINDOW | OPTION_MAX_AGE | OPTION_WEIGHTS, 0, BY_DEFAULT,
	    false },
	{ "stability", stability_report,
	    OPTION_WINDOW | OPTION_MAX_AGE | OPTION_LEVEL | OPTION_BY |
		OPTION_WEIGHTS,
	    1U << BY_REGION | 1U << BY_COUNTRY | 1U << BY_ASN | 1U << BY_ALL,
	    BY_DEFAULT, false },
	{ "vps", vps_report, OPTION_WINDOW, 0, BY_DEFAULT, false },
	{ "sites", sites_report,
	    OPTION_WINDOW | OPTION_WEIGHTS | OPTION_PLAUSIBLE, 0, BY_DEFAULT,
	    false },
	{ "availability", availability_report,
	    OPTION_WINDOW | OPTION_BY | OPTION_LEVEL | OPTION_STEP,
	    1U << BY_REGION | 1U << BY_COUNTRY | 1U << BY_ASN | 1U << BY_SITE |
		1U << BY_VP | 1U << BY_ALL,
	    BY_ALL, false },
	{ "congruence", congruence_report,
	    OPTION_AT | OPTION_SINCE | OPTION_MAX_AGE | OPTION_OF |
		OPTION_WEIGHTS | OPTION_PLAUSIBLE,
	    0, BY_DEFAULT, false },
	{ "inflation", inflation_report,
	    OPTION_WINDOW | OPTION_BY | OPTION_WEIGHTS,
	    1U << BY_REGION | 1U << BY_COUNTRY | 1U << BY_ASN | 1U << BY_ALL,
	    BY_DEFAULT, false },
	{ "locality", locality_report,
	    OPTION_WINDOW | OPTION_BY | OPTION_WEIGHTS | OPTION_BLOC,
	    1U << BY_REGION | 1U << BY_COUNTRY | 1U << BY_ASN | 1U << BY_ALL,
	    BY_DEFAULT, false },
	{ "paths", paths_report, OPTION_WINDOW | OPTION_AGAINST, 0, BY_DEFAULT,
	    true },
	{ "identities", identities_report, OPTION_WINDOW, 0, BY_DEFAULT,
	    false },
	{ "publication", publication_report, OPTION_WINDOW | OPTION_LEVEL, 0,
	    BY_DEFAULT, false },
	{ "rssac047", rssac047_report, OPTION_WINDOW, 0, BY_DEFAULT, false },
	{ "plausibility", plausibility_report, OPTION_WINDOW, 0, BY_DEFAULT,
	    false },
	{ "records", records_report, OPTION_WINDOW, 0, BY_DEFAULT, true },
};
#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static const struct {
	unsigned bit;
	const char *name;
} option_bits[] = {
	{ OPTION_UNTIL, "--until" },
	{ OPTION_AT, "--at" },
	{ OPTION_MAX_AGE, "--max-age" },
	{ OPTION_BY, "--by" },
	{ OPTION_PER, "--per" },
	{ OPTION_LEVEL, "--level" },
	{ OPTION_STEP, "--step" },
	{ OPTION_SINCE, "--since" },
	{ OPTION_FROM, "--from" },
	{ OPTION_TO, "--to" },
	{ OPTION_MATRIX, "--matrix" },
	{ OPTION_WEIGHTS, "--weights" },
	{ OPTION_PLAUSIBLE, "--plausible" },
	{ OPTION_BLOC, "--bloc" },
	{ OPTION_OF, "--of" },
	{ OPTION_AGAINST, "--against" },
};

static const struct subcommand *
find_subcommand(const char *name)
{
	for (size_t i = 0; name != NULL && i < SUBCOMMANDS; i++) {
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	}
	return NULL;
}

/* "latency, catchment or records" */
static void
list_subcommands(char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		(void)text_print(text + len, size - len, "%s%s",
		    i == 0                 ? ""
		    : i + 1 == SUBCOMMANDS ? " or "
					   : ", ",
		    subcommands[i].name);
		len = strlen(text);
	}
}

/* NULL, after one line, where report and options do not go together. */
static const struct subcommand *
check_subcommand(struct options *o)
{
	const struct subcommand *command = find_subcommand(o->command);
	char names[NAMES_TEXT];
	unsigned foreign;

	if (command == NULL) {
		list_subcommands(names, sizeof(names));
		log_warnx("%s%sexpected %s",
		    o->command == NULL ? "" : o->command,
		    o->command == NULL ? "" : ": ", names);
		return NULL;
	}
	if ((command->takes & ~o->given & OPTION_FROM) != 0) {
		log_warnx("%s needs --from", command->name);
		return NULL;
	}
	foreign = o->given & ~command->takes;
	for (size_t i = 0; i < sizeof(option_bits) / sizeof(option_bits[0]);
	     i++) {
		if ((foreign & option_bits[i].bit) != 0) {
			log_warnx("%s does not take %s", command->name,
			    option_bits[i].name);
			return NULL;
		}
	}
	if (!command->traces && names_find(&o->questions, "trace") >= 0) {
		log_warnx("%s does not take --question trace: see records",
		    command->name);
		return NULL;
	}
	if (o->by == BY_DEFAULT && o->weights != NULL &&
	    command->report == catchment_report) {
		log_warnx("catchment --weights needs --by: shares");
		return NULL;
	}
	if (command->report == html_report && html_page_head[0] == '\0') {
		log_warnx("html: this build has no page: install nodejs and "
			  "npm, and type: make page");
		return NULL;
	}
	if (o->format == &report_dot && command->report != paths_report) {
		log_warnx("%s does not take --format dot", command->name);
		return NULL;
	}
	if (o->by == BY_DEFAULT) {
		o->by = command->by_default;
	} else if ((command->by & 1U << o->by) == 0) {
		log_warnx("%s does not take --by %s", command->name,
		    options_by_name(o->by));
		return NULL;
	}
	return report_fits(o) == 0 ? command : NULL;
}

static int
write_error(const char *path)
{
	int saved = errno;

	if (saved == ELOOP)
		log_warnx("%s: is a symbolic link: not written", path);
	else
		log_warn("%s", path);
	return log_exit_code(saved, EXIT_STORAGE);
}

/* Reports that judge nothing: they show what was said, or judge themselves. */
static bool
judges(const struct subcommand *command)
{
	return command->report != records_report &&
	       command->report != plausibility_report;
}

/* In characters; 0: it does not say. */
static size_t
terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 ? 0 : size.ws_col;
}

static int
write_report(struct run *run, const struct subcommand *command)
{
	const char *path =
	    run->options->output == NULL ? "-" : run->options->output;
	const bool is_terminal =
	    strcmp(path, "-") == 0 && isatty(STDOUT_FILENO);
	struct report_check check = run->options->check;
	struct file_output out;
	int status;

	if (file_output_open(&out, path) == -1)
		return write_error(path);
	run->report.stream = out.stream;
	run->report.format = run->options->format;
	run->report.name = command->name;
	run->report.full = run->options->full;
	run->report.locate = locate_row;
	run->report.owner = run;
	run->report.check = &check;
	run->report.colour = is_terminal && getenv("NO_COLOR") == NULL;
	if (is_terminal && run->report.format == &report_text) {
		run->report.width = terminal_width();
		pictures_choose(run);
	}
	errno = 0;
	status = command->report(run);
	pictures_clear(run);
	if (status == 0 && query_failed(run->query)) {
		(void)file_output_done(&out, false);
		return EXIT_STORAGE;
	}
	if (status == -1) {
		int code = write_error(path);

		(void)file_output_done(&out, false);
		return code;
	}
	if (file_output_done(&out, true) == -1)
		return write_error(path);
	remarks_window(run);
	remarks_nowhere(&run->report);
	return run->options->checks ? CHECKED + (int)check.state : EXIT_DONE;
}

/* What is read before the database's measurements are. */
struct tables {
	struct query *query;
	struct site_map *map, *places;
	struct services *services;
	struct weights weights;
};

static int
run_report(const struct options *o, const struct subcommand *command,
    const struct tables *tables)
{
	const struct site_map *map = tables->map;
	const struct weights *weights = &tables->weights;
	const struct catalog_filter filter = {
		.targets = &o->targets,
		.vps = &o->vps,
		.questions = &o->questions,
		.af = o->af,
		.traces = command->traces,
	};
	struct run run = { .options = o };
	struct judge judge;
	int code;

	run.query = tables->query;
	catalog_read(&run.catalog, run.query, &filter, map);
	run.catalog.places = tables->places;
	run.catalog.naming = tables->services;
	run.geo = geo_open(o->mmdb, o->mmdb_count);
	places_fill(&run.catalog, run.query,
	    &(struct places_sources){ run.geo, o->regions });
	run.weights = *weights;
	if (weights_given(weights))
		weights_spread(
		    &run.weights, &run.catalog, run.query, o->until_us - 1);
	sampler_init(&run.sampler, run.query, &run.catalog);
	remarks_unsettled(&run);
	remarks_pruned(&run, command->traces);
	run.catalog.map_us = o->until_us - 1;
	if (judges(command)) {
		judge_init(&judge,
		    &(struct judge_of){
			.query = run.query,
			.options = o,
			.map = map,
			.geo = run.geo,
			.catalog = &run.catalog,
			.plausible =
			    o->plausible || command->report == vps_report,
		    });
		judge_attach(&judge, &run.catalog);
	}
	code = query_failed(run.query) ? EXIT_STORAGE
				       : write_report(&run, command);
	remarks_unplaced(&run);
	remarks_intercepted(&run);
	if (run.catalog.judge != NULL)
		judge_clear(&judge);
	sampler_clear(&run.sampler);
	free(run.weights.of_vp);
	catalog_clear(&run.catalog);
	geo_close(run.geo);
	return code;
}

/* Reports that are about places take the shipped map where none is named. */
static const char *
map_path(const struct options *o, const struct subcommand *command)
{
	if (o->site_map == NULL && (command->report == identities_report ||
				       command->report == inflation_report ||
				       command->report == locality_report ||
				       command->report == plausibility_report ||
				       command->report == vps_report))
		return SITE_MAP_SHIPPED;
	return o->site_map;
}

/* Pictures show where sites are by the shipped map where none was named, though
 * its names of sites are not used: those are other reports' own. */
static bool
needs_places(const struct options *o, const struct subcommand *command)
{
	return o->site_map == NULL &&
	       (o->format == &report_geojson || command->report == html_report);
}

/* EXIT_DONE, or an exit code after a line to the user. */
static int
read_tables(struct tables *tables, const struct options *o,
    const struct subcommand *command)
{
	const char *map = map_path(o, command);
	char error[512];
	int code;

	if ((tables->query = query_open(o->db, &code)) == NULL)
		return code;
	tables->services = services_read(o->services, error, sizeof(error));
	if (tables->services == NULL ||
	    kept_sites_read(&tables->map,
		&(struct kept_sites){ tables->query, map, o->until_us - 1 },
		error, sizeof(error)) == -1) {
		code = log_exit_code(errno, EXIT_BAD_USAGE);
		log_warnx("%s", error);
		return code;
	}
	if (needs_places(o, command) &&
	    (tables->places = site_map_read(
		 SITE_MAP_SHIPPED, error, sizeof(error))) == NULL) {
		log_warnx("%s", error);
		return EXIT_BAD_USAGE;
	}
	if (query_failed(tables->query))
		return EXIT_STORAGE;
	if (o->plausible && tables->map == NULL) {
		log_warnx("--plausible needs --site-map, or a list of sites in "
			  "the database");
		return EXIT_BAD_USAGE;
	}
	if (o->weights != NULL && weights_read(&tables->weights, o->weights))
		return EXIT_BAD_USAGE;
	return EXIT_DONE;
}

static int
read_tables_and_run(const struct options *o, const struct subcommand *command)
{
	struct tables tables = { 0 };
	int code = read_tables(&tables, o, command);

	if (code == EXIT_DONE)
		code = run_report(o, command, &tables);
	weights_clear(&tables.weights);
	site_map_free(tables.map);
	site_map_free(tables.places);
	services_free(tables.services);
	query_close(tables.query);
	return code;
}

static int
run(int argc, char **argv)
{
	const struct subcommand *command = NULL;
	struct options options;
	int code = EXIT_BAD_USAGE;

	if (options_parse(&options, argc, argv) == -1)
		goto out;
	code = EXIT_DONE;
	if (options.help) {
		options_help();
	} else if (options.version) {
		(void)puts("acreport " AC_VERSION);
	} else {
		command = check_subcommand(&options);
		code = command == NULL ? EXIT_BAD_USAGE
				       : read_tables_and_run(&options, command);
	}
out:
	options_clear(&options);
	return code;
}

/* A plugin speaks on standard output alone, and of its state first; what goes
 * wrong is why that is unknown, and other remarks come behind it. */
static int
run_check(int argc, char **argv)
{
	char *said = NULL;
	size_t len = 0;
	FILE *kept = open_memstream(&said, &len);
	int code;

	log_keep(kept);
	code = run(argc, argv);
	log_keep(NULL);
	if (code == EXIT_DONE) /* --help */
		code = CHECKED + CHECK_OK;
	else if (code < CHECKED) {
		code = CHECKED + CHECK_UNKNOWN;
		(void)fputs("acreport UNKNOWN: ", stdout);
	}
	if (kept != NULL && fclose(kept) == 0)
		(void)fwrite(said, 1, len, stdout);
	free(said);
	return fflush(stdout) == 0 ? code - CHECKED : CHECK_UNKNOWN;
}

int
main(int argc, char **argv)
{
	log_init("acreport", 0);
	file_init();
	return options_check(argc, argv) ? run_check(argc, argv)
					 : log_output_done(run(argc, argv));
}
