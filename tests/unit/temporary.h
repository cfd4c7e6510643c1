/*
 * The files that a test makes: in TMPDIR, which tests/runner.py makes anew for
 * each test and takes away; in /tmp where there is none.
 */
#ifndef TESTS_UNIT_TEMPORARY_H
#define TESTS_UNIT_TEMPORARY_H

#include <stdlib.h>
#include <unistd.h>
#include "lib/text.h"

#define TEMPORARY_SIZE 256

/* Where name would be; one for mkdtemp() ends in XXXXXX. 0, or -1: too long. */
static inline int
temporary_path(char path[TEMPORARY_SIZE], const char *name)
{
	const char *folder = getenv("TMPDIR");

	return text_print(path, TEMPORARY_SIZE, "%s/%s",
	    folder == NULL ? "/tmp" : folder, name);
}

/* A new file that holds these bytes, at the path; 0 or -1. */
static inline int
temporary_file(char path[TEMPORARY_SIZE], const void *bytes, size_t len)
{
	int fd;

	if (temporary_path(path, "file.XXXXXX") == -1 ||
	    (fd = mkstemp(path)) == -1)
		return -1;
	if (write(fd, bytes, len) != (ssize_t)len) {
		(void)close(fd);
		return -1;
	}
	return close(fd);
}

#endif
