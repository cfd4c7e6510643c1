/*
 * The head of a batch as JSON: its first line (acrecord(5)).
 */
#ifndef LIB_BATCH_HEAD_H
#define LIB_BATCH_HEAD_H

#include <stddef.h>
#include "lib/batch.h"

/* One line without its newline. The length, or 0 where size is too small. */
size_t batch_head_to_json(const struct batch_head *, char *out, size_t size);
/* What of it is the same round after round (boot_id, version, addresses,
 * allow_special), as an object; the members with which a head ends. */
size_t batch_head_host_to_json(
    const struct batch_head *, char *out, size_t size);
/* 0, or -1 with the reason in error. Unknown keys are ignored. */
int batch_head_from_json(struct batch_head *, const char *json, size_t len,
    char *error, size_t error_size);

#endif
