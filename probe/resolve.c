#include "probe/resolve.h"

#include <netdb.h>
#include <stdbool.h>

static bool
is_new(const struct addr *found, size_t count, const struct addr *addr)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (addr_equal(&found[i], addr))
			return false;
	}
	return true;
}

int
resolve(const char *name, struct addr found[RESOLVE_MAX], size_t *count,
    const char **error)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM };
	struct addrinfo *list, *item;
	struct addr addr;
	uint16_t port;
	int status;

	*count = 0;
	if ((status = getaddrinfo(name, NULL, &hints, &list)) != 0) {
		*error = gai_strerror(status);
		return -1;
	}
	for (item = list; item != NULL && *count < RESOLVE_MAX;
	     item = item->ai_next) {
		if (addr_from_sockaddr(&addr, &port, item->ai_addr) == 0 &&
		    is_new(found, *count, &addr))
			found[(*count)++] = addr;
	}
	freeaddrinfo(list);
	return 0;
}
