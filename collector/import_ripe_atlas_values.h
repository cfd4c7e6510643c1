/*
 * Values out of RIPE Atlas results, whatever firmware wrote them.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_VALUES_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_VALUES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A number, or the text of one; otherwise where it is neither. */
int64_t atlas_int(const json_t *object, const char *key, int64_t otherwise);

/* "" where there is no text. Borrowed from the object. */
const char *atlas_text(const json_t *object, const char *key);

/* A round trip in ms as us, or -1: none, or none that can be. */
int64_t atlas_rtt_us(const json_t *object, const char *key);

#endif
