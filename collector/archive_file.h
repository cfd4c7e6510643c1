/*
 * What writing and reading the archive share: names of files, and the line
 * before an entry's bytes.
 */
#ifndef COLLECTOR_ARCHIVE_FILE_H
#define COLLECTOR_ARCHIVE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "lib/limits.h"
#include "lib/sign.h"

#define ARCHIVE_NAME 32  /* fits "00000001.acarc" */
#define ARCHIVE_LINE 160 /* fits the line before an entry's bytes */

struct archive_line {
	char kind[LIMIT_ARCHIVE_KIND];
	int64_t len;
	char sha256[SIGN_SHA256_TEXT];
	size_t line_len; /* its own, newline included */
};

void archive_file_name(char name[ARCHIVE_NAME], unsigned number);

/* The highest number of a file in the folder; 0: none. -1 with errno. */
int archive_highest(int dirfd, unsigned *number);

/* The length, newline included. */
size_t archive_line_format(
    char line[ARCHIVE_LINE], const char *kind, const void *bytes, size_t len);
/* From the first bytes of an entry. 0, or -1 where there is no such line. */
int archive_line_parse(struct archive_line *, const char *text, size_t len);

#endif
