/*
 * Errors that a probe of RIPE Atlas reports instead of an answer, as outcomes
 * of DESIGN.md 3.3.
 */
#ifndef COLLECTOR_IMPORT_RIPE_ATLAS_ERROR_H
#define COLLECTOR_IMPORT_RIPE_ATLAS_ERROR_H

#include <jansson.h>
#include "lib/record.h"

/* Of DNS: an object whose one key says where it failed, or a text. Sets
 * outcome, and a reason of printable ASCII. */
void atlas_error_of_dns(struct record *, const json_t *error);

/* Of ping and traceroute: a text such as "sendto failed: Network is
 * unreachable". What failed before anything was sent is unsent. */
void atlas_error_of_text(struct record *, const char *text);

#endif
