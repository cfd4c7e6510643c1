/*
 * The real network behind link.h: UDP sockets, raw or datagram ICMP sockets,
 * kernel time stamps both ways. What needs privilege is opened by
 * sockets_new; after it none is needed.
 */
#ifndef PROBE_SOCKETS_H
#define PROBE_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "probe/link.h"

/* Open raw ICMP sockets where permitted, else look whether datagram ICMP
 * sockets are (net.ipv4.ping_group_range). interface: name to bind to, or
 * NULL. NULL: no memory, no epoll, no such interface (errno). */
struct link *sockets_new(const char *interface);
void sockets_free(struct link *);

/* --- between sockets.c and sockets_io.c --- */

#define SOCKETS_EVENTS 64
#define SOCKETS_PENDING 64 /* errors drained by a send, not yet received */
#define SOCKETS_QUOTE 576  /* of a drained error: all that routers quote */

/* One descriptor. */
struct channel {
	int fd;
	uint8_t af;
	enum link_kind kind;
	bool raw, shared;
	void *owner;
	struct link_tuple tuple;
	uint32_t sent;         /* the kernel's counter of stamped packets */
	uint32_t cookies_size; /* a power of two */
	uint64_t *cookies;     /* by counter */
	unsigned events;       /* of epoll, not yet drained */
};

struct pending {
	struct arrival arrival;
	uint8_t bytes[SOCKETS_QUOTE];
};

struct sockets {
	struct link link; /* first: the prober sees this */
	int epoll;
	char interface[16];
	struct channel *raw4, *raw6; /* shared; NULL: not permitted */
	struct channel **channels;   /* by socket number */
	size_t channel_count;
	size_t first_free; /* no unused number lies below */
	struct channel *ready[SOCKETS_EVENTS];
	size_t ready_count, ready_at;
	struct pending *pending;
	size_t pending_count, pending_at;
	uint8_t packet[LINK_PACKET];
};

/* Ask the kernel for stamps both ways and start its counter anew. */
int channel_stamps(struct channel *);

enum link_error sockets_send(struct link *, int, const struct link_packet *);
bool sockets_receive(struct link *, struct arrival *);
void sockets_wait(struct link *, struct mono until);

#endif
