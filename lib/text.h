/*
 * Text into fixed buffers, and text into numbers: the only places that
 * compare lengths and ranges by hand.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* snprintf that answers yes or no: 0, or -1 where the result did not fit
 * (buffer then holds what fitted, always terminated). */
int text_print(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copy a string; 0, or -1 where it did not fit (buffer is then empty). */
int text_copy(char *buffer, size_t size, const char *from);

/* Decimal integer with optional sign, nothing else, min <= value <= max.
 * 0, or -1. */
int text_int(int64_t *value, const char *text, int64_t min, int64_t max);

/* Decimal number (no hex, no inf, no nan), min <= value <= max. 0, or -1. */
int text_double(double *value, const char *text, double min, double max);

/* Lower-case hex of len bytes into out, which holds 2 * len + 1. */
void text_hex(char *out, const void *bytes, size_t len);

/* Read hex of either case; *len is set. 0, or -1 where text is odd, foreign
 * or longer than size bytes. */
int text_unhex(void *bytes, size_t size, size_t *len, const char *text);

/* The same of eight bytes, no fewer, the highest first. 0, or -1. */
int text_unhex64(uint64_t *value, const char *text);

/* Cut a line at its spaces into exactly count words, which point into it. 0,
 * or -1 where it has fewer or more. */
int text_words(char *line, char **word, int count);

/* A vantage point's name: 1 to LIMIT_VP_NAME of [a-z0-9._-], the first a
 * letter or digit, no "..". It becomes a path and a URL. */
bool text_is_vp_name(const char *text);

/* 1 to max printable ASCII bytes (0x20 to 0x7e). */
bool text_is_printable(const char *text, size_t max);

/* What an editor may have put before a text, which is no part of it (Unicode
 * 16, section 23.8): the length of a byte order mark of UTF-8, or 0. */
size_t text_bom(const char *text, size_t len);

#endif
