/*
 * What the commands of accollect share: where the database is, and usage
 * errors in one line.
 */
#ifndef COLLECTOR_COMMAND_H
#define COLLECTOR_COMMAND_H

#include <getopt.h>
#include "collector/config.h"
#include "collector/store.h"

/* Values that no option's letter has. */
enum command_option {
	OPTION_DB = 256,
	OPTION_ARCHIVE,
	OPTION_OWN, /* a command's own long options begin here */
};

/* Of every command's table of long options. */
#define COMMAND_OPTIONS                                            \
	{ "db", required_argument, NULL, OPTION_DB },              \
	{                                                          \
		"archive", required_argument, NULL, OPTION_ARCHIVE \
	}
#define COMMAND_LETTERS "f:"

struct command {
	const char *db, *archive, *conf; /* as the options said; NULL: not */
	struct config config;
};

/* Take an option that is every command's. 0; or -1: it is not, and getopt
 * has said so where it is nobody's. */
int command_option(struct command *, int option);

/* Take the options of a command that has no others; the words are behind
 * optind. EXIT_DONE, or EXIT_BAD_USAGE after one line. */
int command_options(struct command *, int argc, char **argv);

/* Find out where the database is: --db, or the configuration. 0, or the exit
 * code after one line. */
int command_locate(struct command *);

/* command_locate, and open it for writing. NULL: *code. */
struct store *command_open(struct command *, int *code);
void command_clear(struct command *);

/* One line "accollect: ..." and EXIT_BAD_USAGE. */
int command_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The exit code for what a store function said, after one line that names
 * what was being done; EXIT_DONE for STORE_OK. */
int command_result(enum store_result, const char *what);

/* Settle what is marked: content is what the records say. The exit code, after
 * one line where it is not EXIT_DONE. */
int command_settle(const char *db);

/* Take out of the arguments the first word that is none of an option, as in
 * "vp -f CONF add"; NULL: there is none. */
char *command_verb(int *argc, char **argv);

int command_vp(int argc, char **argv);
int command_note(int argc, char **argv);
int command_import(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_export(int argc, char **argv);
int command_prune(int argc, char **argv);
int command_upgrade(int argc, char **argv);
int command_rebuild(int argc, char **argv);

#endif
