/*
 * Configuration files (libconfuse's syntax), checked against a table of
 * keys. Refused, with file, line and reason: an unknown or repeated key, "$"
 * in a value (the library would expand the environment), a number, length of
 * time or boolean that is none or out of range, a missing required key.
 */
#ifndef LIB_CONF_H
#define LIB_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/times.h"

enum conf_kind {
	CONF_STRING,
	CONF_STRINGS, /* { "a", "b" } or one string */
	CONF_INT,
	CONF_DOUBLE,
	CONF_BOOL,
	CONF_SPAN, /* "5m" */
};

struct conf_key {
	const char *name;
	enum conf_kind kind;
	bool required;
	double min,
	    max; /* of CONF_INT, CONF_DOUBLE, and CONF_SPAN in seconds */
};

struct conf_schema {
	const struct conf_key *keys; /* ends with a NULL name */
	const char *section;         /* name of the titled section, or NULL */
	const struct conf_key *section_keys;
};

struct conf;         /* a file that was read and passed the table */
struct conf_section; /* a titled section of it, or its top level */

/* NULL where it cannot be read or is refused: error then holds one line,
 * "FILE:LINE: reason" or "FILE: reason", and errno is EACCES or ENOENT where
 * that was the reason, else EINVAL. */
struct conf *conf_read(const char *path, const struct conf_schema *,
    char *error, size_t error_size);
/* The same from text in memory; name stands for the file in errors. */
struct conf *conf_read_text(const char *text, const char *name,
    const struct conf_schema *, char *error, size_t error_size);
void conf_free(struct conf *);

const struct conf_section *conf_top(const struct conf *);
size_t conf_section_count(const struct conf *);
const struct conf_section *conf_section(const struct conf *, size_t index);
const char *conf_title(const struct conf_section *);

bool conf_has(const struct conf_section *, const char *key);
/* The values, or the fallback where the key is not there. */
const char *conf_string(
    const struct conf_section *, const char *key, const char *fallback);
size_t conf_strings(const struct conf_section *, const char *key);
const char *conf_strings_item(
    const struct conf_section *, const char *key, size_t index);
int64_t conf_int(
    const struct conf_section *, const char *key, int64_t fallback);
double conf_double(
    const struct conf_section *, const char *key, double fallback);
bool conf_bool(const struct conf_section *, const char *key, bool fallback);
struct span conf_span(
    const struct conf_section *, const char *key, struct span fallback);

/* "FILE:LINE: KEY: reason" for a value that the program's own check refuses. */
void conf_complain(const struct conf_section *, const char *key, char *error,
    size_t error_size, const char *reason);

#endif
