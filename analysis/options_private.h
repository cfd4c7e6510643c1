/*
 * What the parts of the command line share.
 */
#ifndef ANALYSIS_OPTIONS_PRIVATE_H
#define ANALYSIS_OPTIONS_PRIVATE_H

#include "analysis/options.h"

#define DEFAULT_DB "/var/lib/accollect/anycast.db"

/* Times as they were given, until all of them are known. */
struct given_times {
	const char *since, *until, *at, *from, *to;
};

/* Settle the window once all times are known. 0, or -1 after one line. */
int options_window(struct options *, const struct given_times *);

/* Say that a value is none of what was wanted. -1, always. */
int options_refuse(const char *option, const char *value, const char *wanted);

#endif
