#include "probe/sockets.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/ip_header.h"

#define SEND_TRIES 8 /* pending errors that one send may meet */

/* Room for every control message that we ask for, on both families. */
union control {
	char bytes[512];
	struct cmsghdr align;
};

/* --- receiving --- */

static void
read_stamp(struct arrival *arrival, const struct cmsghdr *cmsg)
{
	struct scm_timestamping stamps;

	memcpy(&stamps, CMSG_DATA(cmsg), sizeof(stamps));
	arrival->kernel.ns =
	    (int64_t)stamps.ts[0].tv_sec * 1000000000 + stamps.ts[0].tv_nsec;
}

static void
read_error(struct arrival *arrival, const struct cmsghdr *cmsg,
    struct sock_extended_err *error)
{
	const struct sockaddr *offender;
	uint16_t port;

	memcpy(error, CMSG_DATA(cmsg), sizeof(*error));
	offender = (const struct sockaddr *)(const void *)(CMSG_DATA(cmsg) +
							   sizeof(*error));
	/* Of a stamp the source of the packet, where it is told. */
	if (error->ee_origin != SO_EE_ORIGIN_ICMP &&
	    error->ee_origin != SO_EE_ORIGIN_ICMP6 &&
	    error->ee_origin != SO_EE_ORIGIN_TIMESTAMPING)
		return;
	(void)addr_from_sockaddr(&arrival->from, &port, offender);
}

static void
read_ttl(struct arrival *arrival, const struct cmsghdr *cmsg)
{
	int ttl;

	memcpy(&ttl, CMSG_DATA(cmsg), sizeof(ttl));
	arrival->ttl = (int16_t)ttl;
}

static void
read_control(struct arrival *arrival, struct msghdr *msg,
    struct sock_extended_err *error)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPING)
			read_stamp(arrival, c);
		else if ((c->cmsg_level == IPPROTO_IP &&
			     c->cmsg_type == IP_TTL) ||
			 (c->cmsg_level == IPPROTO_IPV6 &&
			     c->cmsg_type == IPV6_HOPLIMIT))
			read_ttl(arrival, c);
		else if ((c->cmsg_level == IPPROTO_IP &&
			     c->cmsg_type == IP_RECVERR) ||
			 (c->cmsg_level == IPPROTO_IPV6 &&
			     c->cmsg_type == IPV6_RECVERR))
			read_error(arrival, c, error);
	}
}

/* One recvmsg. -1: nothing more. */
ssize_t
channel_take(struct channel *channel, int flags, struct arrival *arrival,
    struct sock_extended_err *error, void *buffer, size_t size)
{
	struct sockaddr_storage from;
	union control control;
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	/* What comes over a connected socket is from its peer, and the error
	 * queue says elsewhere who it was. */
	bool named = flags == 0 && channel->kind != LINK_UDP;
	struct msghdr msg = { .msg_name = named ? &from : NULL,
		.msg_namelen = named ? sizeof(from) : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	uint16_t port;
	ssize_t len;

	do
		len = recvmsg(channel->fd, &msg, flags | MSG_DONTWAIT);
	while (len == -1 && errno == EINTR);
	memset(arrival, 0, sizeof(*arrival));
	memset(error, 0, sizeof(*error));
	if (len == -1)
		return -1;
	arrival->owner = channel->owner;
	arrival->af = channel->af;
	arrival->ttl = -1;
	if (named && msg.msg_namelen != 0)
		(void)addr_from_sockaddr(
		    &arrival->from, &port, (struct sockaddr *)&from);
	else if (flags == 0)
		arrival->from = channel->tuple.dst;
	read_control(arrival, &msg, error);
	/* A stamp is of nothing that came now. */
	if (error->ee_origin != SO_EE_ORIGIN_TIMESTAMPING)
		arrival->user = mono_now();
	arrival->bytes = buffer;
	arrival->len = (size_t)len;
	return len;
}

/* One entry of the error queue: the stamp of a packet sent, or an ICMP error.
 * false: the queue is empty. */
bool
channel_take_error(
    struct channel *channel, struct arrival *arrival, void *buffer, size_t size)
{
	struct sock_extended_err error;

	while (channel_take(channel, MSG_ERRQUEUE, arrival, &error, buffer,
		   size) != -1) {
		if (error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
			arrival->kind = ARRIVAL_STAMP;
			channel->stamped++;
			arrival->cookie =
			    channel->cookies[error.ee_data &
					     (channel->cookies_size - 1)];
			return true;
		}
		if (error.ee_origin == SO_EE_ORIGIN_ICMP ||
		    error.ee_origin == SO_EE_ORIGIN_ICMP6) {
			arrival->kind = ARRIVAL_ERROR;
			arrival->icmp_type = error.ee_type;
			arrival->icmp_code = error.ee_code;
			return true;
		}
	}
	return false;
}

/* Raw IPv4 sockets give the IP header too. */
static bool
strip_ip_header(struct arrival *arrival)
{
	struct cursor c = cursor_over(arrival->bytes, arrival->len);
	struct ip_header ip;

	if (ip_header_read(&ip, &c) != PARSE_OK || ip.fragment)
		return false;
	arrival->ttl = ip.ttl;
	arrival->from = ip.src;
	arrival->len = cursor_left(&c);
	arrival->bytes += cursor_at(&c);
	return true;
}

static bool
take_data(struct sockets *s, struct channel *channel, struct arrival *arrival)
{
	struct sock_extended_err error;
	int tries = 0;

	for (;;) {
		if (channel_take(channel, 0, arrival, &error, s->packet,
			sizeof(s->packet)) == -1) {
			/* A pending error was told instead: read on. */
			if (errno == EAGAIN || errno == EWOULDBLOCK ||
			    ++tries > SEND_TRIES)
				return false;
			continue;
		}
		arrival->kind =
		    channel->kind == LINK_UDP ? ARRIVAL_UDP : ARRIVAL_ICMP;
		if (!channel->raw || channel->af == 6 ||
		    strip_ip_header(arrival))
			return true;
	}
}

static bool
take_pending(struct sockets *s, struct arrival *arrival)
{
	while (s->pending_at < s->pending_count) {
		struct pending *p = &s->pending[s->pending_at++];

		*arrival = p->arrival;
		arrival->bytes = p->bytes;
		if (arrival->owner != NULL || arrival->kind == ARRIVAL_STAMP)
			return true;
	}
	s->pending_at = s->pending_count = 0;
	return false;
}

/* Stamps of what was sent come before its answers. What is not read to the
 * end, the next wait tells. */
static bool
take_ready(struct sockets *s, struct channel *channel, struct arrival *arrival)
{
	if ((channel->events & EPOLLERR) != 0) {
		if (channel_take_error(
			channel, arrival, s->packet, sizeof(s->packet))) {
			channel->told = true;
			if (channel->stamped == channel->sent)
				channel->events &= ~(unsigned)EPOLLERR;
			return true;
		}
		channel->events &= ~(unsigned)EPOLLERR;
		/* A socket without error queue tells it to a read alone. */
		if (!channel->told)
			channel->events |= EPOLLIN;
	}
	if ((channel->events & EPOLLIN) == 0)
		return false;
	if (!channel->shared)
		channel->events &= ~(unsigned)EPOLLIN;
	return take_data(s, channel, arrival);
}

bool
sockets_receive(struct link *link, struct arrival *arrival)
{
	struct sockets *s = (struct sockets *)link;

	if (take_pending(s, arrival))
		return true;
	while (s->ready_at < s->ready_count) {
		struct channel *channel = s->ready[s->ready_at];

		if (channel != NULL && channel->kind == LINK_TCP) {
			if (sockets_tcp_receive(s, channel, arrival))
				return true;
			s->ready_at++;
			continue;
		}
		if (channel != NULL && take_ready(s, channel, arrival))
			return true;
		s->ready_at++;
	}
	return false;
}

/* Linux before 5.11, valgrind and filters of containers do not have the call
 * that counts in nanoseconds. */
static int
wait_events(const struct sockets *s, struct epoll_event *events, int64_t ns)
{
	struct timespec timeout = { .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };
	int count, ms;

	count = epoll_pwait2(s->epoll, events, SOCKETS_EVENTS, &timeout, NULL);
	if (count != -1 || errno == EINTR)
		return count;
	ms = ns > 1000000000 ? 1000 : (int)((ns + 999999) / 1000000);
	return epoll_wait(s->epoll, events, SOCKETS_EVENTS, ms);
}

void
sockets_wait(struct link *link, struct mono until)
{
	struct sockets *s = (struct sockets *)link;
	struct epoll_event events[SOCKETS_EVENTS];
	int64_t left = until.ns - mono_now().ns;
	int i, count;

	count = wait_events(
	    s, events, left > 0 && s->pending_count == 0 ? left : 0);
	s->ready_at = s->ready_count = 0;
	for (i = 0; i < count; i++) {
		struct channel *channel = events[i].data.ptr;

		/* A stamp may have come since: look at both queues. */
		channel->events = events[i].events;
		if (channel->stamped != channel->sent)
			channel->events |= EPOLLERR;
		channel->told = false;
		s->ready[s->ready_count++] = channel;
	}
}

/* A stream has user's stamps of its beginning. */
void
sockets_rest(struct link *link, struct mono until)
{
	const struct sockets *s = (const struct sockets *)link;
	const struct timespec at = { .tv_sec = (time_t)(until.ns / 1000000000),
		.tv_nsec = (long)(until.ns % 1000000000) };

	if (s->streams == 0)
		(void)clock_nanosleep(
		    CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* --- sending --- */

static void
put_control(
    struct msghdr *msg, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg =
	    (struct cmsghdr *)(void *)((char *)msg->msg_control +
				       msg->msg_controllen);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void
put_ttl(struct msghdr *msg, int af, int ttl)
{
	if (ttl == 0)
		return;
	if (af == 4)
		put_control(msg, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	else
		put_control(
		    msg, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
}

static void
put_source(struct msghdr *msg, const struct addr *src)
{
	struct in_pktinfo info4;
	struct in6_pktinfo info6;

	if (src->af == 4) {
		memset(&info4, 0, sizeof(info4));
		memcpy(&info4.ipi_spec_dst, src->bytes, 4);
		put_control(msg, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	} else {
		memset(&info6, 0, sizeof(info6));
		memcpy(&info6.ipi6_addr, src->bytes, 16);
		put_control(
		    msg, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
}

static ssize_t
send_once(const struct channel *channel, const struct channel *via,
    const struct link_packet *packet)
{
	const struct link_tuple *tuple = &channel->tuple;
	const struct addr *src =
	    addr_is_set(&tuple->src) ? &tuple->src : packet->src;
	struct sockaddr_storage to;
	union control control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet->bytes,
		.iov_len = packet->len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes
	};

	/* On a connected socket most need nothing beside. */
	if (!via->shared && packet->ttl == 0)
		return send(via->fd, packet->bytes, packet->len, 0);
	memset(&control, 0, sizeof(control));
	if (via->shared) {
		msg.msg_name = &to;
		msg.msg_namelen = addr_to_sockaddr(&to, &tuple->dst, 0);
		if (tuple->dst.af == 6 && tuple->label > 0)
			((struct sockaddr_in6 *)&to)->sin6_flowinfo =
			    htonl((uint32_t)tuple->label);
		if (src != NULL && addr_is_set(src))
			put_source(&msg, src);
	}
	put_ttl(&msg, via->af, packet->ttl);
	if (msg.msg_controllen == 0)
		msg.msg_control = NULL;
	return sendmsg(via->fd, &msg, 0);
}

/* Keep what the error queue holds for receive, and the kernel's counter in
 * step with ours: whether a send that failed counted differs by kernel. */
static void
drain(struct sockets *s, struct channel *via)
{
	while (s->pending_count < SOCKETS_PENDING) {
		struct pending *p = &s->pending[s->pending_count];

		if (!channel_take_error(
			via, &p->arrival, p->bytes, SOCKETS_QUOTE))
			break;
		s->pending_count++;
	}
	(void)channel_stamps(via);
}

static enum link_error
send_error(int error)
{
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EINVAL:
		return LINK_NO_ROUTE;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return LINK_RETRY;
	case EPERM:
	case EACCES:
		return LINK_DENIED;
	default:
		return LINK_FAILED;
	}
}

enum link_error
sockets_source(struct link *link, int socket, struct addr *src)
{
	struct sockets *s = (struct sockets *)link;
	struct link_tuple tuple = s->channels[socket]->tuple;
	enum link_error error = LINK_OK;

	if (!addr_is_set(&tuple.src))
		error = tuple_source(s, &tuple);
	*src = tuple.src;
	return error;
}

/* Where opening did not ask for a route, that there is none is told here. */
static enum link_error
why_not_sent(struct sockets *s, int socket, int error)
{
	struct addr src;
	enum link_error route = LINK_OK;

	if (s->channels[socket]->shared)
		route = sockets_source(&s->link, socket, &src);
	return route == LINK_OK ? send_error(error) : route;
}

enum link_error
sockets_send(struct link *link, int socket, const struct link_packet *packet)
{
	struct sockets *s = (struct sockets *)link;
	struct channel *channel = s->channels[socket];
	struct channel *via = channel;
	int tries, error;

	if (channel->kind == LINK_TCP)
		return sockets_tcp_send(channel, packet);
	if (channel->shared)
		via = channel->af == 4 ? s->raw4 : s->raw6;
	for (tries = 0; tries < SEND_TRIES; tries++) {
		if (send_once(channel, via, packet) != -1) {
			via->cookies[via->sent++ & (via->cookies_size - 1)] =
			    packet->cookie;
			return LINK_OK;
		}
		if (errno == EINTR)
			continue;
		error = errno;
		drain(s, via);
		if (error == EAGAIN || error == ENOBUFS)
			return LINK_RETRY;
		if (tries + 1 == SEND_TRIES)
			return why_not_sent(s, socket, error);
	}
	return LINK_RETRY;
}
