/*
 * IPv4 and IPv6 addresses and prefixes as values, without struct sockaddr.
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT 46 /* fits every address as text (INET6_ADDRSTRLEN) */

struct addr {
	uint8_t af;        /* 4, 6, or 0: none */
	uint8_t bytes[16]; /* 4 or 16 in network order, the rest zero */
};

struct prefix {
	struct addr addr; /* host bits zero */
	uint8_t len;
};

struct prefix_list {
	struct prefix *items;
	size_t count;
};

bool addr_is_set(const struct addr *);
bool addr_equal(const struct addr *, const struct addr *);
int addr_compare(const struct addr *, const struct addr *);
size_t addr_len(const struct addr *); /* 4 or 16 */

/* Dotted quad or RFC 4291 text, no scope, no brackets. 0, or -1. */
int addr_parse(struct addr *, const char *text);

/* RFC 5952 text; "" for none. text holds ADDR_TEXT bytes. Returns text. */
char *addr_format(char *text, const struct addr *);

/* From the 4 or 16 bytes of a packet header. */
struct addr addr_from_bytes(int af, const void *bytes);

/* To and from the kernel's form; the length of what was written. */
socklen_t addr_to_sockaddr(
    struct sockaddr_storage *, const struct addr *, uint16_t port);
int addr_from_sockaddr(struct addr *, uint16_t *port, const struct sockaddr *);

/* "203.0.113.0/24" (a bare address is /32 or /128; host bits must be zero).
 * 0, or -1. */
int prefix_parse(struct prefix *, const char *text);
char *prefix_format(char *text, size_t size, const struct prefix *);
bool prefix_contains(const struct prefix *, const struct addr *);

/* Append; 0, or -1 when out of memory. prefix_list_clear frees. */
int prefix_list_add(struct prefix_list *, const struct prefix *);
bool prefix_list_contains(const struct prefix_list *, const struct addr *);
void prefix_list_clear(struct prefix_list *);

/* Why an address must not be probed (DESIGN.md 10): the most specific entry
 * of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890)
 * that covers it is not globally reachable, or it is multicast, broadcast or
 * carries an embedded IPv4 address (::ffff/96, 64:ff9b::/96, 2002::/16 ...).
 * NULL where it may; otherwise a short constant text such as "private-use
 * (10.0.0.0/8)". */
const char *addr_special(const struct addr *);

/* Whether an operator may open this prefix with allow_special: never any of
 * 0/8, 240/4, multicast, broadcast or an embedded form, nor a prefix that
 * covers one. */
bool prefix_may_be_allowed(const struct prefix *);

#endif
