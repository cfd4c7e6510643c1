/*
 * Base64 (RFC 4648 section 4), with padding.
 */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that the text of len bytes takes, with its NUL. */
#define BASE64_TEXT(len) (((len) + 2) / 3 * 4 + 1)

void base64_encode(char *text, const void *bytes, size_t len);

/* Padding may be missing. The caller frees; NULL where text is none, or
 * empty. */
uint8_t *base64_decode(const char *text, size_t *len);

#endif
