/*
 * The command line of acprobe.
 */
#ifndef PROBE_OPTIONS_H
#define PROBE_OPTIONS_H

#include <stdbool.h>
#include "probe/look.h"

enum mode {
	MODE_LOOK,
	MODE_ROUND,
	MODE_CHECK_CONFIG,
	MODE_KEYGEN,
	MODE_HELP,
	MODE_VERSION,
};

struct options {
	enum mode mode;
	int verbose;
	const char *config;   /* -f */
	const char *key_file; /* keygen FILE */
	struct look_options look;
	struct manners manners;
	char source4[ADDR_TEXT], source6[ADDR_TEXT];
};

/* 0, or an exit code after one line to the user. */
int options_read(struct options *, int argc, char **argv);
void options_clear(struct options *);

void options_help(void);

#endif
