/*
 * Foreign bytes made safe for the place where they are printed
 * (DESIGN.md 3.6). In all text forms printable ASCII stands as it is, the
 * backslash is \092 and every other byte is \DDD, decimal, as DNS
 * presentation form does (RFC 1035 section 5.1).
 */
#ifndef LIB_ESCAPE_H
#define LIB_ESCAPE_H

#include <stddef.h>

/* Text form of len bytes. Writes at most size - 1 characters and a NUL; a
 * byte is written whole or not at all. Returns the length that the whole
 * text has (as snprintf does). size 4 * len + 1 always fits. */
size_t escape_text(char *out, size_t size, const void *bytes, size_t len);

/* The bytes of a text form; *len is set. 0, or -1 where text is not one
 * (a lone backslash, \300, a control character) or is longer than size. */
int escape_decode(void *bytes, size_t size, size_t *len, const char *text);

/* One CSV field (RFC 4180), quoted where it must be; a field whose first
 * character, spaces skipped, a spreadsheet would take for a formula (= + - @,
 * tab, CR, LF, |, fullwidth forms) gets a leading apostrophe. For text
 * columns only: numbers are written by who knows that they are numbers.
 * Returns the whole length, as escape_text. */
size_t escape_csv(char *out, size_t size, const char *text);

#endif
