/*
 * Names and their ids, kept in memory so that ingest does not ask the
 * database for each record. A cache, not the truth: it forgets everything
 * when it is full, and whoever uses it falls back to the database.
 */
#ifndef COLLECTOR_NAMES_H
#define COLLECTOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

struct names *names_new(size_t max_bytes); /* NULL: out of memory */
void names_free(struct names *);

bool names_find(const struct names *, const void *key, size_t len, int64_t *id);
/* The key must not be there. Out of memory only means that it is not kept. */
void names_add(struct names *, const void *key, size_t len, int64_t id);
/* Forget everything: after a rollback, ids are not what they were. */
void names_clear(struct names *);

#endif
