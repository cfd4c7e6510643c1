/*
 * Streams: opened without waiting and without TCP Fast Open, whose first
 * packet would carry the query and hide what connecting costs.
 */
#include "probe/sockets.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int
option(int fd, int name, int value)
{
	return setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value));
}

static int
watch(struct sockets *s, struct channel *channel, int how, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = channel };

	return epoll_ctl(s->epoll, how, channel->fd, &event);
}

static enum link_error
stream_begin(
    struct sockets *s, struct channel *channel, struct link_tuple *tuple)
{
	enum link_error error = channel_bind_interface(s, channel->fd) == -1
				    ? tuple_error()
				    : tuple_bind(s, channel->fd, tuple);

	if (error != LINK_OK)
		return error;
	error = tuple_connect(channel->fd, tuple);
	/* The port was bound: the whole tuple is another's. */
	if (error == LINK_NO_ROUTE && errno == EADDRNOTAVAIL)
		return LINK_TAKEN;
	if (error == LINK_OK &&
	    watch(s, channel, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT) == -1)
		return LINK_RETRY;
	return error;
}

enum link_error
sockets_tcp_open(
    struct sockets *s, struct link_tuple *tuple, struct channel **out)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct channel *channel =
	    channel_new(tuple->dst.af, SOCK_STREAM, IPPROTO_TCP, 1);
	enum link_error error;

	if (channel == NULL)
		return tuple_error();
	channel_tell(channel);
	channel_tell_errors(channel);
	/* Other flows may have the same port to elsewhere. */
	(void)option(channel->fd, SO_REUSEADDR, 1);
	(void)setsockopt(
	    channel->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if ((error = stream_begin(s, channel, tuple)) != LINK_OK) {
		channel_free(channel);
		return error;
	}
	*out = channel;
	return LINK_OK;
}

enum link_error
sockets_tcp_send(struct channel *channel, const struct link_packet *packet)
{
	ssize_t len;

	do
		len =
		    send(channel->fd, packet->bytes, packet->len, MSG_NOSIGNAL);
	while (len == -1 && errno == EINTR);
	channel->cookies[0] = packet->cookie;
	return len == (ssize_t)packet->len ? LINK_OK : LINK_REFUSED;
}

static enum link_error
broken_by(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		return LINK_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
		return LINK_NO_ROUTE;
	default:
		return LINK_FAILED;
	}
}

static void
arrive(struct arrival *arrival, const struct channel *channel,
    enum arrival_kind kind)
{
	memset(arrival, 0, sizeof(*arrival));
	arrival->kind = kind;
	arrival->owner = channel->owner;
	arrival->from = channel->tuple.dst;
	arrival->af = channel->af;
	arrival->ttl = -1;
	arrival->user = mono_now();
}

/* Connected, or never to be. */
static bool
take_beginning(
    struct sockets *s, struct channel *channel, struct arrival *arrival)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if ((channel->events & (EPOLLOUT | EPOLLHUP)) == 0)
		return false;
	(void)getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	arrive(
	    arrival, channel, error == 0 ? ARRIVAL_CONNECTED : ARRIVAL_BROKEN);
	arrival->error = broken_by(error);
	if (error != 0)
		return true;
	channel->connected = true;
	(void)watch(s, channel, EPOLL_CTL_MOD, EPOLLIN);
	(void)channel_stamps(channel);
	return true;
}

static bool
take_more(struct sockets *s, struct channel *channel, struct arrival *arrival)
{
	struct sock_extended_err extended;
	int error;

	if (channel_take(channel, 0, arrival, &extended, s->packet,
		sizeof(s->packet)) != -1) {
		arrival->kind = ARRIVAL_STREAM;
		arrival->from = channel->tuple.dst;
		return true;
	}
	error = errno;
	if (error == EAGAIN || error == EWOULDBLOCK)
		return false;
	arrive(arrival, channel, ARRIVAL_BROKEN);
	arrival->error = broken_by(error);
	return true;
}

/* Stamps of what was sent, and ICMP errors, come before what they explain. */
bool
sockets_tcp_receive(
    struct sockets *s, struct channel *channel, struct arrival *arrival)
{
	if (channel_take_error(channel, arrival, s->packet, sizeof(s->packet)))
		return true;
	if (!channel->connected)
		return take_beginning(s, channel, arrival);
	return take_more(s, channel, arrival);
}
