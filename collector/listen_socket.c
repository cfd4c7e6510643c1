#include "collector/listen_socket.h"

#include <sys/socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include "lib/text.h"

#define BACKLOG 1024 /* all who were told to come at one time */

int
listen_socket_parse(const char *text, struct addr *addr, uint16_t *port)
{
	char host[ADDR_TEXT + 2];
	const char *colon = strrchr(text, ':'), *begin = host;
	size_t len;
	int64_t number;

	if (colon == NULL ||
	    text_print(host, sizeof(host), "%.*s", (int)(colon - text), text) ==
		-1 ||
	    text_int(&number, colon + 1, 0, UINT16_MAX) == -1)
		return -1;
	len = strlen(host);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		begin++;
	}
	*port = (uint16_t)number;
	if (addr_parse(addr, begin) == -1)
		return -1;
	/* A bare IPv6 address: where does it end? */
	return (addr->af == 6) == (begin != host) ? 0 : -1;
}

int
listen_socket_open(const struct addr *addr, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&sa, addr, port);
	int fd, on = 1, off = 0, saved;

	fd =
	    socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Whatever the host's default is. */
	if (addr->af == 6)
		(void)setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&sa, len) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

void
listen_socket_name(int fd, struct addr *addr, uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	*addr = (struct addr){ 0 };
	*port = 0;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		(void)addr_from_sockaddr(addr, port, (struct sockaddr *)&sa);
}
