/*
 * Entries of the archive that are many, small and alike, as one: an import's,
 * and what else its transaction says in between. A pack is a zstd frame of a
 * line "KIND LENGTH", the bytes and a newline for each of them.
 */
#ifndef COLLECTOR_ARCHIVE_PACK_H
#define COLLECTOR_ARCHIVE_PACK_H

#include <stddef.h>
#include <stdint.h>
#include "collector/archive.h"

#define ARCHIVE_PACK "pack"         /* the kind of an entry that is one */
#define ARCHIVE_PACK_FULL (8 << 20) /* bytes, of which a pack is written */

/* Begun with zeros. */
struct archive_pack {
	uint8_t *bytes; /* what is packed, or was unpacked */
	size_t len, size;
	size_t at; /* of the next entry, when unpacked */
};

/* Each 0, or -1 with errno. An entry of up to LIMIT_ARCHIVE_ENTRY. */
int archive_pack_add(
    struct archive_pack *, const char *kind, const void *bytes, size_t len);
/* What was added, as a frame that the caller frees; the pack is empty then. */
int archive_pack_close(
    struct archive_pack *, uint8_t **frame, size_t *frame_len);
/* EBADMSG: no pack, or one of more than an archive has. */
int archive_pack_open(struct archive_pack *, const uint8_t *frame, size_t len);

/* 1: the next entry, its kind, bytes and length, until the pack is used again;
 * 0: none more; -1: the pack is none. */
int archive_pack_next(struct archive_pack *, struct archive_entry *);

void archive_pack_clear(struct archive_pack *);

#endif
