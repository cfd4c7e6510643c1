/* From a tuple to a socket: whose port it is, and which source address. */
#include "probe/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define COOKIES_OWN 16 /* packets of one flow whose stamps are awaited */

static int
option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

enum link_error
tuple_error(void)
{
	switch (errno) {
	case EADDRINUSE:
		return LINK_TAKEN;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case ENETDOWN:
	case ENODEV: /* the interface has gone */
	case EACCES: /* a route that prohibits */
	case EINVAL: /* an unreachable or blackhole route */
		return LINK_NO_ROUTE;
	case ECONNREFUSED: /* a stream to this host knows at once */
	case ECONNRESET:
		return LINK_REFUSED;
	case EMFILE:
	case ENFILE:
		return LINK_CROWDED;
	case ENOBUFS:
	case ENOMEM:
		return LINK_RETRY;
	default:
		return LINK_FAILED;
	}
}

/* Two connected sockets of this process may share a port, and the kernel still
 * tells them apart: ask all that have it to let it be shared. Whether there are
 * such, and none has the destination too. */
static bool
share_with_own(struct sockets *s, const struct link_tuple *tuple)
{
	struct channel *other;
	bool own = false;

	LIST_FOREACH(other, &s->on_port[tuple->port % SOCKETS_PORTS], on_port)
	{
		if (other->tuple.port != tuple->port ||
		    other->af != tuple->dst.af)
			continue;
		if (other->tuple.dport == tuple->dport &&
		    addr_equal(&other->tuple.dst, &tuple->dst))
			return false;
		if (!own)
			(void)option(other->fd, SOL_SOCKET, SO_REUSEADDR, 1);
		own = true;
	}
	return own;
}

enum link_error
tuple_bind(struct sockets *s, int fd, const struct link_tuple *tuple)
{
	struct sockaddr_storage local;
	struct addr any = { .af = tuple->dst.af };
	socklen_t len = addr_to_sockaddr(
	    &local, addr_is_set(&tuple->src) ? &tuple->src : &any, tuple->port);

	if (bind(fd, (struct sockaddr *)&local, len) == 0)
		return LINK_OK;
	if (errno != EADDRINUSE || tuple->kind != LINK_UDP ||
	    !share_with_own(s, tuple))
		return tuple_error();
	(void)option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&local, len) == 0)
		return LINK_OK;
	return tuple_error();
}

enum link_error
tuple_connect(int fd, struct link_tuple *tuple)
{
	struct sockaddr_storage remote, local;
	socklen_t len = addr_to_sockaddr(&remote, &tuple->dst, tuple->dport);
	uint16_t port;

	if (tuple->dst.af == 6 && tuple->label > 0)
		((struct sockaddr_in6 *)&remote)->sin6_flowinfo =
		    htonl((uint32_t)tuple->label);
	if (connect(fd, (struct sockaddr *)&remote, len) == -1 &&
	    errno != EINPROGRESS)
		return tuple_error();
	len = sizeof(local);
	if (getsockname(fd, (struct sockaddr *)&local, &len) == -1)
		return LINK_FAILED;
	(void)addr_from_sockaddr(&tuple->src, &port, (struct sockaddr *)&local);
	return LINK_OK;
}

enum link_error
tuple_source(struct sockets *s, struct link_tuple *tuple)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct link_tuple asking = *tuple;
	int fd = s->asking[tuple->dst.af == 6];
	enum link_error error = LINK_OK;

	asking.dport = 0;
	asking.port = 0;
	if (addr_is_set(&tuple->src))
		error = tuple_bind(s, fd, &asking);
	if (error == LINK_OK)
		error = tuple_connect(fd, &asking);
	tuple->src = asking.src;
	/* Else the next had this source, too; it undoes a raw socket's binding.
	 */
	(void)connect(fd, &nobody, sizeof(nobody));
	return error;
}

enum link_error
tuple_open(struct sockets *s, struct link_tuple *tuple, struct channel **out)
{
	bool udp = tuple->kind == LINK_UDP;
	int protocol = udp                  ? IPPROTO_UDP
		       : tuple->dst.af == 4 ? IPPROTO_ICMP
					    : IPPROTO_ICMPV6;
	struct channel *channel =
	    channel_new(tuple->dst.af, SOCK_DGRAM, protocol, COOKIES_OWN);
	enum link_error error;

	if (channel == NULL)
		return errno == EACCES || errno == EPERM ? LINK_DENIED
							 : tuple_error();
	channel_tell(channel);
	(void)channel_stamps(channel);
	if (!s->link.raw || !udp)
		channel_tell_errors(channel);
	/* Echo sockets share an id by default, and one of them gets the replies
	 * to all. */
	if (!udp)
		(void)option(channel->fd, SOL_SOCKET, SO_REUSEADDR, 0);
	error = channel_bind_interface(s, channel->fd) == -1 ? tuple_error()
							     : LINK_OK;
	if (error == LINK_OK)
		error = tuple_bind(s, channel->fd, tuple);
	if (error == LINK_OK)
		error = tuple_connect(channel->fd, tuple);
	if (error == LINK_OK && channel_watch(s, channel) == -1)
		error = LINK_RETRY;
	if (error != LINK_OK) {
		channel_free(channel);
		return error;
	}
	*out = channel;
	return LINK_OK;
}

/* Connecting costs a third of an echo, and the stamp of the first packet tells
 * what it chose, too. Of IPv6 the checksum has to know before. */
static bool
is_told_late(const struct sockets *s, const struct link_tuple *tuple)
{
	return s->link.tells_late && tuple->dst.af == 4 &&
	       !addr_is_set(&tuple->src);
}

/* With a raw socket a flow needs no descriptor of its own, only the source
 * address that the kernel would choose, which connecting tells. */
enum link_error
tuple_share(struct sockets *s, struct link_tuple *tuple, struct channel **out)
{
	const struct channel *raw = tuple->dst.af == 4 ? s->raw4 : s->raw6;
	struct channel *channel;
	enum link_error error = LINK_OK;

	if (!is_told_late(s, tuple))
		error = tuple_source(s, tuple);
	if (error != LINK_OK)
		return error;
	if ((channel = calloc(1, sizeof(*channel))) == NULL)
		return LINK_RETRY;
	channel->fd = -1;
	channel->af = raw->af;
	channel->raw = channel->shared = true;
	*out = channel;
	return LINK_OK;
}
