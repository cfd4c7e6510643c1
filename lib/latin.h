/*
 * Names of foreign places and companies as plain ASCII, for columns and codes
 * that people type.
 */
#ifndef LIB_LATIN_H
#define LIB_LATIN_H

#include <stddef.h>

/* UTF-8 as printable ASCII without double quotes, cut at size - 1: a Latin
 * letter loses its marks, any other character becomes "?", a control character
 * and a byte that is no UTF-8 nothing. len bytes of text are looked at, or
 * fewer where there is a NUL. */
void latin_ascii(char *out, size_t size, const char *text, size_t len);

#endif
