/*
 * A capture in place of the network (--read): its packets go through the same
 * matching and identification, at the times that it says.
 */
#ifndef PROBE_EVIDENCE_READ_H
#define PROBE_EVIDENCE_READ_H

#include "lib/icmp.h"
#include "lib/ip_header.h"
#include "lib/times.h"
#include "probe/link.h"

/* What happened, in the order of the file. */
struct event {
	enum event_kind {
		EVENT_SENT, /* a query or echo request; of a stream its query */
		EVENT_OPEN, /* a stream begins */
		EVENT_TAKEN, /* arrival */
	} kind;
	bool done;           /* sent again, or taken */
	bool hop;            /* of a trace: the plan says so */
	bool cookie_renewed; /* sent because of BADCOOKIE: the plan says so */
	struct mono at;      /* never before the event before it */
	struct wall stamp;
	struct conversation *with; /* NULL: a message to all ICMP sockets */
	int32_t before, next;      /* sent with the same; -1: none */
	enum arrival_kind arrival;
	struct addr from;
	uint8_t af;
	int16_t ttl;
	uint8_t icmp_type, icmp_code;
	uint16_t cksum;
	const uint8_t *bytes; /* borrowed from the file, or the stream's own */
	size_t len;
};

#define EVIDENCE_HELD 16 /* segments of a stream that came too early */

struct stream_state {
	bool ours_known, theirs_known;
	uint32_t ours, theirs; /* the numbers expected next */
	int32_t query;         /* its event; -1: not whole yet */
	size_t query_len;
	uint8_t *query_bytes; /* with the length before them */
	size_t held_count;
	struct held {
		uint32_t seq;
		const uint8_t *bytes;
		size_t len;
	} held[EVIDENCE_HELD];
};

/* One 5-tuple, or echo id, of who asked. */
struct conversation {
	struct link_tuple tuple;
	uint16_t cksum; /* of echo, as it was first */
	void *owner;    /* the flow */
	bool open;
	int number;           /* of its socket, counted from 1 */
	int n;                /* of the flow; -1: not known */
	bool adopted;         /* by the plan */
	struct mono last_hop; /* of a trace */
	int32_t first, last;  /* of what it sent; -1: nothing */
	int32_t sending;      /* what the link was told to send; -1 */
	struct stream_state stream;
	struct conversation *next;
};

struct evidence_replay;

/* Read and sort a capture. NULL after a line to the user; *code is how to
 * exit. */
struct evidence_replay *evidence_read(const char *path, int *code);
void evidence_read_done(struct evidence_replay *);

struct link *evidence_link(struct evidence_replay *);
size_t evidence_event_count(const struct evidence_replay *);
struct event *evidence_event(struct evidence_replay *, size_t);
/* Sent with a TTL that hardly anything but a trace has. */
bool evidence_is_hop(const struct event *);
/* From the first packet to the last. */
struct span evidence_span(const struct evidence_replay *);

/* --- between evidence_read.c, evidence_sort.c and evidence_order.c --- */

struct evidence_sorter {
	struct event *events;
	size_t count, size;
	struct conversation **buckets; /* a hash of addresses and ports */
	uint64_t passed_over;          /* packets that are nothing of ours */
	uint8_t **queries;             /* of streams */
	size_t query_count;
	bool failed; /* no memory */
};
#define EVIDENCE_BUCKETS 4096

/* By where it goes to and the port that it comes from. */
struct conversation *evidence_find(
    const struct evidence_sorter *, const struct link_tuple *);
/* Add what a packet means. */
void evidence_sort(
    struct evidence_sorter *, struct wall at, const uint8_t *, size_t len);
/* Put the last hop before those that overtook it on their way out, as the
 * kernel lets them where it had to ask for the neighbour first. */
void evidence_order(struct evidence_sorter *, int32_t place);

#endif
