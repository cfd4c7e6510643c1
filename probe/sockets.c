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

#define COOKIES_SHARED 8192 /* of all echo flows: a second at the hard rate */
#define RECEIVE_BUFFER (4 << 20)

static struct mono
real_mono(struct link *link)
{
	(void)link;
	return mono_now();
}

static struct mono
real_boot(struct link *link)
{
	(void)link;
	return boot_now();
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
		    SOF_TIMESTAMPING_OPT_ID;

	/* With the packet itself comes its source address (CMSG). */
	flags |= channel->shared ? SOF_TIMESTAMPING_OPT_CMSG
				 : SOF_TIMESTAMPING_OPT_TSONLY;
	/* The counter starts at 0 when OPT_ID goes from off to on. */
	if (channel->stamps)
		(void)option(channel->fd, SOL_SOCKET, SO_TIMESTAMPING, 0);
	channel->stamps = true;
	channel->sent = channel->stamped = 0;
	return option(channel->fd, SOL_SOCKET, SO_TIMESTAMPING, flags);
}

void
channel_free(struct channel *channel)
{
	if (channel == NULL)
		return;
	if (channel->fd != -1)
		(void)close(channel->fd);
	free(channel);
}

struct channel *
channel_new(int af, int type, int protocol, uint32_t cookies)
{
	struct channel *channel =
	    calloc(1, sizeof(*channel) + cookies * sizeof(uint64_t));

	if (channel == NULL)
		return NULL;
	channel->af = (uint8_t)af;
	channel->cookies_size = cookies;
	channel->fd = socket(af == 4 ? AF_INET : AF_INET6,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (channel->fd == -1) {
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

int
channel_watch(struct sockets *s, struct channel *channel)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = channel };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, channel->fd, &event);
}

int
channel_bind_interface(const struct sockets *s, int fd)
{
	const int traffic_class = s->dscp << 2; /* above the bits of ECN */

	/* The one that is not of this family fails. */
	if (s->dscp != 0 &&
	    option(fd, IPPROTO_IP, IP_TOS, traffic_class) == -1 &&
	    option(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class) == -1)
		return -1;
	if (s->dscp != 0)
		(void)option(fd, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
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

/* Of this protocol nothing arrives, and connecting it takes no port. */
static int
asking_open(struct sockets *s, int af)
{
	int fd = socket(
	    af == 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd != -1 && channel_bind_interface(s, fd) == -1) {
		(void)close(fd);
		return -1;
	}
	s->asking[af == 6] = fd;
	return fd;
}

static struct channel *
raw_open(struct sockets *s, int af)
{
	struct channel *channel = channel_new(af, SOCK_RAW,
	    af == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, COOKIES_SHARED);
	int saved;

	if (channel == NULL)
		return NULL;
	channel->kind = LINK_ICMP;
	channel->raw = channel->shared = true;
	raw_filter(channel);
	/* The packets are small, and the kernel need not look for a number
	 * that no other fragment has. */
	if (af == 4)
		(void)option(channel->fd, IPPROTO_IP, IP_MTU_DISCOVER,
		    IP_PMTUDISC_PROBE);
	/* Beyond the host's limit, where that is permitted: at the hard rate
	 * a tenth of a second without us is a thousand packets. */
	if (option(channel->fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) ==
	    -1)
		(void)option(
		    channel->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	channel_tell(channel);
	(void)channel_stamps(channel);
	if (channel_bind_interface(s, channel->fd) == -1 ||
	    asking_open(s, af) == -1 || channel_watch(s, channel) == -1) {
		saved = errno;
		channel_free(channel);
		errno = saved;
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

/* What is not permitted, one goes without; not so for want of descriptors,
 * which would look the same. 0; -1: errno. */
static int
open_icmp(struct sockets *s)
{
	struct channel **raw[] = { &s->raw4, &s->raw6 };
	static const int af[] = { 4, 6 };
	size_t i;

	for (i = 0; i < 2; i++) {
		errno = 0;
		*raw[i] = raw_open(s, af[i]);
		if (*raw[i] == NULL && (errno == EMFILE || errno == ENFILE))
			return -1;
		s->link.can_echo[i] =
		    *raw[i] != NULL || datagram_echo_permitted(af[i]);
	}
	s->link.raw = s->raw4 != NULL;
	return 0;
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

static void
note_opened(struct sockets *s, struct channel *channel)
{
	s->own += channel->fd != -1;
	s->streams += channel->kind == LINK_TCP;
	if (channel->kind == LINK_UDP)
		LIST_INSERT_HEAD(
		    &s->on_port[channel->tuple.port % SOCKETS_PORTS], channel,
		    on_port);
}

static void
note_closed(struct sockets *s, struct channel *channel)
{
	s->own -= channel->fd != -1;
	s->streams -= channel->kind == LINK_TCP;
	if (channel->kind == LINK_UDP)
		LIST_REMOVE(channel, on_port);
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
		error = shared ? tuple_share(s, tuple, &channel)
			       : tuple_open(s, tuple, &channel);
	if (error == LINK_CROWDED && s->own == 0)
		return LINK_SCARCE;
	if (error != LINK_OK)
		return error;
	channel->kind = tuple->kind;
	channel->owner = owner;
	channel->tuple = *tuple;
	s->channels[slot] = channel;
	note_opened(s, channel);
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
	note_closed(s, channel);
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
sockets_new(const char *interface, int dscp)
{
	struct sockets *s;
	int saved;

	if (interface != NULL && if_nametoindex(interface) == 0)
		return NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	raise_descriptors();
	s->asking[0] = s->asking[1] = -1;
	s->link = (struct link){ .mono = real_mono,
		.boot = real_boot,
		.wall = real_wall,
		.open = sockets_open,
		.close = sockets_close,
		.send = sockets_send,
		.receive = sockets_receive,
		.wait = sockets_wait,
		.rest = sockets_rest,
		.source = sockets_source,
		.tells_late = true };
	if (interface != NULL)
		(void)text_copy(s->interface, sizeof(s->interface), interface);
	s->dscp = dscp;
	s->pending = calloc(SOCKETS_PENDING, sizeof(struct pending));
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll == -1 || s->pending == NULL) {
		sockets_free(&s->link);
		return NULL;
	}
	/* The default slack of 50 µs would show in paced sends. */
	(void)prctl(PR_SET_TIMERSLACK, 1000);
	if (open_icmp(s) == -1) {
		saved = errno;
		sockets_free(&s->link);
		errno = saved;
		return NULL;
	}
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
	for (i = 0; i < 2; i++) {
		if (s->asking[i] != -1)
			(void)close(s->asking[i]);
	}
	if (s->epoll != -1)
		(void)close(s->epoll);
	free(s->pending);
	free(s);
}
