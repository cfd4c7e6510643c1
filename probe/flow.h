/*
 * Flows: flow n of an address is the same 5-tuple in every round
 * (DESIGN.md 3.2). Source port, echo id and checksum and IPv6 flow label are
 * a keyed hash of (address, transport, port, n); where another process has
 * the port, the next one is taken and the flow says that it moved.
 */
#ifndef PROBE_FLOW_H
#define PROBE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/keyed_hash.h"
#include "lib/limits.h"
#include "probe/link.h"
#include "probe/probe.h"

/* Below Linux's default ephemeral range, so that nobody else is given them. */
#define FLOW_PORT_FIRST 10240
#define FLOW_PORT_LAST 32767

/* A set of numbers that packets of a flow have had: what it does not hold none
 * had, which spares a look at each of them. */
struct flow_drawn {
	uint32_t bits;
};

/* The server's answer to our cookie, of this run; by flow, because instances of
 * one address need not share the secret. */
struct flow_server_cookie {
	uint8_t len; /* 0: none that is good */
	uint8_t bytes[LIMIT_DNS_COOKIE];
};

/* In this order nothing lies between them: a round has thousands. */
struct flow {
	struct peer *peer;
	struct probe_list probes; /* open ones and kept ones */
	struct flow *next;        /* in its bucket of the table */
	struct flow_server_cookie *server_cookie; /* NULL: none yet */
	uint8_t cookie[8]; /* of ours, to this server (RFC 9018 section 3) */
	struct flow_drawn ids, cksums;
	int32_t label;
	int socket;     /* -1: not open */
	unsigned users; /* asks that are not emitted */
	uint16_t dport; /* 0 of ICMP */
	uint16_t port;  /* source port, or echo id */
	uint16_t cksum; /* of echo */
	uint16_t next_seq;
	uint8_t n;
	uint8_t proto; /* enum proto */
	bool moved;    /* another process has its port: this is the next free */
	struct addr src;
};

/* Whether a packet may have had the number. */
static inline bool
flow_may_have(struct flow_drawn drawn, uint16_t number)
{
	return (drawn.bits >> (number & 31) & 1) != 0;
}

static inline void
flow_has(struct flow_drawn *drawn, uint16_t number)
{
	drawn->bits |= (uint32_t)1 << (number & 31);
}

struct flow_table;

/* key: the vantage point's, or the host's for a look. source may be NULL. */
struct flow_table *flow_table_new(const struct hash_key *key,
    const struct addr *source4, const struct addr *source6);
void flow_table_free(struct flow_table *);

/* The one flow of these, made where it is missing, with its port, id, checksum
 * and label. Flows of an address and port are asked for in the same order in
 * every round: where two hash to one port, the later has the next. NULL: no
 * memory. */
struct flow *flow_get(struct flow_table *, const struct addr *, uint16_t dport,
    enum proto, int n);

/* Of a capture: which flow has this port by the key, -1 where none has, and the
 * flow n made to be what the capture shows; NULL: no memory. */
int flow_recognise(const struct flow_table *, const struct link_tuple *);
struct flow *flow_adopt(
    struct flow_table *, const struct link_tuple *, int n, uint16_t cksum);

/* What its socket is or will be; without the source address. */
struct link_tuple flow_tuple(const struct flow *);

/* Open its socket where it is not. LINK_OK, or why not. */
enum link_error flow_open(struct flow_table *, struct flow *, struct link *);
void flow_close(struct flow *, struct link *);

/* The open flow that an ICMP message speaks of; NULL: none of ours. */
struct flow *flow_find(const struct flow_table *, const struct addr *dst,
    enum proto, uint16_t port, int32_t dport);

/* The flow as records carry it. */
void flow_describe(const struct flow *, struct record_flow *);

#endif
