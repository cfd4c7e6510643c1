/*
 * The prober: takes every reply, expires what is overdue, then sends what is
 * due, until every ask has ended as one record.
 */
#ifndef PROBE_PROBER_H
#define PROBE_PROBER_H

#include "lib/keyed_hash.h"
#include "probe/flow.h"
#include "probe/link.h"
#include "probe/method.h"
#include "probe/near.h"
#include "probe/outstanding.h"
#include "probe/probe.h"
#include "probe/schedule.h"

/* Auth bits (FIELD.md, RELIABILITY.md A02): bits of ours that a forger who
 * does not see our packets must guess. */
enum {
	AUTH_PORT = 14, /* a keyed port of flow.h's range */
	AUTH_DNS_ID = 16,
	AUTH_ECHO_ID = 14,
	AUTH_TOKEN = 64,
	AUTH_CKSUM = 16, /* of a quoted UDP header: depends on the DNS id */
	AUTH_SEQ = 32,   /* of TCP: the number that our stream began with */
	AUTH_COOKIE = 64,
};

/* A sample over TCP: SYN, the acknowledgement of its answer, the query, the
 * acknowledgement of the reply, reset. */
#define PROBER_TCP_PACKETS 5

/* Records of one planned ask at most: cookie refused, truncated, EDNS disliked,
 * and at last. */
#define PROBER_RECORDS 4

#define PROBER_TAIL_MS 300 /* the longest ways around the earth */
#define PROBER_TAIL_WHOLE (-1)

/* Where records go: called once for each ask, in no particular order, but that
 * a retry comes after what it retries; its retry_of counts the calls. */
struct sink {
	void (*emit)(void *arg, const struct ask *, const struct record *);
	void *arg;
};

/* Whether a packet may go to an address; the reason where it may not. */
struct gate {
	const char *(*refuses)(void *arg, const struct addr *);
	void *arg;
};

struct prober {
	struct link *link;
	struct flow_table *flows;
	struct schedule *schedule;
	struct outstanding outstanding;
	struct hash_key run_key; /* of this run's echo tokens; random */
	uint8_t random[256];     /* drawn, not used yet: the first of it */
	size_t random_left;
	struct sink sink;
	struct gate gate;
	const char *contact;   /* text in echo payloads; may be "" */
	struct near *near;     /* what traces share; NULL: nothing */
	const char *interface; /* as it was asked for; NULL: none */
	int dscp;
	struct span linger; /* how long a finished ask listens for more */
	struct span tail;   /* as in the settings */
	int tail_answers;
	struct mono start;
	struct wall start_wall;
	struct mono last_send; /* what leaves later could not be awaited */
	struct mono deadline;  /* of the whole run */
	struct mono heard; /* when the last ask that was sent had its outcome */
	int64_t slowest_us; /* answer */
	bool strange;       /* a second reply, or one of somebody else's */
	struct sample_list done;
	struct sample_list spare; /* of asks that were emitted */
	struct sample_list ahead; /* of asks that could send */
	struct record *record; /* being worked on, of record_of; NULL: none */
	struct ask *record_of;
	struct record *blank;    /* where it begins */
	struct dns_reply *reply; /* being read */
	struct ask *asks;        /* all that were planned, by index */
	size_t ask_count;
	struct ask **retries;
	size_t retry_count;
	int32_t emitted;
	size_t left; /* asks without a record */
	uint64_t sent, unwanted;
	int64_t clock_offset_ns, slept_ns; /* at the start */
	bool clock_stepped;    /* the wall clock was set during the run */
	struct span suspended; /* so long the host slept during it */
	bool failed; /* no memory: records are incomplete or missing */
	bool no_route, denied, scarce; /* met at least once: said once */
};

/* What a run is made with; the pointers are borrowed until it is over. */
struct prober_settings {
	struct link *link;
	struct flow_table *flows;
	double rate, burst; /* of the vantage point (schedule.h) */
	struct span answer, hop, linger, deadline;
	/* How long the run listens after its last outcome: for as many times
	 * as the slowest answer took, but for the whole tail where second or
	 * foreign replies have come already; PROBER_TAIL_WHOLE: always. */
	struct span tail;
	int tail_answers;
	struct sink sink;
	struct gate gate;
	const char *contact;
	struct near *near; /* the routers that traces share; NULL: none */
	/* What the link was told, for the records. */
	const char *interface; /* NULL: nothing */
	int dscp;
};

/* Clocks start here. asks is how many the plan holds. 0; -1: no memory or no
 * random numbers. prober_clear frees. */
int prober_init(struct prober *, const struct prober_settings *, size_t asks);
void prober_clear(struct prober *);

/* asks: all of them, planned and in the schedule. Runs until each is emitted,
 * at the latest at the deadline; nothing is sent that the deadline would not
 * leave its full time. The last ask lingers too, but no longer than the
 * tail. */
void prober_run(struct prober *);

/* --- for methods --- */

/* Make ask->sample where there is none. 0, or -1. */
int prober_sample(struct prober *, struct ask *);
/* It has a record from here on, whatever becomes of it. */
void prober_begin(struct prober *, struct ask *);
/* Its first packet has left, on its flow as it is now. */
void prober_departed(const struct prober *, struct ask *, struct mono at);
/* The record of an ask that has begun, to be read and written until that of
 * another is asked for. */
struct record *prober_record(struct prober *, struct ask *);
/* The probe's packet is to leave now: number, time, then link->send. */
enum link_error prober_transmit(
    struct prober *, struct probe *, const void *bytes, size_t len);
/* The same of a link that plays what was sent (link.h): what it was. */
enum link_error prober_recall(
    struct prober *, const struct probe *, struct link_sent *);
/* Send an ask that is one packet, by what writes and transmits it. */
enum send_result prober_send_one(struct prober *, struct ask *,
    enum link_error (*transmit)(struct prober *, struct probe *));
/* RTT by the best stamps there are; never less than 0. */
int64_t prober_rtt_us(struct prober *, const struct probe *,
    const struct arrival *, enum stamp_source *);
/* The ask has its outcome: emitted after linger. */
void prober_finish(
    struct prober *, struct ask *, enum outcome, const char *reason);
/* Its record goes to the sink, and nothing more is known of it. */
void prober_emit(struct prober *, struct ask *);
/* The ask ends as unsent. */
void prober_unsent(struct prober *, struct ask *, enum link_error);
/* A reply that is not what it claims to be. */
void prober_unwanted(struct prober *, struct ask *);
/* Another packet of an ask that has taken one's tokens from the schedule. */
void prober_charge(struct prober *, const struct ask *, int packets);
/* What an answer makes us ask once more, and never a loss: a record of its own
 * with retry_of. The ask is of DNS, and finished now. Without memory there is
 * none. */
void prober_retry(
    struct prober *, const struct ask *of, const struct dns_how *);
/* It wants to send again at its due time. */
void prober_want(struct prober *, struct ask *);
/* It would send again once nobody else has something to send; prober_want
 * instead if its reason comes before. */
void prober_ahead(struct prober *, struct ask *);

/* The ask with this index in the plan; NULL: no such. */
struct ask *prober_ask(const struct prober *, uint32_t index);
/* What an ask asks again; NULL: nothing, it was planned. */
const struct ask *prober_asks_again(const struct prober *, const struct ask *);

/* --- clocks.c --- */

void prober_start_clocks(struct prober *);
/* Whether a clock was set or the host slept, since the start; moved_ns: the
 * wall clock against the other since some packet left. */
void prober_note_clocks(struct prober *, int64_t moved_ns);

/* --- retry.c --- */

void prober_forget_retries(struct prober *);

/* --- sample.c --- */

/* Not any more, if it was. */
void prober_not_ahead(struct prober *, struct ask *);

/* --- receive.c --- */

/* Find the probe that an arrival answers and hand it over, or count it. */
void prober_receive(struct prober *, const struct arrival *);

#endif
