/*
 * The command line of acreport.
 */
#ifndef ANALYSIS_OPTIONS_H
#define ANALYSIS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "analysis/names.h"
#include "analysis/report.h"
#include "analysis/report_check.h"
#include "analysis/trail.h"
#include "lib/limits.h"
#include "lib/regions.h"
#include "lib/times.h"

enum group_by {
	BY_DEFAULT, /* the report's own */
	BY_REGION,
	BY_COUNTRY,
	BY_ASN,
	BY_SITE,
	BY_VP,
	BY_ALL,
	BY_COUNT
};

/* What congruence compares. */
enum congruence_of { OF_FAMILY, OF_TRANSPORT, OF_ICMP, OF_COUNT };

/* What a subcommand takes beside the common options. */
enum option_bit {
	OPTION_UNTIL = 1 << 0,
	OPTION_AT = 1 << 1,
	OPTION_MAX_AGE = 1 << 2,
	OPTION_BY = 1 << 3,
	OPTION_PER = 1 << 4,
	OPTION_LEVEL = 1 << 5,
	OPTION_STEP = 1 << 6,
	OPTION_SINCE = 1 << 7,
	OPTION_FROM = 1 << 8, /* needed where it is taken */
	OPTION_TO = 1 << 9,
	OPTION_MATRIX = 1 << 10,
	OPTION_WEIGHTS = 1 << 11,
	OPTION_PLAUSIBLE = 1 << 12,
	OPTION_BLOC = 1 << 16,
	OPTION_OF = 1 << 17,
	OPTION_AGAINST = 1 << 20,
};

struct options {
	const char *command; /* NULL: none was given */
	const char *db, *output, *services, *site_map, *weights, *bloc;
	const char *mmdb[LIMIT_MMDB_FILES];
	size_t mmdb_count;
	struct regions *regions; /* the operator's, or what ships */
	char bloc_countries[REGIONS_COUNTRIES_TEXT]; /* of "region:NAME" */
	const struct report_format *format;
	struct report_check check; /* where format is report_check */
	struct names targets, vps, questions;
	int af; /* 0: both */
	enum group_by by;
	enum level level;
	enum congruence_of of;
	bool per_vp;
	int64_t now_us;
	int64_t since_us, until_us; /* half-open; until_us - 1 is --at */
	int64_t max_age_us;         /* -1: from the interval of the rounds */
	int64_t step_us;            /* 0: the window is one */
	int64_t from_us;            /* of diff; until_us - 1 is --to */
	bool matrix;
	/* Of paths: another vantage point, "" none, and its flow, -1: the
	 * same; hidden: its own rows were not asked for. */
	char against[LIMIT_VP_NAME + 1];
	int64_t against_flow;
	bool against_hidden;
	bool checks;
	bool full;      /* also what is not for sharing */
	bool plausible; /* without what light cannot have done */
	unsigned given; /* enum option_bit */
	bool help, version;
};

/* Whether --check is among the options, however short it is written. If so
 * getopt_long keeps silent from now on, and options_parse says what it would:
 * all on the way that lines of log.h take. */
bool options_check(int argc, char *const *argv);

/* 0, or -1 with one line on standard error. The texts point into argv. */
int options_parse(struct options *, int argc, char **argv);
void options_clear(struct options *);

/* A time: RFC 3339, a date, now, today, yesterday, or a length before now
 * ("24h", "7d"). 0, or -1. */
int options_time(int64_t *us, const char *text, int64_t now_us);

/* The k-th step of the window, cut at its ends: steps begin at whole multiples
 * of --step since 1970 in UTC. Without --step the window itself is the only
 * one. false past the last. */
bool options_step(
    const struct options *, size_t k, int64_t *since_us, int64_t *until_us);

/* "region", "country" ... */
const char *options_by_name(enum group_by);

/* What --help prints. */
void options_help(void);

#endif
