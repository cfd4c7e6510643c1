/*
 * Between prober_world.c and prober_network.c: packets on their way.
 */
#ifndef SIM_PROBER_TRANSIT_H
#define SIM_PROBER_TRANSIT_H

#include "tests/sim/prober_world.h"

/* What an arrival is to the ledger. */
enum worth {
	WORTH_GOOD,
	WORTH_MALFORMED,
	WORTH_ERROR,
	WORTH_CONFLICT,
	WORTH_SIZE,
	WORTH_FORGED,
	WORTH_NOTHING
};

/* A packet of ours on its way, as the network sees it. */
struct transit {
	struct world *w;
	int socket, host;
	uint32_t ask;
	const struct link_packet *packet;
	const struct link_tuple *tuple;
	int64_t arrives; /* of the true reply */
};

/* Something that will arrive on the socket of the packet; the caller fills in
 * its kind and time. The world frees it. */
struct world_event {
	int64_t at;
	uint64_t order;
	enum worth worth;
	uint32_t ask;
	int socket;       /* lost where it is closed by then */
	int32_t guess;    /* of a forger: a DNS id, or ... */
	bool guess_cksum; /* the UDP checksum; lost where it is a true one, for
			     then it is no longer forged. -1: none */
	unsigned generation;
	struct world_said said; /* of a good one */
	struct arrival arrival;
	size_t len;
	uint8_t bytes[];
};
struct world_event *event_new(
    const struct transit *, enum worth, const void *bytes, size_t len);
void event_add(struct world *, struct world_event *);

/* What the network makes of a packet: attackers, complaints, answers. */
void network_attack(const struct transit *);
void network_complain(const struct transit *);
void network_deliver(const struct transit *);

/* Our query as a server reads it, and what it says to that. */
void query_read(struct world_query *, const struct transit *);
void server_judge(const struct transit *, struct world_said *);

/* A stream of ours begins: arrives is to be drawn. */
void stream_open(const struct transit *);
/* A message with its length goes back on it. */
void stream_say(const struct transit *, const uint8_t *bytes, size_t len,
    const struct world_said *);

/* The checksum that the kernel puts into the packet's UDP header. */
uint16_t network_udp_cksum(const struct transit *);

#endif
