/* acship: carry batches from the spool to the collector. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "probe/config.h"
#include "probe/ship.h"
#include "probe/ship_run.h"
#include "probe/spool.h"

#define USAGE "usage: acship [-nqvVh] -f CONF"

struct options {
	const char *config;
	int verbose;
	bool dry_run, quiet, help, version;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static void
help(void)
{
	(void)puts(USAGE
	    "\n"
	    "Carry the batches of the spool to the collector, oldest first.\n"
	    "\n"
	    "  -f, --config CONF  the configuration, see acprobe.conf(5)\n"
	    "  -n, --dry-run      print what would go, send nothing\n"
	    "  -q, --quiet        say nothing about what still waits\n"
	    "  -v, --verbose      say what was sent\n"
	    "  -V, --version      print the version\n"
	    "  -h, --help         print this\n"
	    "\n"
	    "Exit: 0 all delivered, 1 something still waits, 2 usage,\n"
	    "configuration or key, 3 permission, 4 disk.");
}

/* 0, or -1 after one line. */
static int
options_read(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ 0 };
	opterr = 0;
	while ((c = getopt_long(argc, argv, "f:hnqvV", long_options, NULL)) !=
	       -1) {
		switch (c) {
		case 'f':
			o->config = optarg;
			break;
		case 'h':
			o->help = true;
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'v':
			o->verbose = 1;
			break;
		case 'V':
			o->version = true;
			break;
		default:
			log_warnx("%s: unknown or incomplete option (-h helps)",
			    argv[optind - 1]);
			return -1;
		}
	}
	if (o->help || o->version)
		return 0;
	if (optind < argc) {
		log_warnx(
		    "%s: no arguments are expected (-h helps)", argv[optind]);
		return -1;
	}
	if (o->config == NULL) {
		log_warnx("no configuration is named: -f CONF (-h helps)");
		return -1;
	}
	return 0;
}

/* What root may read and the user may not is read before the drop. */
static int
read_inputs(
    const struct options *o, struct config **config, struct sign_key **key)
{
	char error[512];
	int code = EXIT_BAD_USAGE;

	*key = NULL;
	*config = config_read(o->config, CONFIG_SHIP, error, sizeof(error));
	if (*config != NULL && (*config)->collector == NULL) {
		log_warnx("%s: collector: is missing", o->config);
		return EXIT_BAD_USAGE;
	}
	if (*config != NULL)
		*key = config_load_key(*config, error, sizeof(error));
	if (*key != NULL)
		return EXIT_DONE;
	if (errno == EACCES)
		code = EXIT_PERMISSION;
	log_warnx("%s", error);
	return code;
}

static int
drop(const struct config *config)
{
	if (sandbox_drop(config->user) == 0)
		return EXIT_DONE;
	if (errno == EINVAL) {
		log_warnx("user %s: there is no such user", config->user);
		return EXIT_BAD_USAGE;
	}
	log_warn("user %s", config->user == NULL ? "" : config->user);
	return EXIT_PERMISSION;
}

static struct spool *
open_spool(const struct config *config, int *code)
{
	const struct spool_limits limits = { .bytes = config->spool_bytes,
		.age = config->spool_age };
	char error[512];
	struct spool *spool;

	spool = spool_open(config->spool, &limits, error, sizeof(error));
	if (spool != NULL)
		return spool;
	*code = EXIT_STORAGE;
	if (errno == EPERM)
		*code = EXIT_BAD_USAGE;
	if (errno == EACCES)
		*code = EXIT_PERMISSION;
	log_warnx("%s", error);
	return NULL;
}

static int
ship(const struct options *o, const struct config *config,
    const struct sign_key *key, struct spool *spool)
{
	struct ship_run run = { .spool = spool, .key = key, .quiet = o->quiet };
	char error[256];
	int code;

	switch (spool_lock_ship(spool)) {
	case 0:
		break;
	case 1:
		log_warnx("spool %s: another acship is at work", config->spool);
		return EXIT_DONE;
	default:
		log_warn("spool %s: lock", config->spool);
		return EXIT_STORAGE;
	}
	run.shipper = shipper_new(config, error, sizeof(error));
	if (run.shipper == NULL) {
		log_warnx("%s", error);
		return EXIT_BAD_USAGE;
	}
	code = ship_run(&run);
	shipper_free(run.shipper);
	return code;
}

static int
run(const struct options *o)
{
	struct config *config = NULL;
	struct sign_key *key = NULL;
	struct spool *spool = NULL;
	int code;

	if ((code = read_inputs(o, &config, &key)) != EXIT_DONE)
		goto out;
	if ((code = drop(config)) != EXIT_DONE)
		goto out;
	if ((spool = open_spool(config, &code)) == NULL)
		goto out;
	code = o->dry_run ? ship_print(spool) : ship(o, config, key, spool);
out:
	spool_close(spool);
	sign_key_free(key);
	config_free(config);
	return code;
}

int
main(int argc, char **argv)
{
	struct options options;

	log_init("acship", 0);
	file_init();
	if (options_read(&options, argc, argv) == -1)
		return EXIT_BAD_USAGE;
	log_init("acship", options.verbose);
	/* A connection that breaks while TLS writes is a failed upload. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (options.help || options.version) {
		if (options.help)
			help();
		else
			(void)puts("acship " AC_VERSION);
		return log_output_done(EXIT_DONE);
	}
	return log_output_done(run(&options));
}
