/*
 * A probing method: how one kind of question is sent and answered. A new one
 * is a method_*.c and a line where questions are made (plan.c).
 */
#ifndef PROBE_METHOD_H
#define PROBE_METHOD_H

#include "lib/icmp.h"
#include "probe/link.h"
#include "probe/probe.h"

struct prober;

/* What was received and found to belong to a probe. */
struct reply {
	enum reply_kind {
		REPLY_DNS,    /* a datagram on the flow's socket */
		REPLY_ECHO,   /* an echo reply */
		REPLY_ERROR,  /* an ICMP error that quotes the probe */
		REPLY_STREAM, /* what happened to its stream: arrival */
	} kind;
	const struct arrival *arrival;
	struct addr from;
	const uint8_t *bytes; /* of REPLY_DNS: the message */
	size_t len;
	uint8_t icmp_type, icmp_code;    /* of REPLY_ERROR */
	const struct icmp_message *icmp; /* NULL from an error queue */
	uint8_t auth_bits; /* of ours, unpredictable, that it repeats */
	bool weak;         /* DNS: header only, no question */
	bool recased;      /* DNS: the question's letters in another case */
};

enum send_result {
	SEND_DONE,  /* nothing more until a reply or a timeout */
	SEND_MORE,  /* wants to send another packet at once */
	SEND_AHEAD, /* likewise, if nobody else wants to */
	SEND_LATER, /* no buffer: try again soon */
	SEND_OVER,  /* nothing left the host; the ask is finished */
};

struct method {
	enum record_type type;
	/* Send the ask's next packet. */
	enum send_result (*send)(struct prober *, struct ask *);
	/* A reply to one of its probes, which is open. */
	void (*take)(struct prober *, struct probe *, const struct reply *);
	/* A reply to a probe that has been answered already: does it differ? */
	bool (*differs)(struct prober *, struct ask *, const struct reply *);
	/* The probe's time is up. */
	void (*expire)(struct prober *, struct probe *);
	/* No packet leaves any more: the ask ends when those under way have.
	 * NULL: one packet is all there is. */
	void (*stop)(struct prober *, struct ask *);
	/* Free what the ask holds beside its record; NULL: nothing. */
	void (*forget)(struct ask *);
};

extern const struct method method_dns_udp, method_dns_tcp, method_echo,
    method_trace;

/* A message about packet size (fragmentation needed, packet too big, reassembly
 * time exceeded) answers no question, and no method is given one. */
bool reply_is_about_size(const struct reply *);
/* Port unreachable, whoever says it. */
bool reply_is_refusal(const struct reply *);

/* --- method_dns.c: what all that ask DNS questions share --- */

/* A random id, no other's on the flow, and letters where they are mixed. */
void dns_draw(struct prober *, struct probe *);
/* Instead, where what was sent is played: its id, our cookie. */
enum link_error dns_recall(struct prober *, struct probe *, struct link_sent *);
/* The query that is sent, and that replies are matched with. */
void dns_query_of(const struct probe *, struct dns_query *);
/* An rcode of who does not speak EDNS (RFC 6891 section 7). */
bool dns_dislikes_edns(uint16_t rcode);
/* Whether a question is asked again because of the reply, which is what has to
 * change (RFC 6891 section 7, RFC 7766 section 5, RFC 7873 section 5.2.3). how:
 * as it was asked; then as it is asked again. */
struct dns_how {
	enum proto proto;
	bool cookie; /* ours */
	bool plain;  /* without EDNS */
	bool cookie_renewed;
};
bool dns_asks_again(struct dns_how *how, const struct dns_reply *);
/* A message that matched: the ask's record and end, and what is asked again
 * because of it. false: none of ours, or unparseable, which is kept: the wait
 * goes on. */
bool dns_answer(struct prober *, struct probe *, const struct reply *);
/* How a message relates to a probe's query. false: none of it; else weak and
 * recased of the reply are set. */
bool dns_matches(const struct probe *, struct reply *);
/* dns_reply_parse of a message that matched: as if the letters of its question
 * had not been drawn. */
enum parse_result dns_read(struct dns_reply *, const struct ask *,
    const struct reply *, const char **fault);
/* A second answer with another name, rcode or answer: its first bytes are
 * kept. Who injects answers first. */
bool dns_differs(struct prober *, struct ask *, const struct reply *);
/* An ICMP error: the ask's end. */
void dns_error(struct prober *, struct probe *, const struct reply *);
/* Bytes of an answer that could not be read, as evidence. */
void dns_keep_raw(struct record_dns *, const uint8_t *bytes, size_t len);

/* --- method_dns_udp.c, also for traces whose packets are DNS queries --- */

/* Write and send probe's query on its flow's open socket. */
enum link_error dns_udp_transmit(struct prober *, struct probe *);

/* --- method_echo.c, also for ICMP traces --- */

enum link_error echo_transmit(struct prober *, struct probe *);
/* Whether the payload carries the token of this probe. */
bool echo_token_valid(const struct prober *, const struct probe *,
    const uint8_t *payload, size_t len);

#endif
