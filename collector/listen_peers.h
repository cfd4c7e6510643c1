/*
 * Who is connected, from where, and until when each may take its time. Idle
 * times alone let a peer that drips a byte now and then stay for ever, so
 * every connection has a deadline and is shut down at it.
 */
#ifndef COLLECTOR_LISTEN_PEERS_H
#define COLLECTOR_LISTEN_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "lib/addr.h"
#include "lib/times.h"

struct peer {
	bool joined;
	int fd;
	struct addr from; /* an IPv4 address, or the /64 of an IPv6 one */
	struct mono deadline;
};

struct peers {
	struct peer *slots;
	size_t size, count;
	size_t per_address;
};

int peers_init(struct peers *, size_t size, size_t per_address); /* 0, -1 */
void peers_clear(struct peers *);

/* Is there room, in all and for its address? */
bool peers_may_join(const struct peers *, const struct sockaddr *);
/* NULL where there is no room. fd stays the caller's. */
struct peer *peers_join(
    struct peers *, int fd, const struct sockaddr *, struct mono deadline);
void peers_leave(struct peers *, struct peer *);

/* Shut down the sockets of those whose time is over; whoever owns them sees
 * their end. How many. */
size_t peers_expire(struct peers *, struct mono now);

#endif
