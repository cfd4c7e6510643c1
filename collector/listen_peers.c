#include "collector/listen_peers.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Where somebody has one IPv6 address, they have its /64. An IPv4 address
 * that a dual-stack socket maps counts as what it is. */
static struct addr
peer_address(const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct addr addr = { 0 };
	uint16_t port;

	if (addr_from_sockaddr(&addr, &port, sa) == -1)
		return addr;
	if (addr.af == 6 && memcmp(addr.bytes, mapped, sizeof(mapped)) == 0)
		return addr_from_bytes(4, addr.bytes + sizeof(mapped));
	if (addr.af == 6)
		memset(addr.bytes + 8, 0, 8);
	return addr;
}

int
peers_init(struct peers *peers, size_t size, size_t per_address)
{
	peers->slots = calloc(size, sizeof(*peers->slots));
	peers->size = size;
	peers->count = 0;
	peers->per_address = per_address;
	return peers->slots == NULL ? -1 : 0;
}

void
peers_clear(struct peers *peers)
{
	free(peers->slots);
	*peers = (struct peers){ 0 };
}

bool
peers_may_join(const struct peers *peers, const struct sockaddr *sa)
{
	struct addr from = peer_address(sa);
	size_t same = 0, i;

	if (peers->count >= peers->size)
		return false;
	for (i = 0; i < peers->size; i++)
		if (peers->slots[i].joined &&
		    addr_equal(&peers->slots[i].from, &from))
			same++;
	return same < peers->per_address;
}

struct peer *
peers_join(struct peers *peers, int fd, const struct sockaddr *sa,
    struct mono deadline)
{
	size_t i;

	for (i = 0; i < peers->size; i++) {
		if (peers->slots[i].joined)
			continue;
		peers->slots[i] = (struct peer){ .joined = true,
			.fd = fd,
			.from = peer_address(sa),
			.deadline = deadline };
		peers->count++;
		return &peers->slots[i];
	}
	return NULL;
}

void
peers_leave(struct peers *peers, struct peer *peer)
{
	peer->joined = false;
	peers->count--;
}

size_t
peers_expire(struct peers *peers, struct mono now)
{
	size_t count = 0, i;

	for (i = 0; i < peers->size; i++) {
		struct peer *peer = &peers->slots[i];

		if (!peer->joined || mono_before(now, peer->deadline))
			continue;
		(void)shutdown(peer->fd, SHUT_RDWR);
		peer->deadline.ns = INT64_MAX;
		count++;
	}
	return count;
}
