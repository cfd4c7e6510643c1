#include "probe/resolve.h"

#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/limits.h"

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

/* No host name ends in a number; getaddrinfo takes it for an address of the
 * old forms: "1.2.3" would be 1.2.0.3, which nobody asked for. */
static bool
ends_in_number(const char *name)
{
	char label[LIMIT_DNS_NAME_TEXT];
	const char *last;
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(label))
		return false;
	memcpy(label, name, len);
	label[len] = '\0';
	last = strrchr(label, '.');
	last = last == NULL ? label : last + 1;
	if (strncasecmp(last, "0x", 2) == 0)
		return last[2 + strspn(last + 2, "0123456789abcdefABCDEF")] ==
		       '\0';
	return last[strspn(last, "0123456789")] == '\0';
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
	if (ends_in_number(name)) {
		*error = "not an address, and no name";
		return -1;
	}
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
