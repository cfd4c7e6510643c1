/*
 * Names and their ids, kept in memory so that ingest does not ask the
 * database for each record. A cache, not the truth: it forgets everything
 * when it is full, and whoever uses it falls back to the database.
 *
 * A name is known by its 128-bit keyed hash. The key is a secret of the
 * process: nobody can choose two names of one hash, and by chance two among
 * a billion have one with a probability of 1 : 10^21.
 */
#ifndef COLLECTOR_NAMES_H
#define COLLECTOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/keyed_hash.h"

struct names;

struct names *names_new(size_t max_bytes); /* NULL: out of memory */
void names_free(struct names *);

bool names_find(const struct names *, struct hash_128 name, int64_t *id);
/* Have it in the processor's cache soon. */
void names_expect(const struct names *, struct hash_128 name);
/* The name must not be there. Out of memory only means that it is not kept. */
void names_add(struct names *, struct hash_128 name, int64_t id);
/* Forget everything: after a rollback, ids are not what they were. */
void names_clear(struct names *);

#endif
