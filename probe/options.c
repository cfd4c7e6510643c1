#include "probe/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"

enum {
	OPTION_ALLOW_SPECIAL = 256,
	OPTION_BLOCKLIST,
	OPTION_BUFSIZE,
	OPTION_CHECK_CONFIG,
	OPTION_COOKIE,
	OPTION_DNSSEC,
	OPTION_DSCP,
	OPTION_DRY_RUN,
	OPTION_FLOWS,
	OPTION_ONLY,
	OPTION_MIXED_CASE,
	OPTION_MMDB,
	OPTION_RATE,
	OPTION_READ,
	OPTION_RECURSE,
	OPTION_SERVICES,
	OPTION_SITE_MAP,
	OPTION_TAIL,
	OPTION_WRITE,
};

static const char short_options[] = ":46jnqTvVhc:i:W:S:I:z:f:";

static const struct option long_options[] = {
	{ "allow-special", required_argument, NULL, OPTION_ALLOW_SPECIAL },
	{ "blocklist", required_argument, NULL, OPTION_BLOCKLIST },
	{ "bufsize", required_argument, NULL, OPTION_BUFSIZE },
	{ "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
	{ "cookie", no_argument, NULL, OPTION_COOKIE },
	{ "count", required_argument, NULL, 'c' },
	{ "dnssec", no_argument, NULL, OPTION_DNSSEC },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "dscp", required_argument, NULL, OPTION_DSCP },
	{ "flows", required_argument, NULL, OPTION_FLOWS },
	{ "help", no_argument, NULL, 'h' },
	{ "interface", required_argument, NULL, 'I' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "mixed-case", no_argument, NULL, OPTION_MIXED_CASE },
	{ "mmdb", required_argument, NULL, OPTION_MMDB },
	{ "numeric", no_argument, NULL, 'n' },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ "quiet", no_argument, NULL, 'q' },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "read", required_argument, NULL, OPTION_READ },
	{ "recurse", no_argument, NULL, OPTION_RECURSE },
	{ "services", required_argument, NULL, OPTION_SERVICES },
	{ "site-map", required_argument, NULL, OPTION_SITE_MAP },
	{ "source", required_argument, NULL, 'S' },
	{ "tail", required_argument, NULL, OPTION_TAIL },
	{ "tcp", no_argument, NULL, 'T' },
	{ "timeout", required_argument, NULL, 'W' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "write", required_argument, NULL, OPTION_WRITE },
	{ "zone", required_argument, NULL, 'z' },
	{ NULL, 0, NULL, 0 },
};

void
options_help(void)
{
	(void)fputs(
	    "usage: acprobe [options] TARGET...      look at anycast "
	    "addresses\n"
	    "       acprobe -f CONF [--check-config] one round for cron\n"
	    "       acprobe keygen FILE              make FILE and FILE.pub\n"
	    "TARGET is a host name or an address, either with @port.\n"
	    "  -4, -6              only this family\n"
	    "  -c, --count N       timed questions (default 5)\n"
	    "  -i, --interval SEC  between them (default 0.1)\n"
	    "  -W, --timeout SEC   to wait for an answer (default 2)\n"
	    "      --tail SEC      to listen on after the last answer\n"
	    "  -z, --zone ZONE     zone whose SOA is asked (default .)\n"
	    "  -T, --tcp           DNS over TCP: connect and answer apart\n"
	    "      --bufsize N     size that EDNS advertises (default 1232)\n"
	    "      --cookie        send a DNS cookie\n"
	    "      --dnssec        ask for signatures (DO)\n"
	    "      --mixed-case    letters of the name at random (0x20)\n"
	    "      --recurse       ask for recursion (RD)\n"
	    "      --flows N       ask on N flows, and say whether they agree\n"
	    "      --only WHAT     dns, echo or trace\n"
	    "      --services FILE which question names which service\n"
	    "      --site-map FILE names to sites\n"
	    "      --mmdb FILE     networks of the hops\n"
	    "  -j, --json          records and identities, one a line\n"
	    "  -n, --numeric       no names for the hops\n"
	    "  -S, --source ADDR   send from this address\n"
	    "  -I, --interface IF  send by this interface\n"
	    "      --dscp N        mark packets with this DSCP\n"
	    "      --rate N        packets per second (default 100)\n"
	    "      --allow-special PREFIX   open a special-purpose prefix\n"
	    "      --blocklist FILE         prefixes never to send to\n"
	    "      --dry-run       print what would be sent\n"
	    "      --write FILE    save every packet as a capture\n"
	    "      --read FILE     look at a capture instead of the network\n"
	    "  -f CONF             a round of this configuration\n"
	    "      --check-config  print what CONF is understood to say\n"
	    "  -q, --quiet  -v, --verbose  -V, --version  -h, --help\n",
	    stdout);
}

static int
bad(const char *option, const char *value, const char *wanted)
{
	log_warnx("%s %s: %s", option, value, wanted);
	return EXIT_BAD_USAGE;
}

static int
read_only(struct look_options *look, const char *value)
{
	look->dns = strcmp(value, "dns") == 0;
	look->echo = strcmp(value, "echo") == 0;
	look->trace = strcmp(value, "trace") == 0;
	if (!look->dns && !look->echo && !look->trace)
		return bad("--only", value, "not dns, echo or trace");
	return EXIT_DONE;
}

static int
read_seconds(struct span *span, const char *option, const char *value,
    double min, double max)
{
	double seconds;
	char wanted[64];

	if (text_double(&seconds, value, min, max) == -1) {
		text_print(
		    wanted, sizeof(wanted), "not %g to %g seconds", min, max);
		return bad(option, value, wanted);
	}
	*span = span_s(seconds);
	return EXIT_DONE;
}

static int
read_int(int *out, const char *option, const char *value, int max)
{
	int64_t n;
	char wanted[32];

	if (text_int(&n, value, 1, max) == -1) {
		text_print(wanted, sizeof(wanted), "not 1 to %d", max);
		return bad(option, value, wanted);
	}
	*out = (int)n;
	return EXIT_DONE;
}

static int
add_mmdb(struct look_options *o, const char *value)
{
	if (o->mmdb_count == LIMIT_MMDB_FILES)
		return bad("--mmdb", value, "too many files");
	o->mmdb[o->mmdb_count++] = value;
	return EXIT_DONE;
}

static int
read_source(struct options *o, const char *value)
{
	struct addr addr;

	if (addr_parse(&addr, value) == -1)
		return bad("-S", value, "not an address");
	if (addr.af == 4)
		o->look.source4 = addr_format(o->source4, &addr);
	else
		o->look.source6 = addr_format(o->source6, &addr);
	return EXIT_DONE;
}

static int
read_rate(struct options *o, const char *value)
{
	if (text_double(&o->look.rate, value, 1, LIMIT_RATE_HARD) == -1)
		return bad("--rate", value, "not 1 to 10000 packets a second");
	return EXIT_DONE;
}

static int
read_bufsize(struct options *o, const char *value)
{
	int64_t n;

	if (text_int(&n, value, LIMIT_DNS_UDP_SIZE_MIN, UINT16_MAX) == -1)
		return bad("--bufsize", value, "not 512 to 65535 bytes");
	o->look.udp_size = (uint16_t)n;
	return EXIT_DONE;
}

static int
read_allow(struct options *o, const char *value)
{
	const char *wrong = manners_allow(&o->manners, value);

	if (wrong != NULL)
		return bad("--allow-special", value, wrong);
	return EXIT_DONE;
}

static int
read_blocklist(struct options *o, const char *value)
{
	char error[512];

	if (manners_read_blocklist(&o->manners, value, error, sizeof(error)) ==
	    0)
		return EXIT_DONE;
	log_warnx("%s", error);
	return errno == EACCES ? EXIT_PERMISSION : EXIT_BAD_USAGE;
}

/* Options without a value. false: not one of them. */
static bool
read_flag(struct options *o, int option)
{
	switch (option) {
	case '4':
	case '6':
		o->look.family = option - '0';
		return true;
	case 'j':
		return o->look.json = true;
	case 'n':
		return o->look.numeric = true;
	case 'q':
		return o->look.quiet = true;
	case 'v':
		return ++o->verbose > 0;
	case 'V':
		o->mode = MODE_VERSION;
		return true;
	case 'h':
		o->mode = MODE_HELP;
		return true;
	case 'T':
		return o->look.tcp = true;
	case OPTION_COOKIE:
		return o->look.cookie = true;
	case OPTION_DNSSEC:
		return o->look.dnssec_ok = true;
	case OPTION_MIXED_CASE:
		return o->look.mixed_case = true;
	case OPTION_RECURSE:
		return o->look.rd = true;
	case OPTION_DRY_RUN:
		return o->look.dry_run = true;
	case OPTION_CHECK_CONFIG:
		o->mode = MODE_CHECK_CONFIG;
		return true;
	default:
		return false;
	}
}

static int
read_value(struct options *o, int option, const char *value)
{
	switch (option) {
	case 'c':
		return read_int(&o->look.count, "-c", value, LIMIT_COUNT);
	case 'i':
		return read_seconds(&o->look.interval, "-i", value, 0.01, 60);
	case 'W':
		return read_seconds(&o->look.timeout, "-W", value, 0.01, 60);
	case 'S':
		return read_source(o, value);
	case 'I':
		o->look.interface = value;
		return EXIT_DONE;
	case 'z':
		o->look.zone = value;
		return EXIT_DONE;
	case 'f':
		o->config = value;
		return EXIT_DONE;
	case OPTION_TAIL:
		return read_seconds(&o->look.tail, "--tail", value, 0, 60);
	case OPTION_DSCP:
		return read_int(&o->look.dscp, "--dscp", value, RECORD_DSCP);
	case OPTION_FLOWS:
		return read_int(&o->look.flows, "--flows", value, LIMIT_FLOWS);
	case OPTION_MMDB:
		return add_mmdb(&o->look, value);
	case OPTION_ONLY:
		return read_only(&o->look, value);
	case OPTION_RATE:
		return read_rate(o, value);
	case OPTION_BUFSIZE:
		return read_bufsize(o, value);
	case OPTION_SERVICES:
		o->look.services = value;
		return EXIT_DONE;
	case OPTION_SITE_MAP:
		o->look.site_map = value;
		return EXIT_DONE;
	case OPTION_READ:
		o->look.read = value;
		return EXIT_DONE;
	case OPTION_WRITE:
		o->look.write = value;
		return EXIT_DONE;
	case OPTION_ALLOW_SPECIAL:
		return read_allow(o, value);
	case OPTION_BLOCKLIST:
		return read_blocklist(o, value);
	default:
		return EXIT_BAD_USAGE;
	}
}

static int
read_capture(const struct options *o, int count)
{
	if (count > 0)
		return bad(
		    "--read", o->look.read, "the capture has its own targets");
	if (o->look.write != NULL)
		return bad(
		    "--write", o->look.write, "nothing is sent with --read");
	return EXIT_DONE;
}

static int
read_words(struct options *o, int count, char **words)
{
	if (o->mode == MODE_HELP || o->mode == MODE_VERSION)
		return EXIT_DONE;
	if (o->config != NULL) {
		if (o->mode == MODE_LOOK)
			o->mode = MODE_ROUND;
		if (count > 0)
			return bad("-f", o->config,
			    "a round takes its targets from the file");
		return EXIT_DONE;
	}
	if (o->mode == MODE_CHECK_CONFIG) {
		log_warnx("--check-config: no configuration; add -f CONF");
		return EXIT_BAD_USAGE;
	}
	if (count > 0 && strcmp(words[0], "keygen") == 0) {
		o->mode = MODE_KEYGEN;
		if (count == 2) {
			o->key_file = words[1];
			return EXIT_DONE;
		}
		log_warnx("keygen: one file name, no more and no less");
		return EXIT_BAD_USAGE;
	}
	if (o->look.read != NULL)
		return read_capture(o, count);
	if (count == 0) {
		log_warnx("no target; acprobe -h shows how");
		return EXIT_BAD_USAGE;
	}
	o->look.targets = words;
	o->look.target_count = (size_t)count;
	return EXIT_DONE;
}

/* getopt stands behind the word, or within it where short options are in one:
 * then only the character tells which it was. */
static int
refuse_option(int option, const char *word)
{
	char name[3] = { '-', (char)optopt, '\0' };
	bool is_long = optopt == 0 || optopt > 255 ||
		       (strncmp(word, "--", 2) == 0 &&
			   strchr(short_options, optopt) != NULL);
	const char *wrong = option == ':'            ? "needs a value"
			    : is_long && optopt != 0 ? "takes no value"
						     : "no such option";

	log_warnx("%s: %s; acprobe -h shows all", is_long ? word : name, wrong);
	return EXIT_BAD_USAGE;
}

int
options_read(struct options *o, int argc, char **argv)
{
	int option, code = EXIT_DONE;

	memset(o, 0, sizeof(*o));
	o->look = (struct look_options){ .dns = true,
		.echo = true,
		.trace = true,
		.count = 5,
		.flows = 1,
		.rate = LIMIT_RATE,
		.interval = span_ms(100),
		.timeout = span_s(2),
		.tail = { -1 },
		.zone = ".",
		.manners = &o->manners };
	opterr = 0;
	while (code == EXIT_DONE &&
	       (option = getopt_long(
		    argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == ':' || option == '?')
			return refuse_option(option, argv[optind - 1]);
		if (!read_flag(o, option))
			code = read_value(o, option, optarg);
	}
	if (code != EXIT_DONE)
		return code;
	return read_words(o, argc - optind, argv + optind);
}

void
options_clear(struct options *o)
{
	manners_clear(&o->manners);
}
