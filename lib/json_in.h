/*
 * Reading the keys of a JSON object that a stranger wrote. The first key
 * that is missing, of a wrong type or out of its range makes the whole
 * reader failed and is named in its error; what is read afterwards is
 * "unknown". Ask json_in_failed() before a value is used.
 */
#ifndef LIB_JSON_IN_H
#define LIB_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/times.h"

struct json_t; /* of jansson */

struct json_in {
	const struct json_t *object;
	char *error;
	size_t error_size;
	bool *failed; /* one for an object and those inside it */
};

/* Parse one object: ASCII, no duplicate keys, nothing behind it.
 * json_in_free frees. NULL with the reason in error. */
struct json_t *json_in_parse(
    const char *json, size_t len, char *error, size_t error_size);

void json_in_free(struct json_t *);

bool json_in_failed(const struct json_in *);
/* Record the first failure: "KEY: reason". */
void json_in_fail(const struct json_in *, const char *key, const char *reason);
/* An object inside an array or under a key, with the same error. */
struct json_in json_in_inside(
    const struct json_in *, const struct json_t *object);

/* The value under a key; NULL where it is not there, which fails only where
 * required. */
const struct json_t *json_in_value(
    const struct json_in *, const char *key, bool required);

/* An integer in min..max. With null allowed, null gives -1. */
int64_t json_in_int(
    const struct json_in *, const char *key, int64_t min, int64_t max);
int64_t json_in_int_or_null(
    const struct json_in *, const char *key, int64_t min, int64_t max);
/* false 0, true 1, null -1. */
int json_in_flag(const struct json_in *, const char *key);
/* Printable ASCII that fits; null gives "" where allowed. */
void json_in_text(
    const struct json_in *, const char *key, char *text, size_t size);
void json_in_text_or_null(
    const struct json_in *, const char *key, char *text, size_t size);
/* One of names (entries may be NULL: for null); the index. */
int json_in_name(const struct json_in *, const char *key,
    const char *const *names, size_t count);
struct wall json_in_time(const struct json_in *, const char *key);
/* null: an address that is not set. */
struct addr json_in_addr(const struct json_in *, const char *key);

#endif
