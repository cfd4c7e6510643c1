/*
 * A network of fiction behind probe/link.h: hosts with paths, delays and bad
 * habits, an attacker, a wall clock that jumps. Everything is drawn from a
 * seed; no time passes but what the prober waits for.
 *
 * It keeps a ledger of what left and of what truly came back, against which
 * prober_audit.c holds the records.
 */
#ifndef SIM_PROBER_WORLD_H
#define SIM_PROBER_WORLD_H

#include "probe/link.h"

#define WORLD_HOSTS 24
#define WORLD_HOPS 12
#define WORLD_STEPS 8
#define WORLD_MS 1000000LL
#define WORLD_S 1000000000LL

/* One address and how it behaves in this round; chances in per mille. */
struct world_host {
	struct addr addr;
	char name[32];           /* its NSID */
	int hops;                /* routers before it */
	unsigned silent_routers; /* bit: TTL */
	int64_t delay_ns, jitter_ns;
	bool silent;   /* never answers */
	bool dead;     /* port unreachable */
	bool no_route; /* the host has none to it */
	bool no_echo;
	int64_t route_ends; /* mono: from then on sends have no route; 0 */
	int barrier; /* from this TTL on a router says unreachable; 0: none */
	int loss, duplicate, malformed, header_only, short_quote, forged,
	    conflict, size_error;
	int truncates;  /* over UDP */
	int edns_rcode; /* its answer to a query with EDNS; 0: it speaks it */
	bool grumpy;    /* and FORMERR to one without, too */
	int cookies;    /* so many it has made; 0: it knows of none */
	bool fickle;    /* none is ever good */
	int closes, halves; /* its streams: at once, within the answer */
};

/* What an answer makes a good client ask once more. */
enum world_wants {
	WORLD_WANTS_NONE,
	WORLD_WANTS_PLAIN, /* without EDNS */
	WORLD_WANTS_TCP,
	WORLD_WANTS_COOKIE, /* with the one that it brings */
};

/* A query of ours as a server reads it. */
struct world_query {
	bool opt, has_cookie;
	uint8_t client[8];
	uint64_t cookie; /* the server's; 0: none */
};

/* And what it says. */
struct world_said {
	int rcode;
	bool opt, tc;
	uint8_t client[8];
	uint64_t cookie; /* 0: none */
	enum world_wants wants;
};

#define WORLD_NO_ASK UINT32_MAX

/* A packet that left. */
struct world_sent {
	uint32_t ask;
	uint8_t ttl;
	uint16_t id;    /* DNS id or echo sequence */
	uint16_t cksum; /* of the UDP header */
	bool opens;     /* a stream; whose, its query will tell */
	bool asks;      /* on a stream */
	int cost;       /* packets that it counts for */
	uint16_t port;
	struct world_query query;
	int host;
	int64_t at, delay_ns;
};

/* What came back for one ask, as the prober was given it. */
struct world_got {
	int sent;
	int good, malformed, errors, conflicts, sizes;
	int64_t first_good, first_error; /* mono of arrival; 0: none */
	int error_type, error_code;      /* of the first */
	struct world_said said;          /* the first good one */
};

struct world_event;

struct world {
	struct link link;
	uint64_t random;
	int64_t now;
	int64_t oversleep_ns; /* a busy host wakes up so much too late */
	int64_t step_at[WORLD_STEPS], step_ns[WORLD_STEPS]; /* of the wall */
	int step_count;
	int64_t sleep_at, sleep_ns; /* the host is suspended; 0: never */
	int64_t slept_before;
	int64_t wall_base; /* wall - mono at first */
	struct world_host host[WORLD_HOSTS];
	int host_count;
	int taken, no_buffer, no_descriptor, stamp_lost; /* per mille */
	bool denied[2];                                  /* no echo sockets */
	bool firewall;                                   /* sends are denied */

	struct world_socket *sockets;
	size_t socket_count, open_sockets;
	struct world_event **heap;
	size_t event_count, event_size;
	uint8_t packet[4096];

	/* the ledger */
	struct world_sent *sent;
	size_t sent_count, sent_size;
	struct world_got *got; /* by ask */
	size_t ask_count;
	const uint8_t *emitted; /* by ask: its record is out */
	uint64_t forged;        /* delivered to an open flow */
	uint64_t stray;         /* likewise, of an ask whose record is out */
	const char *broken;     /* a promise that the prober broke; NULL */
	/* Faults to be found, for the test's test. */
	bool betray;     /* the attacker knows all */
	bool hide_steps; /* the wall clock's steps show in stamps only */
	bool content;    /* no answer wants another question */
};

void world_init(struct world *, uint64_t seed);
void world_clear(struct world *);

/* A new round: the ledger is empty, for so many asks. */
void world_start(struct world *, size_t asks);

/* 0 <= the result < n. */
uint64_t world_random(struct world *, uint64_t n);
bool world_chance(struct world *, int per_mille);

/* The router that a path has at a TTL, or the target. */
struct addr world_router(const struct world *, int host, int ttl);
int world_find(const struct world *, const struct addr *);
/* Something that left. */
void world_ledger(struct world *, const struct world_sent *);

#endif
