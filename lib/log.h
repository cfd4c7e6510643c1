/*
 * One event, one line, on standard error, subject first: "target k-root:
 * send: Network is unreachable". Foreign bytes are escaped (escape.h) and a
 * line is at most 1 KiB. Only main files exit.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdio.h>

/* Set once by main; begins every line ("acprobe: "). verbose shows log_info. */
void log_init(const char *program, int verbose);
/* Lines go there instead, without the program's name; NULL: to standard error
 * again. Borrowed. For answers whose form is another program's. */
void log_keep(FILE *);

void log_warnx(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) /* appends ": strerror(errno)" */
    __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Exit codes of every program (DESIGN.md 10). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_UNANSWERED = 1,
	EXIT_BAD_USAGE = 2,  /* usage, configuration, key, refused address */
	EXIT_PERMISSION = 3, /* permission or socket */
	EXIT_STORAGE = 4,    /* disk or database */
};

/* The code where a file or port could not be opened or made, of its errno:
 * EXIT_PERMISSION where it may not be (EACCES, EPERM, EROFS), else other. */
int log_exit_code(int error, int other);

/* Before main ends: the code, or EXIT_STORAGE where standard output has not
 * taken all that was printed, a write that failed long ago included; then that
 * is said. What has failed by itself (a code of 2 or more) stays what it is. */
int log_output_done(int code);

#endif
