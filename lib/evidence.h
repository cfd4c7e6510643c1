/*
 * Capture files: the packets of a run as evidence. Written as classic pcap
 * with nanoseconds and link type RAW (101); read as that, as pcap of either
 * byte order and resolution, and as pcapng, from the link layers that carry
 * IP. libpcap would bring D-Bus, systemd and six more libraries beside raw
 * sockets, and half as much again of the time that a look takes to start.
 */
#ifndef LIB_EVIDENCE_H
#define LIB_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/cursor.h"
#include "lib/times.h"

struct evidence;

/* Make the file anew, mode 0600, in place: it holds whole packets at any time.
 * A symlink is refused. NULL (errno). */
struct evidence *evidence_create(const char *path);
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

#define EVIDENCE_LINKS 16 /* interfaces of one pcapng section; more: unread */

struct evidence_reader {
	uint8_t *bytes; /* the whole file */
	struct cursor c;
	bool swapped, nano, next_generation;
	uint32_t link_count;
	struct evidence_link {
		uint16_t type;
		uint8_t resolution; /* as if_tsresol has it */
	} link[EVIDENCE_LINKS];
};

struct evidence_packet {
	struct wall at;
	const uint8_t *bytes; /* from the IP header on; borrowed */
	size_t len;
};

/* 0; -1 with errno, EINVAL: no capture file, EFBIG: over LIMIT_EVIDENCE_BYTES.
 * evidence_reader_clear frees. */
int evidence_open(struct evidence_reader *, const char *path);
void evidence_reader_clear(struct evidence_reader *);
/* The next IP packet; frames without one are passed over. PARSE_SHORT: the
 * end, where *whole says whether it was that of a packet too. */
enum parse_result evidence_next(
    struct evidence_reader *, struct evidence_packet *, bool *whole);

/* Of a frame of this link type, move the cursor to its IP header. false: it
 * carries none, or the type is not known. */
bool evidence_skip_link(struct cursor *, uint16_t link_type);

#endif
