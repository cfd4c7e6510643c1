/*
 * What the stages of the prober share: targets, asks and probes.
 *
 * An ask is one question to one address on one flow: it ends as exactly one
 * record. A probe is one packet of it that is waiting for its answer: a DNS
 * or echo ask has one, a trace one for each hop.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "lib/addr.h"
#include "lib/dns.h"
#include "lib/record.h"
#include "lib/times.h"

struct ask;
struct flow;
struct packed;
struct method;

/* A question that targets ask; its address is its identity. */
struct question {
	char name[LIMIT_QUESTION]; /* soa hostname.bind id.server echo trace */
	const struct method *method;
	struct dns_question dns;
	uint16_t udp_size; /* advertised by EDNS; 0: LIMIT_DNS_UDP_SIZE */
	bool dnssec_ok, cookie, rd;
	char qname[LIMIT_QUESTION]; /* as text with final dot */
	const char *begins; /* of several answers, the name; NULL: any */
};

/* The case of the letters of a name that is asked for. */
enum letters {
	LETTERS_PLAIN, /* as they are written; a reply may have any */
	/* At random, for servers that are known to give them back: another
	 * reply is held until time is up, and taken if no better one came. */
	LETTERS_MIXED,
	LETTERS_STRICT, /* at random, and another reply is none of ours */
};

/* One address of the network, whatever targets name it. */
struct peer {
	struct addr addr;
	uint32_t rank; /* in the random order of a plan; 0: not drawn */
	size_t asks;   /* packets planned, over all flows */
	double tokens; /* of the bucket (limits.h), as of filled */
	struct mono filled;
	uint32_t foreign; /* replies perhaps of somebody else (identify.h) */
	uint32_t habit;   /* of habits.h: the place of its first, and one */
};

struct probe {
	struct ask *ask;
	uint64_t mixed; /* which letters of the name are in the other case; of
			 * an echo that is played, its token */
	uint16_t id;    /* DNS id, or echo sequence number */
	uint16_t cksum; /* of the UDP or ICMP header sent */
	uint8_t ttl;    /* 0: the host's default */
	uint8_t tries;
	bool open : 1;   /* still waiting */
	bool linked : 1; /* on its flow's list */
	bool beyond : 1; /* of a trace, past the target: a reply says nothing */
	struct mono sent, deadline;
	struct wall sent_kernel; /* ns 0: not known */
	int64_t clock_offset_ns; /* wall - mono when it was sent */
	TAILQ_ENTRY(probe) by_flow, by_deadline;
};
TAILQ_HEAD(probe_list, probe);

enum ask_state {
	ASK_PLANNED, /* nothing sent yet */
	ASK_OPEN,
	ASK_DONE, /* its record is made, and kept for late and second replies */
	ASK_EMITTED,
};

/* What an ask has from its first packet to the emission of its record: some
 * do at a time, whatever the plan holds. */
struct sample {
	struct mono done; /* since when ASK_DONE */
	struct wall t;
	enum outcome outcome;
	uint32_t late, dup, unwanted, conflict;
	/* Of its flow, as it was then. */
	struct addr src;
	bool moved;
	uint16_t port;
	struct packed *record; /* NULL: no more than that (prober_record) */
	struct packed *room;   /* for it, of one before; NULL: none */
	struct trace *trace;   /* of a trace */
	struct stream *stream; /* of TCP: what has come of the answer */
	struct held *held;     /* of UDP: a reply of LETTERS_MIXED */
	struct probe probe;    /* of all but a trace */
	TAILQ_ENTRY(sample) by_done; /* before, by those that are ahead */
};
TAILQ_HEAD(sample_list, sample);

struct ask {
	const char *target;
	const struct question *question;
	const struct method *method; /* by question and transport */
	struct flow *flow;
	struct sample *sample;
	struct mono due;   /* not before */
	uint32_t index;    /* in the plan; behind it those of retries */
	uint32_t retry_of; /* by prober_asks_again; 0: it was planned */
	int32_t place;     /* of its record among the emitted; -1: not yet */
	uint8_t state;     /* enum ask_state */
	uint8_t letters;   /* enum letters */
	uint8_t waits;     /* enum link_error: why it could not leave so far */
	bool plain : 1;    /* asks without EDNS */
	bool cookie_renewed : 1; /* asks again, after BADCOOKIE */
	bool ahead : 1; /* could send, but knows no reason to (prober_ahead) */
};

#endif
