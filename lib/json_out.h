/*
 * Writing compact JSON (RFC 8259) into a buffer of fixed size, pure ASCII.
 * A write that does not fit writes nothing and the output stays failed.
 * Commas come by themselves; that braces match is the caller's business.
 */
#ifndef LIB_JSON_OUT_H
#define LIB_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "lib/addr.h"
#include "lib/times.h"

struct json_out {
	char *text;
	size_t size;
	size_t len; /* written so far */
	bool comma; /* the next value or key needs one before it */
	bool failed;
};

struct json_out json_out_over(char *text, size_t size);
/* Terminate with NUL. The length, or 0 where something did not fit. */
size_t json_out_end(struct json_out *);

void json_out_open(struct json_out *, char bracket);  /* '{' or '[' */
void json_out_close(struct json_out *, char bracket); /* '}' or ']' */

void json_out_null(struct json_out *);
void json_out_bool(struct json_out *, bool);
void json_out_int(struct json_out *, int64_t);
/* 12345 as 12.345; not negative. */
void json_out_thousandths(struct json_out *, int64_t);
/* A string that is printable ASCII without quote and backslash: our own. */
void json_out_word(struct json_out *, const char *);
/* A string. Bytes outside printable ASCII become \u00XX: foreign bytes go
 * through json_out_bytes instead. */
void json_out_text(struct json_out *, const char *);
/* Foreign bytes in text form (escape.h): "a\\092b". */
void json_out_bytes(struct json_out *, const void *bytes, size_t len);
void json_out_hex(struct json_out *, const void *bytes, size_t len);
void json_out_time(struct json_out *, struct wall);         /* RFC 3339, us */
void json_out_addr(struct json_out *, const struct addr *); /* null: not set */

/* Where -1 (any negative number) stands for unknown. */
void json_out_int_or_null(struct json_out *, int64_t);
/* Where NULL or "" stands for unknown. */
void json_out_text_or_null(struct json_out *, const char *);
void json_out_word_or_null(struct json_out *, const char *);

/* A constant of ours. Here, so that its length is known where it is written:
 * keys are half of a record. */
static inline void
json_out_key(struct json_out *out, const char *key)
{
	const size_t len = strlen(key);
	char *to = out->text + out->len;

	/* A comma, two quotes, a colon; one byte stays free for the NUL. */
	if (out->failed || len + 4 >= out->size - out->len) {
		out->failed = true;
		return;
	}
	if (out->comma)
		*to++ = ',';
	*to++ = '"';
	memcpy(to, key, len);
	to += len;
	*to++ = '"';
	*to++ = ':';
	out->len = (size_t)(to - out->text);
	out->comma = false;
}

#endif
