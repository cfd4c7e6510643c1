/*
 * accollect sites: names to places by the site map, why, and what is wrong
 * with a map.
 */
#ifndef COLLECTOR_SITES_H
#define COLLECTOR_SITES_H

#include <stdio.h>
#include "collector/command.h"
#include "lib/site_map.h"

int command_sites(int argc, char **argv);

/* What the parts are told. */
#define SITES_MAPS 16
struct sites_options {
	const char *maps[SITES_MAPS + 1]; /* in order, shipped last */
	size_t map_count;
	const char *service, *format, *output, *list;
	int64_t at_us; /* 0: now */
	int64_t since_us;
	bool has_since;
	struct command *command; /* where the database is */
	char *const *words;
	size_t word_count;
};

/* Each returns the exit code, after one line where it is not EXIT_DONE. */
int sites_place(const struct site_map *, const struct sites_options *);
int sites_explain(const struct site_map *, const struct sites_options *);
int sites_check(const struct site_map *, const struct sites_options *);
int sites_import(const struct site_map *, const struct sites_options *);
int sites_lists(const struct site_map *, const struct sites_options *);

/* Keep the lines as o->list in the database. */
int sites_keep(const struct sites_options *o, const char *lines);

/* Degrees with up to seven decimals, no trailing zeros. text holds 24. */
void sites_degrees(char *text, double degrees);

/* A CSV field of foreign text. */
void sites_field(FILE *, const char *text);

#endif
