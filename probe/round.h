/*
 * A round: all configured targets once, one batch published in the spool.
 */
#ifndef PROBE_ROUND_H
#define PROBE_ROUND_H

#include <stdbool.h>
#include "probe/manners.h"

/* Read the configuration at path and do what it says; extra manners come from
 * the command line. dry: print what would be sent, and send nothing. write: the
 * capture of what is sent and taken; NULL: none. The exit code. */
int round_run(
    const char *path, const struct manners *extra, const char *write, bool dry);

/* Print what the configuration is understood to say. The exit code. */
int round_check(const char *path);

#endif
