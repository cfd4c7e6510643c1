/*
 * Where RIPE Atlas probes are: from RIPE's probe archive or an API page of
 * probes (the authority), or from what a publisher of results added to them.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_PROBES_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_PROBES_H

#include <stddef.h>
#include <stdint.h>
#include "collector/store.h"

struct json_t; /* of jansson */
struct atlas_probes;

struct atlas_probes *atlas_probes_new(void); /* NULL: no memory */
void atlas_probes_free(struct atlas_probes *);

/* Read a probe archive. 0, or -1 with one line in error. */
int atlas_probes_load(
    struct atlas_probes *, const char *path, char *error, size_t error_size);

/* A result of this probe was stored: its place will be wanted. What the
 * result itself says of the place counts only where the archive says
 * nothing, the latest result first. 0, or -1: no memory. */
int atlas_probes_see(struct atlas_probes *, int64_t probe, int64_t time_s,
    const struct json_t *result);

/* Write the places of the probes that were seen, one transaction. A place
 * holds from the beginning of time, since no source says since when: where
 * two imports differ, the last one's place stands. */
enum store_result atlas_probes_store(
    const struct atlas_probes *, struct store *);

/* "atlas-PROBE"; name holds LIMIT_VP_NAME + 1. */
void atlas_probe_name(char *name, int64_t probe);

#endif
