/*
 * The network seam: clock, sockets and waiting as the prober sees them.
 * sockets.c is the real one; tests/sim plays days of network behind it.
 */
#ifndef PROBE_LINK_H
#define PROBE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/times.h"

#define LINK_PACKET 65536 /* largest datagram taken */

/* What one socket is for. */
enum link_kind {
	LINK_UDP,  /* connected to one address and port */
	LINK_ICMP, /* echo with one id, to one address */
	LINK_TCP,  /* a stream; opening sends the first packet of it */
};

/* A 5-tuple to open. The chosen values come back in the same struct. */
struct link_tuple {
	enum link_kind kind;
	struct addr dst;
	uint16_t dport;
	struct addr src; /* not set: the kernel's choice; set on return, but
			  * where packets tell it (link.tells_late) */
	uint16_t port;   /* source port, or echo id */
	int32_t label;   /* IPv6 flow label; -1 in IPv4 */
};

enum link_error {
	LINK_OK,
	LINK_TAKEN, /* another process has the port or id */
	LINK_NO_ROUTE,
	LINK_DENIED,  /* permission, or the kernel has no such socket */
	LINK_RETRY,   /* no buffer now: later */
	LINK_FAILED,  /* any other error; errno */
	LINK_REFUSED, /* a stream: the peer reset it, or closed it before */
	LINK_CROWDED, /* no descriptor, until one of ours is closed */
	LINK_SCARCE,  /* no descriptor, and none of ours is open */
};

struct link_packet {
	const void *bytes;
	size_t len;
	uint8_t ttl;     /* 0: the host's default */
	uint64_t cookie; /* comes back with the send stamp */
	/* Of an echo whose opening did not tell it: the source address to
	 * leave with; NULL, or not set: the kernel's choice. */
	const struct addr *src;
};

enum arrival_kind {
	ARRIVAL_STAMP, /* the kernel's time of a packet that was sent: cookie */
	ARRIVAL_UDP,   /* a datagram on a UDP socket: bytes */
	ARRIVAL_ICMP,  /* an ICMP message from its type byte: bytes */
	ARRIVAL_ERROR, /* an ICMP error told by the error queue: bytes are what
			  it quotes behind our UDP header, or from our ICMP
			  header on; icmp_type, icmp_code, from */
	ARRIVAL_CONNECTED, /* a stream is open now; send may be called */
	ARRIVAL_STREAM,    /* more of a stream: bytes; none: its end */
	ARRIVAL_BROKEN,    /* a stream is no more: error */
};

struct arrival {
	enum arrival_kind kind;
	void *owner; /* of the socket; NULL for the shared ICMP sockets */
	uint64_t cookie;
	struct addr from; /* of a stamp: the source that the packet had, or not
			   * set */
	uint8_t af;
	int16_t ttl; /* of the IP header; -1 */
	uint8_t icmp_type, icmp_code;
	enum link_error error;
	struct wall kernel; /* ns 0: the kernel gave no stamp */
	struct mono user;
	const uint8_t *bytes; /* valid until the next receive */
	size_t len;
};

/* A packet as it was sent once. */
struct link_sent {
	const uint8_t *bytes; /* behind UDP's header, from the ICMP header on,
			       * or a stream's message */
	size_t len;
	uint16_t cksum; /* of UDP or ICMP */
};

struct dns_question;
struct link;

/* What a link has beside where it plays what was captured: nothing is drawn
 * anew, and what was sent is sent when it was. hop: one of a trace. */
struct link_replay {
	/* Whether the next packet of a flow left later than now, and when to
	 * ask again. */
	bool (*early)(struct link *, const struct link_tuple *, bool hop,
	    struct mono *when);
	/* Whether the next stream of a flow carried this question, as far as
	 * is known: of several that wait, the one that went is to go. */
	bool (*carries)(struct link *, const struct link_tuple *,
	    const struct dns_question *);
	/* Whether anything more leaves on a flow. */
	bool (*sends)(struct link *, const struct link_tuple *);
	/* The packet that left now, or of a stream its query; LINK_RETRY: not
	 * yet; LINK_FAILED: never. ttl 0: none of a trace. */
	enum link_error (*recall)(
	    struct link *, int socket, uint8_t ttl, struct link_sent *);
};

struct link {
	struct mono (*mono)(struct link *);
	/* As mono, but it goes on while the host is suspended; NULL: not
	 * known. */
	struct mono (*boot)(struct link *);
	struct wall (*wall)(struct link *);

	/* Open a socket for a tuple; owner comes back with its arrivals. */
	enum link_error (*open)(
	    struct link *, struct link_tuple *, void *owner, int *socket);
	/* A stream is reset: the next of the same tuple may open at once, and
	 * neither side keeps anything of it. */
	void (*close)(struct link *, int socket);

	/* Pending errors are drained first, so that they do not eat the
	 * packet; they come back from receive. */
	enum link_error (*send)(
	    struct link *, int socket, const struct link_packet *);

	/* The next arrival that is there now; false: none. */
	bool (*receive)(struct link *, struct arrival *);

	/* Sleep until something arrives, or until then. */
	void (*wait)(struct link *, struct mono until);
	/* Sleep until then, whatever arrives, but where only waking up at once
	 * tells when it did. NULL: none does. */
	void (*rest)(struct link *, struct mono until);

	const struct link_replay *replay; /* NULL: the network */

	/* The source of an open socket that open did not tell; NULL: it tells
	 * all. */
	enum link_error (*source)(struct link *, int socket, struct addr *);

	/* Opening an echo need not tell its source: a stamp will. */
	bool tells_late;
	bool raw;         /* ICMP errors come whole as ARRIVAL_ICMP */
	bool can_echo[2]; /* echo is permitted: IPv4, IPv6 */
};

#endif
