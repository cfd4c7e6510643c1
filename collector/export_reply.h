/*
 * The DNS reply that a record tells of, as a message again: for formats that
 * want one. Id, authority and what else a record does not keep are not in it.
 */
#ifndef COLLECTOR_EXPORT_REPLY_H
#define COLLECTOR_EXPORT_REPLY_H

#include <stdbool.h>
#include "lib/record.h"
#include "lib/writer.h"

/* Header, question, answers, and OPT with NSID; of a malformed reply the bytes
 * that were kept. An answer of which the record has only a beginning is left
 * out. False where the record has no reply, or it does not fit. */
bool export_reply_write(struct writer *, const struct record *);

#endif
