#include "probe/sockets.h"

#include <errno.h>
#include <fcntl.h>
/* Before <linux/icmp.h>, whose <linux/if.h> then gives way. */
#include <net/if.h>

#include <linux/icmp.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/text.h"

#define COOKIES_OWN 64      /* packets of one flow whose stamps are awaited */
#define COOKIES_SHARED 8192 /* of all echo flows: a second at the hard rate */
#define RECEIVE_BUFFER (4 << 20)

static struct mono
real_mono(struct link *link)
{
	(void)link;
	return mono_now();
}

static struct wall
real_wall(struct link *link)
{
	(void)link;
	return wall_now();
}

static int
option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

int
channel_stamps(struct channel *channel)
{
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE |
		    SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
		    SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;

	/* The counter starts at 0 when OPT_ID goes from off to on. */
	(void)option(channel->fd, SOL_SOCKET, SO_TIMESTAMPING, 0);
	channel->sent = 0;
	return option(channel->fd, SOL_SOCKET, SO_TIMESTAMPING, flags);
}

void
channel_free(struct channel *channel)
{
	if (channel == NULL)
		return;
	if (channel->fd != -1)
		(void)close(channel->fd);
	free(channel->cookies);
	free(channel);
}

struct channel *
channel_new(int af, int type, int protocol, uint32_t cookies)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->af = (uint8_t)af;
	channel->cookies_size = cookies;
	channel->cookies = calloc(cookies, sizeof(uint64_t));
	channel->fd = socket(af == 4 ? AF_INET : AF_INET6,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (channel->fd == -1 || channel->cookies == NULL) {
		channel_free(channel);
		return NULL;
	}
	return channel;
}

/* What every socket of ours tells beside the bytes. */
void
channel_tell(struct channel *channel)
{
	int fd = channel->fd;

	if (channel->af == 4) {
		(void)option(fd, IPPROTO_IP, IP_RECVTTL, 1);
	} else {
		(void)option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		(void)option(fd, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
		/* Else a flow of IPv4 on the same port is in the way. */
		(void)option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	}
}

/* Errors by the error queue, for who has no raw socket. */
void
channel_tell_errors(struct channel *channel)
{
	if (channel->af == 4)
		(void)option(channel->fd, IPPROTO_IP, IP_RECVERR, 1);
	else
		(void)option(channel->fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

static int
channel_watch(struct sockets *s, struct channel *channel)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = channel };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, channel->fd, &event);
}

int
channel_bind_interface(const struct sockets *s, int fd)
{
	if (s->interface[0] == '\0')
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->interface,
	    (socklen_t)strlen(s->interface));
}

/* Only what a prober reads: echo replies and errors. */
static void
raw_filter(const struct channel *channel)
{
	struct icmp_filter wanted4 = {
		.data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
			  1U << ICMP_TIME_EXCEEDED | 1U << ICMP_PARAMETERPROB)
	};
	struct icmp6_filter wanted6;

	if (channel->af == 4) {
		(void)setsockopt(channel->fd, SOL_RAW, ICMP_FILTER, &wanted4,
		    sizeof(wanted4));
		return;
	}
	ICMP6_FILTER_SETBLOCKALL(&wanted6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &wanted6);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &wanted6);
	ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &wanted6);
	ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &wanted6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &wanted6);
	(void)setsockopt(channel->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &wanted6,
	    sizeof(wanted6));
}

static struct channel *
raw_open(struct sockets *s, int af)
{
	struct channel *channel = channel_new(af, SOCK_RAW,
	    af == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, COOKIES_SHARED);

	if (channel == NULL)
		return NULL;
	channel->kind = LINK_ICMP;
	channel->raw = channel->shared = true;
	raw_filter(channel);
	(void)option(channel->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	channel_tell(channel);
	(void)channel_stamps(channel);
	if (channel_bind_interface(s, channel->fd) == -1 ||
	    channel_watch(s, channel) == -1) {
		channel_free(channel);
		return NULL;
	}
	return channel;
}

static bool
datagram_echo_permitted(int af)
{
	struct channel *channel = channel_new(
	    af, SOCK_DGRAM, af == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 1);
	bool permitted = channel != NULL;

	channel_free(channel);
	return permitted;
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
	case ENOBUFS:
	case ENOMEM:
		return LINK_RETRY;
	default:
		return LINK_FAILED;
	}
}

/* Whether this process has the port for another destination: then two
 * connected sockets may share it, and the kernel still tells them apart. */
static bool
shared_with_own(struct sockets *s, const struct link_tuple *tuple)
{
	bool own = false;
	size_t i;

	for (i = 0; i < s->channel_count; i++) {
		const struct channel *other = s->channels[i];

		if (other == NULL || other->kind != LINK_UDP ||
		    other->tuple.port != tuple->port ||
		    other->af != tuple->dst.af)
			continue;
		if (other->tuple.dport == tuple->dport &&
		    addr_equal(&other->tuple.dst, &tuple->dst))
			return false;
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
	    !shared_with_own(s, tuple))
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

/* With a raw socket a flow needs no descriptor of its own, only the source
 * address that the kernel would choose. */
static enum link_error
raw_tuple(struct sockets *s, struct link_tuple *tuple)
{
	struct link_tuple asking = *tuple;
	enum link_error error;
	int fd;

	fd = socket(tuple->dst.af == 4 ? AF_INET : AF_INET6,
	    SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return tuple_error();
	asking.dport = 9;
	asking.port = 0;
	error = channel_bind_interface(s, fd) == -1 ? tuple_error() : LINK_OK;
	if (error == LINK_OK && addr_is_set(&tuple->src))
		error = tuple_bind(s, fd, &asking);
	if (error == LINK_OK)
		error = tuple_connect(fd, &asking);
	tuple->src = asking.src;
	(void)close(fd);
	return error;
}

static int
slot_free(struct sockets *s)
{
	struct channel **grown;
	size_t i;

	for (i = s->first_free; i < s->channel_count; i++) {
		if (s->channels[i] == NULL) {
			s->first_free = i;
			return (int)i;
		}
	}
	grown = reallocarray(
	    s->channels, s->channel_count + 64, sizeof(struct channel *));
	if (grown == NULL)
		return -1;
	memset(grown + s->channel_count, 0, 64 * sizeof(struct channel *));
	s->channels = grown;
	s->channel_count += 64;
	s->first_free = i;
	return (int)i;
}

static enum link_error
own_tuple(struct sockets *s, struct link_tuple *tuple, struct channel **out)
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
	/* From here a later flow of ours to elsewhere may share the port. */
	if (udp)
		(void)option(channel->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (error == LINK_OK && channel_watch(s, channel) == -1)
		error = LINK_RETRY;
	if (error != LINK_OK) {
		channel_free(channel);
		return error;
	}
	*out = channel;
	return LINK_OK;
}

static enum link_error
shared_tuple(struct sockets *s, struct link_tuple *tuple, struct channel **out)
{
	const struct channel *raw = tuple->dst.af == 4 ? s->raw4 : s->raw6;
	struct channel *channel;
	enum link_error error = raw_tuple(s, tuple);

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

static enum link_error
sockets_open(
    struct link *link, struct link_tuple *tuple, void *owner, int *socket)
{
	struct sockets *s = (struct sockets *)link;
	bool shared = tuple->kind == LINK_ICMP &&
		      (tuple->dst.af == 4 ? s->raw4 : s->raw6) != NULL;
	struct channel *channel;
	enum link_error error;
	int slot = slot_free(s);

	if (slot == -1)
		return LINK_RETRY;
	if (tuple->kind == LINK_TCP)
		error = sockets_tcp_open(s, tuple, &channel);
	else
		error = shared ? shared_tuple(s, tuple, &channel)
			       : own_tuple(s, tuple, &channel);
	if (error != LINK_OK)
		return error;
	channel->kind = tuple->kind;
	channel->owner = owner;
	channel->tuple = *tuple;
	s->channels[slot] = channel;
	*socket = slot;
	return LINK_OK;
}

static void
sockets_close(struct link *link, int socket)
{
	struct sockets *s = (struct sockets *)link;
	struct channel *channel = s->channels[socket];
	size_t i;

	for (i = s->ready_at; i < s->ready_count; i++) {
		if (s->ready[i] == channel)
			s->ready[i] = NULL;
	}
	for (i = s->pending_at; i < s->pending_count; i++) {
		if (s->pending[i].arrival.owner == channel->owner)
			s->pending[i].arrival.owner = NULL;
	}
	channel_free(channel);
	s->channels[socket] = NULL;
	if ((size_t)socket < s->first_free)
		s->first_free = (size_t)socket;
}

/* Every flow has a socket of its own, and there may be many more than the 1024
 * that a shell allows by default. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

struct link *
sockets_new(const char *interface)
{
	struct sockets *s;

	if (interface != NULL && if_nametoindex(interface) == 0)
		return NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	raise_descriptors();
	s->link = (struct link){ .mono = real_mono,
		.wall = real_wall,
		.open = sockets_open,
		.close = sockets_close,
		.send = sockets_send,
		.receive = sockets_receive,
		.wait = sockets_wait };
	if (interface != NULL)
		(void)text_copy(s->interface, sizeof(s->interface), interface);
	s->pending = calloc(SOCKETS_PENDING, sizeof(struct pending));
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll == -1 || s->pending == NULL) {
		sockets_free(&s->link);
		return NULL;
	}
	/* The default slack of 50 µs would show in paced sends. */
	(void)prctl(PR_SET_TIMERSLACK, 1000);
	s->raw4 = raw_open(s, 4);
	s->raw6 = raw_open(s, 6);
	s->link.raw = s->raw4 != NULL;
	s->link.can_echo[0] = s->raw4 != NULL || datagram_echo_permitted(4);
	s->link.can_echo[1] = s->raw6 != NULL || datagram_echo_permitted(6);
	return &s->link;
}

void
sockets_free(struct link *link)
{
	struct sockets *s = (struct sockets *)link;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->channel_count; i++)
		channel_free(s->channels[i]);
	free(s->channels);
	channel_free(s->raw4);
	channel_free(s->raw6);
	if (s->epoll != -1)
		(void)close(s->epoll);
	free(s->pending);
	free(s);
}
