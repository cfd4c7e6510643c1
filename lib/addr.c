#include "lib/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

bool
addr_is_set(const struct addr *a)
{
	return a->af != 0;
}

int
addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->af != b->af)
		return a->af < b->af ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

size_t
addr_len(const struct addr *a)
{
	return a->af == 4 ? 4 : 16;
}

static int
address_family(int af)
{
	return af == 4 ? AF_INET : AF_INET6;
}

int
addr_parse(struct addr *addr, const char *text)
{
	struct addr a = { .af = strchr(text, ':') == NULL ? 4 : 6 };

	if (inet_pton(address_family(a.af), text, a.bytes) != 1)
		return -1;
	*addr = a;
	return 0;
}

/* inet_ntop is printf, which would be a tenth of a record's cost. */
static void
format4(char *text, const uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		uint8_t rest = bytes[i];

		if (rest >= 100)
			*text++ = (char)('0' + rest / 100);
		if (rest >= 10)
			*text++ = (char)('0' + rest / 10 % 10);
		*text++ = (char)('0' + rest % 10);
		*text++ = i < 3 ? '.' : '\0';
	}
}

char *
addr_format(char *text, const struct addr *a)
{
	text[0] = '\0';
	if (a->af == 4)
		format4(text, a->bytes);
	else if (addr_is_set(a))
		(void)inet_ntop(
		    address_family(a->af), a->bytes, text, ADDR_TEXT);
	return text;
}

struct addr
addr_from_bytes(int af, const void *bytes)
{
	struct addr a = { .af = (uint8_t)af };

	memcpy(a.bytes, bytes, addr_len(&a));
	return a;
}

socklen_t
addr_to_sockaddr(
    struct sockaddr_storage *storage, const struct addr *a, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };

	memset(storage, 0, sizeof(*storage));
	if (a->af == 4) {
		memcpy(&sin.sin_addr, a->bytes, sizeof(sin.sin_addr));
		memcpy(storage, &sin, sizeof(sin));
		return sizeof(sin);
	}
	memcpy(&sin6.sin6_addr, a->bytes, sizeof(sin6.sin6_addr));
	memcpy(storage, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

int
addr_from_sockaddr(
    struct addr *addr, uint16_t *port, const struct sockaddr *sockaddr)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	switch (sockaddr->sa_family) {
	case AF_INET:
		memcpy(&sin, sockaddr, sizeof(sin));
		*addr = addr_from_bytes(4, &sin.sin_addr);
		*port = ntohs(sin.sin_port);
		return 0;
	case AF_INET6:
		memcpy(&sin6, sockaddr, sizeof(sin6));
		*addr = addr_from_bytes(6, &sin6.sin6_addr);
		*port = ntohs(sin6.sin6_port);
		return 0;
	default:
		return -1;
	}
}

/* Whether the first bits of a and b are the same; families already are. */
static bool
bits_equal(const struct addr *a, const struct addr *b, uint8_t bits)
{
	size_t whole = bits / 8;
	unsigned int rest = bits % 8;

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	return ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

bool
prefix_contains(const struct prefix *p, const struct addr *a)
{
	return p->addr.af == a->af && bits_equal(&p->addr, a, p->len);
}

static bool
host_bits_are_zero(const struct prefix *p)
{
	size_t bit;

	for (bit = p->len; bit < addr_len(&p->addr) * 8; bit++)
		if (p->addr.bytes[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

int
prefix_parse(struct prefix *prefix, const char *text)
{
	char address[ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	struct prefix p;
	int64_t bits;

	if (len >= sizeof(address))
		return -1;
	memcpy(address, text, len);
	address[len] = '\0';
	if (addr_parse(&p.addr, address) == -1)
		return -1;
	bits = (int64_t)addr_len(&p.addr) * 8;
	/* A sign is fine for text_int but not for a prefix. */
	if (slash != NULL && (slash[1] < '0' || slash[1] > '9' ||
				 text_int(&bits, slash + 1, 0, bits) == -1))
		return -1;
	p.len = (uint8_t)bits;
	if (!host_bits_are_zero(&p))
		return -1;
	*prefix = p;
	return 0;
}

char *
prefix_format(char *text, size_t size, const struct prefix *p)
{
	char address[ADDR_TEXT];

	(void)text_print(
	    text, size, "%s/%d", addr_format(address, &p->addr), p->len);
	return text;
}

int
prefix_list_add(struct prefix_list *list, const struct prefix *p)
{
	struct prefix *items;

	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (items == NULL)
		return -1;
	list->items = items;
	list->items[list->count++] = *p;
	return 0;
}

bool
prefix_list_contains(const struct prefix_list *list, const struct addr *a)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (prefix_contains(&list->items[i], a))
			return true;
	return false;
}

void
prefix_list_clear(struct prefix_list *list)
{
	free(list->items);
	*list = (struct prefix_list){ 0 };
}
