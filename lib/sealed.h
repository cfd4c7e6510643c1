/*
 * What a program remembers from run to run: a text file of lines whose first
 * names the format and whose last is the SHA-256 of all before. It may be
 * deleted at any time.
 */
#ifndef LIB_SEALED_H
#define LIB_SEALED_H

#include <stddef.h>
#include <stdio.h>

struct sealed {
	const char *folder, *name;
	const char *head; /* the first line, with its newline */
	size_t max;       /* bytes */
	/* while it is written */
	FILE *out;
	char *text;
	size_t len;
};

/* The lines between the first and the last, for the caller to free. NULL with
 * *fault: it is damaged, or nobody is to trust it; NULL without: there is
 * none, or no memory. */
char *sealed_read(const struct sealed *, const char **fault);

/* How many lines there are in what sealed_read gave. */
size_t sealed_lines(const char *text);

/* Lines are written to sealed->out, then the file is replaced, durably. 0, or
 * -1 (errno). After sealed_begin, sealed_publish frees. */
int sealed_begin(struct sealed *);
int sealed_publish(struct sealed *);

#endif
