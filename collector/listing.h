/*
 * The rows of a statement as a table or as CSV. Columns have the names that
 * the statement gives them; numbers are told from text by their type.
 */
#ifndef COLLECTOR_LISTING_H
#define COLLECTOR_LISTING_H

#include <stdbool.h>
#include "collector/command.h"

struct listing {
	const char *sql;
	const char *parameter; /* ?1; NULL: null */
	bool csv;              /* else a table, two spaces between columns */
};

/* Read the options of a command that lists: every command's and --format. What
 * words there are from optind on is the caller's to judge. EXIT_DONE, or
 * EXIT_BAD_USAGE after one line. */
int listing_options(struct listing *, struct command *, int argc, char **argv);

/* To standard output, from one state of the command's database. The exit code,
 * after one line where it is not EXIT_DONE. */
int listing_print(const struct listing *, struct command *);

#endif
