/*
 * Lines of a text file, plain, .gz (zlib) or .zst by what its first bytes
 * are, or standard input for "-". Bounded in memory: a line over max bytes
 * is an error. Also whole files of the same kinds, bounded.
 */
#ifndef LIB_LINES_H
#define LIB_LINES_H

#include <stddef.h>
#include <stdint.h>

struct lines;
struct lines *lines_open(const char *path, size_t max_line); /* NULL, errno */
/* 1: a line without its newline, the first without a byte order mark,
 * NUL-terminated, valid until the next call; 0: end; -1: read error, damaged or
 * too long (errno EIO, EBADMSG, EMSGSIZE).
 */
int lines_next(struct lines *, char **line, size_t *len);
/* Raw bytes instead of lines, for streaming parsers: as read(2). Not to be
 * mixed with lines_next. */
long lines_read(struct lines *, void *buffer, size_t size);
void lines_close(struct lines *);

#endif
