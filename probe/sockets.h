/*
 * The real network behind link.h: UDP and TCP sockets, raw or datagram ICMP
 * sockets, kernel time stamps both ways. What needs privilege is opened by
 * sockets_new; after it none is needed.
 */
#ifndef PROBE_SOCKETS_H
#define PROBE_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include "lib/addr.h"
#include "probe/link.h"

/* Open raw ICMP sockets where permitted, else look whether datagram ICMP
 * sockets are (net.ipv4.ping_group_range). interface: name to bind to, or
 * NULL. dscp: of every packet; 0 as usual. NULL: no memory, no epoll, no such
 * interface (errno). */
struct link *sockets_new(const char *interface, int dscp);
void sockets_free(struct link *);

/* --- between the files sockets*.c --- */

#define SOCKETS_EVENTS 256
#define SOCKETS_PORTS 4096 /* lists of UDP channels by their port */
#define SOCKETS_PENDING 64 /* errors drained by a send, not yet received */
#define SOCKETS_QUOTE 576  /* of a drained error: all that routers quote */

/* One descriptor. */
struct channel {
	int fd;
	uint8_t af;
	enum link_kind kind;
	bool raw, shared;
	bool connected; /* of a stream */
	void *owner;
	struct link_tuple tuple;
	bool stamps;           /* asked for */
	uint32_t sent;         /* the kernel's counter of stamped packets */
	uint32_t stamped;      /* of them, whose stamp has been read */
	uint32_t cookies_size; /* a power of two */
	unsigned events;       /* of epoll, not yet drained */
	bool told;             /* its error queue had something this time */
	LIST_ENTRY(channel) on_port;
	uint64_t cookies[]; /* by counter */
};

struct pending {
	struct arrival arrival;
	uint8_t bytes[SOCKETS_QUOTE];
};

struct sockets {
	struct link link; /* first: the prober sees this */
	int epoll;
	char interface[16];
	int dscp;
	struct channel *raw4, *raw6; /* shared; NULL: not permitted */
	struct channel **channels;   /* by socket number */
	size_t channel_count;
	size_t first_free; /* no unused number lies below */
	LIST_HEAD(, channel) on_port[SOCKETS_PORTS];
	size_t streams; /* open channels of TCP */
	size_t own;     /* open channels that have a descriptor */
	int asking[2];  /* IPv4, IPv6: asks for source addresses; -1 */
	struct channel *ready[SOCKETS_EVENTS];
	size_t ready_count, ready_at;
	struct pending *pending;
	size_t pending_count, pending_at;
	uint8_t packet[LINK_PACKET];
};

/* Ask the kernel for stamps both ways and start its counter anew. */
int channel_stamps(struct channel *);

struct channel *channel_new(int af, int type, int protocol, uint32_t cookies);
void channel_free(struct channel *);
/* What every socket of ours tells beside the bytes; errors by the error queue,
 * for who has no raw socket. */
void channel_tell(struct channel *);
void channel_tell_errors(struct channel *);
/* To the interface, and the DSCP of what it sends. 0, or -1. */
int channel_bind_interface(const struct sockets *, int fd);
int channel_watch(struct sockets *, struct channel *);
enum link_error tuple_bind(struct sockets *, int fd, const struct link_tuple *);
/* Of a stream, the beginning of it. src comes back. */
enum link_error tuple_connect(int fd, struct link_tuple *);
enum link_error tuple_error(void); /* what errno says of it */
/* A socket of its own for a datagram flow; a place on the shared raw socket. */
enum link_error tuple_open(
    struct sockets *, struct link_tuple *, struct channel **);
enum link_error tuple_share(
    struct sockets *, struct link_tuple *, struct channel **);
/* The source that the kernel would choose, into the tuple. */
enum link_error tuple_source(struct sockets *, struct link_tuple *);

struct sock_extended_err;
/* One recvmsg. -1: nothing more. */
ssize_t channel_take(struct channel *, int flags, struct arrival *,
    struct sock_extended_err *, void *buffer, size_t size);
/* One entry of the error queue: the stamp of a packet sent, or an ICMP error.
 * false: the queue is empty. */
bool channel_take_error(
    struct channel *, struct arrival *, void *buffer, size_t size);

enum link_error sockets_tcp_open(
    struct sockets *, struct link_tuple *, struct channel **);
enum link_error sockets_tcp_send(struct channel *, const struct link_packet *);
bool sockets_tcp_receive(struct sockets *, struct channel *, struct arrival *);

enum link_error sockets_send(struct link *, int, const struct link_packet *);
enum link_error sockets_source(struct link *, int, struct addr *);
bool sockets_receive(struct link *, struct arrival *);
void sockets_wait(struct link *, struct mono until);
void sockets_rest(struct link *, struct mono until);

#endif
