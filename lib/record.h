/*
 * The record: one question and what came of it, as acrecord(5) documents it.
 * In a batch and in -j output it is one JSON object on one line, ASCII.
 */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/addr.h"
#include "lib/limits.h"
#include "lib/times.h"

enum record_type {
	RECORD_DNS,
	RECORD_ECHO,
	RECORD_TRACE,
};

enum proto {
	PROTO_UDP,
	PROTO_TCP,
	PROTO_ICMP,
};

/* The closed list of DESIGN.md 3.3. */
enum outcome {
	OUTCOME_ANSWERED,    /* matched and parseable, whatever its rcode */
	OUTCOME_REFUSED,     /* ICMP port unreachable, TCP reset */
	OUTCOME_UNREACHABLE, /* another ICMP error; reason "icmp TYPE/CODE" */
	OUTCOME_TIMEOUT,
	OUTCOME_MALFORMED, /* only unparseable matches by the deadline */
	OUTCOME_UNSENT,    /* nothing left the host; reason says why */
	OUTCOME_COUNT
};

enum stamp_source {
	STAMP_NONE,
	STAMP_KERNEL, /* both ends of the RTT stamped by the kernel */
	STAMP_USER,
};

#define RECORD_INTERFACE 16 /* a device's name on Linux, NUL included */
#define RECORD_DSCP 63      /* the largest (RFC 2474) */

/* Where text may be foreign it is kept as raw bytes with a length. */
struct record_bytes {
	bool present; /* false: null; true with len 0: "" */
	uint16_t len;
	uint8_t bytes[LIMIT_IDENTITY];
};

/* One 5-tuple (DESIGN.md 3.2). Host-order integers; -1 where not known
 * or not of this protocol. */
struct record_flow {
	int n; /* the flow's number, 0 first */
	struct addr src;
	int32_t sport, dport;   /* udp, tcp */
	int32_t icmp_id, cksum; /* icmp */
	int32_t label;          /* IPv6 flow label; -1 in IPv4 */
	bool moved;   /* the flow's own port was taken; this is the next free */
	uint8_t dscp; /* 0: as usual */
	char interface[RECORD_INTERFACE]; /* that was asked for; "" : none */
};

/* What a hop's answer tells of a translator (NAT) before it. */
enum hop_nat {
	HOP_NAT_NONE,
	HOP_NAT_CHECKSUM, /* it quotes another checksum than was sent */
	HOP_NAT_SOURCE,   /* it quotes another source address */
	HOP_NAT_TARGET,   /* a router answers with the target's address */
	HOP_NAT_COUNT
};

struct record_hop {
	uint8_t ttl;
	struct addr addr;             /* not set: no answer */
	int64_t rtt_us;               /* -1: no answer */
	int16_t icmp_type, icmp_code; /* -1: no answer, or DNS answered */
	int16_t quoted_ttl;           /* -1: not seen */
	uint8_t mpls_count;
	uint32_t mpls[LIMIT_MPLS]; /* label stack entries, host order */
	uint8_t auth_bits;
	uint8_t nat;  /* of enum hop_nat */
	bool shared;  /* as another trace of the round saw it; rtt_us is -1 */
	uint32_t asn; /* by the operator's files, of a look alone; 0: unknown */
};

/* An extended error (RFC 8914): a code, and foreign text that may be empty. */
struct record_ede {
	uint16_t code;
	uint8_t len;
	uint8_t text[LIMIT_EDE_TEXT];
};

struct record_dns {
	char qname[LIMIT_QUESTION]; /* presentation form, with final dot */
	uint16_t qtype, qclass;
	int32_t rcode; /* extended; -1: no reply */
	struct record_bytes nsid;
	uint32_t nsid_len; /* true length where more than is kept */
	uint8_t answer_count;
	/* Strings of TXT answers, or rdata text of other types. */
	struct record_bytes answer[LIMIT_ANSWERS];
	int64_t serial;      /* of an SOA; -1: none */
	int8_t tc, aa, edns; /* 0, 1; -1: no reply */
	int32_t size;        /* bytes of the reply; -1: none */
	/* The reply's first bytes, where it was malformed or in conflict. */
	uint16_t raw_len;
	uint8_t raw[LIMIT_RAW_REPLY];
	int8_t ra, ad; /* as tc */
	/* The server's cookie: -1 not told, 0 the reply had only our half. */
	int8_t cookie_len;
	uint8_t cookie[LIMIT_DNS_COOKIE];
	uint8_t ede_count;
	struct record_ede ede[LIMIT_EDE];
	int64_t connect_us; /* of TCP: SYN to established; -1: not so far */
};

struct record {
	struct wall t; /* when the question was sent, or would have been */
	enum record_type type;
	char target[LIMIT_TARGET_NAME + 1];
	struct addr addr;
	int32_t port; /* -1 for echo and ICMP trace */
	enum proto proto;
	char question[LIMIT_QUESTION]; /* soa hostname.bind ... echo trace */
	struct record_flow flow;
	enum outcome outcome;
	char reason[LIMIT_REASON]; /* "" : none */
	int64_t rtt_us;            /* -1 unless answered */
	enum stamp_source stamp;
	int16_t reply_ttl; /* -1: not seen */
	int16_t auth_bits; /* how much of the reply was checked; -1: no reply */
	uint32_t late, dup, unwanted; /* replies counted beside the one taken */
	uint32_t conflict; /* of dup: how many differed from the first */
	/* Of the record that this one tries again, the index in the batch, or
	 * among the records of other output, 0 first; it is an earlier one.
	 * -1: tries nothing again. */
	int32_t retry_of;
	struct record_dns dns; /* of RECORD_DNS; of RECORD_TRACE the nsid */
	uint8_t hop_count;     /* of RECORD_TRACE */
	struct record_hop hop[LIMIT_HOPS];
};

/* All fields "unknown", the rest zero. */
void record_init(struct record *);

const char *record_type_name(enum record_type);
const char *proto_name(enum proto);
const char *outcome_name(enum outcome);
const char *stamp_name(enum stamp_source); /* NULL for none */
const char *hop_nat_name(enum hop_nat);    /* NULL for none */

/* One JSON object without newline, keys in the order of acrecord(5), ASCII.
 * The length, or 0 where size is too small (LIMIT_RECORD_LINE always fits). */
size_t record_to_json(const struct record *, char *out, size_t size);

/* Read one. Unknown keys are ignored; duplicate keys, a missing key of the
 * list, a wrong type or a value out of its range is refused. 0, or -1 with
 * the reason, which names the key, in error. */
int record_from_json(struct record *, const char *json, size_t len, char *error,
    size_t error_size);

/* How an instance named itself. In the identity order of DESIGN.md 8. */
enum identity_method {
	IDENTITY_NONE, /* answered without a name, or not at all */
	IDENTITY_NSID,
	IDENTITY_HOSTNAME_BIND,
	IDENTITY_ID_SERVER,
	IDENTITY_NAME, /* another question's TXT answer; the method is its name
			*/
};

/* The name in a record and the method by which it was learnt: the answer of
 * a naming question (hostname.bind, id.server, a TXT question of another
 * name) where it has a non-empty one, else a non-empty NSID, else none.
 * *identity borrows from the record. A record that is not answered has none.
 * NSID on a naming question is used only where the question has no answer. */
enum identity_method record_identity(
    const struct record *, const struct record_bytes **identity);
const char *identity_method_name(enum identity_method, const char *question);

#endif
