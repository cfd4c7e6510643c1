/*
 * An imported batch as the archive keeps it: a line of JSON with vp, spool,
 * number and sha256, then the batch's head and its records as JSON Lines.
 */
#ifndef COLLECTOR_IMPORT_BATCH_H
#define COLLECTOR_IMPORT_BATCH_H

#include <stddef.h>
#include "collector/store.h"

#define IMPORT_SPOOL_MAX 255 /* bytes of the name that stands for a spool */

/* Its first line. */
struct import_title {
	char vp[LIMIT_VP_NAME + 1];
	char spool[IMPORT_SPOOL_MAX + 1];
	char sha256[SIGN_SHA256_TEXT];
	char keyid[SIGN_KEYID_TEXT]; /* "": none */
	int64_t number;
};
/* 0, or -1 where it is none. */
int import_batch_title(struct import_title *, const char *text, size_t len);

/* Append it to the store's archive, where there is one. */
enum store_result import_batch_archive(struct store *,
    const struct store_batch *, const struct record *records, size_t count);

/* Add it again from an archive's entry (which a NUL follows), inside a
 * transaction. STORE_REFUSED with the reason where it cannot be read. */
enum store_result import_batch_restore(struct store *, const char *text,
    size_t len, char *error, size_t error_size);

#endif
