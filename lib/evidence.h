/*
 * Capture files: the packets of a run as evidence, by libpcap's functions for
 * files. Written as classic pcap with nanoseconds and link type RAW (101);
 * read in every format that libpcap reads, from the link layers that carry IP.
 * libpcap is loaded by the first of these calls, so that a run without
 * evidence does not pay for it, and must be before a system call filter is.
 */
#ifndef LIB_EVIDENCE_H
#define LIB_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/cursor.h"
#include "lib/times.h"

struct evidence;

/* Open the file, mode 0600, and leave in it what is there. A symlink is
 * refused. NULL (errno; ELIBACC: there is no libpcap). */
struct evidence *evidence_create(const char *path);
/* Make it anew, in place: it holds whole packets at any time from here on. To
 * be called once. -1 (errno): nothing can be saved. */
int evidence_start(struct evidence *);
/* A packet from its IP header on. Nothing is added behind a failure, nor
 * beyond LIMIT_EVIDENCE_BYTES, nor where evidence_room is too little: those are
 * counted. */
void evidence_add(
    struct evidence *, struct wall at, const void *packet, size_t len);
/* Bytes of a packet that evidence_add can take without writing. */
size_t evidence_room(const struct evidence *);
/* Write what is buffered. -1 (errno), once: the disk is full, or it failed;
 * the file then ends with the last packet that was whole. */
int evidence_flush(struct evidence *);
uint64_t evidence_saved(const struct evidence *);
uint64_t evidence_left_out(const struct evidence *);
/* Flush and free. As evidence_flush. */
int evidence_close(struct evidence *);

struct evidence_reader {
	struct evidence_file *file;
	char damage[256]; /* libpcap's word for what is wrong; "": nothing */
};

struct evidence_packet {
	struct wall at;
	const uint8_t *bytes; /* from the IP header on; of the reader */
	size_t len;
};

/* 0; -1 with errno, ELIBACC: there is no libpcap, EINVAL: no capture file,
 * EFBIG: over LIMIT_EVIDENCE_BYTES. evidence_reader_clear frees, packets too.
 */
int evidence_open(struct evidence_reader *, const char *path);
void evidence_reader_clear(struct evidence_reader *);
/* The next IP packet; frames without one are passed over. PARSE_SHORT: there
 * is none, for what r->damage says, or at the end. */
enum parse_result evidence_next(
    struct evidence_reader *r, struct evidence_packet *);

/* Of a frame of this link type (pcap/dlt.h), move the cursor to its IP header.
 * false: it carries none, or the type is not known. */
bool evidence_skip_link(struct cursor *, int link_type);

/* A line to the user about errno of evidence_create or evidence_open, and how
 * to exit. */
int evidence_explain(const char *path, const struct evidence_reader *);

#endif
