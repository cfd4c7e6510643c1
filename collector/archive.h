/*
 * The archive: everything that the store accepted, in the order in which it
 * did, as files NNNNNNNN.acarc of a folder that are only ever appended to.
 * The database can be made again from it (`accollect rebuild`).
 *
 * An entry is a line of ASCII, the bytes, and a newline:
 *
 *   acarc 1 KIND LENGTH SHA256(bytes)\n
 *
 * KIND is "batch" (a batch file as it was received), "import" (a line of
 * JSON with vp, spool, number and sha256, then a batch's head and records as
 * JSON Lines), "pack" (many entries, archive_pack.h), "act" (one JSON
 * object: what the operator did) or "sites" (a line of JSON with name and
 * since_us, then a list of sites).
 *
 * Entries are durable before the transaction that they belong to commits. So
 * the archive may hold what was never acknowledged (and will be there again
 * once it was sent again), but never lacks what was; of several contents of a
 * batch the last is the stored one (contested.h). A file may end in a torn
 * entry; then the next entry is in the next file.
 */
#ifndef COLLECTOR_ARCHIVE_H
#define COLLECTOR_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>
#include "lib/limits.h"

struct archive;

/* The folder is made where it is missing (mode 0750). NULL with errno. */
struct archive *archive_open(const char *path);
/* What was appended and not flushed is taken back. */
void archive_close(struct archive *);

/* The caller holds the store's lock from the first append until flush or
 * abandon. 0, or -1 with errno. */
int archive_append(
    struct archive *, const char *kind, const void *bytes, size_t len);
/* Make durable what was appended. After -1 it is taken back, and later
 * entries go to a new file: a failed fsync is not tried again. */
int archive_flush(struct archive *);
/* Take back what was appended since the last flush. */
void archive_abandon(struct archive *);

/* Publish a file VP_SPOOL_NUMBER_... in the folder's conflict/. 0 also where
 * LIMIT_CONFLICTS_KEPT of that vantage point are there; or -1 with errno. */
int archive_set_aside(
    struct archive *, const char *name, const void *bytes, size_t len);

/* Reading, in order; what is packed, one by one as what it was. */
struct archive_entry {
	char kind[LIMIT_ARCHIVE_KIND];
	const uint8_t *bytes; /* until the next call; a NUL follows them */
	size_t len;
	const char *file; /* its name, and where in it: for messages */
	int64_t at;
};
struct archive_reader;
struct archive_reader *archive_reader_open(const char *path); /* NULL, errno */
/* 1: an entry; 0: the end; -1: it cannot be read (errno). What is torn or
 * damaged is logged, counted and passed over. */
int archive_reader_next(struct archive_reader *, struct archive_entry *);
int64_t archive_reader_damaged(const struct archive_reader *);
/* Of those, how many were the cut end of a file. */
int64_t archive_reader_torn(const struct archive_reader *);
void archive_reader_close(struct archive_reader *);

#endif
