/*
 * What a record says beside the columns of measurement, as the JSON texts
 * that the store keeps once and refers to (store.sql: detail, path). Keys
 * and values are those of acrecord(5); a key whose value there is null, zero
 * or false is left out. Each returns the length, or 0 where the record has
 * nothing of the kind; a text of DETAIL_TEXT always fits.
 */
#ifndef COLLECTOR_DETAIL_H
#define COLLECTOR_DETAIL_H

#include <stddef.h>
#include "lib/record.h"

#define DETAIL_TEXT LIMIT_RECORD_LINE

/* Of the lane and of the asking: type, flow, reason, checks, counters, name
 * asked. Never empty. */
size_t detail_of_lane(const struct record *, char *text, size_t size);
/* What a DNS reply said: nsid, answer, serial, flags, cookie, extended errors,
 * and the time of its connection; of a trace, the nsid at its end. */
size_t detail_of_reply(const struct record *, char *text, size_t size);
/* A trace's hops without their times, and the times: an array as long. */
size_t detail_of_path(const struct record *, char *text, size_t size);
size_t detail_of_hop_times(const struct record *, char *text, size_t size);

#endif
