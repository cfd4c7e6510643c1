/*
 * DNS messages: what we ask, and what we read of a reply (RFC 1035, EDNS
 * RFC 6891, NSID RFC 5001, CHAOS names RFC 4892, cookies RFC 7873, extended
 * errors RFC 8914). No sockets here.
 */
#ifndef LIB_DNS_H
#define LIB_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/cursor.h"
#include "lib/limits.h"
#include "lib/record.h"
#include "lib/writer.h"

enum {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_CLASS_IN = 1,
	DNS_CLASS_CH = 3,
	DNS_HEADER_LEN = 12,
	DNS_OPTION_NSID = 3,
	DNS_OPTION_COOKIE = 10,
	DNS_OPTION_EDE = 15,
	DNS_CLIENT_COOKIE_LEN = 8,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_BADVERS = 16,
	DNS_RCODE_BADCOOKIE = 23,
};

/* A name in wire form, uncompressed, with its root label. */
struct dns_name {
	uint8_t bytes[LIMIT_DNS_NAME];
	uint8_t len;
};

/* Presentation form ("id.server", final dot optional, \DDD escapes, "." the
 * root) to wire form. 0, or -1. */
int dns_name_from_text(struct dns_name *, const char *text);
/* With a final dot; every byte outside the letters, digits, - and _ as \DDD
 * or \X per RFC 1035 section 5.1. text holds LIMIT_DNS_NAME_TEXT. */
void dns_name_to_text(char *text, size_t size, const struct dns_name *);
/* Same but for ASCII case (RFC 4343). */
bool dns_name_equal(const struct dns_name *, const struct dns_name *);
/* Read a possibly compressed name at the cursor (which is over the whole
 * message): pointers strictly backwards, at most LIMIT_DNS_JUMPS, at most
 * 255 bytes. The cursor ends behind the name as it stands there. */
enum parse_result dns_name_read(struct dns_name *, struct cursor *);

struct dns_question {
	struct dns_name name;
	uint16_t type, class;
};

/* A question as people write it: [rd:][CLASS:][TYPE:]NAME, as in
 * "txt:whoami.example", "a:example.com", "ch:authors.bind". Without type it is
 * TXT; without class IN, but CH for TXT of hostname.bind, id.server,
 * version.bind and version.server. "rd:" asks for recursion. name is its one
 * spelling: lower case, no final dot, nothing said that goes without saying.
 * A colon within a name is written \058. 0, or -1: no such question. */
struct dns_asked {
	struct dns_question question;
	bool rd;
	char name[LIMIT_QUESTION];
};
int dns_asked_from_text(struct dns_asked *, const char *text);

struct dns_query {
	uint16_t id;
	struct dns_question question;
	bool rd;
	/* An OPT record (RFC 6891); without it the rest below is not sent. */
	bool edns;
	uint16_t udp_size; /* advertised; 0: LIMIT_DNS_UDP_SIZE */
	bool nsid;         /* empty NSID option */
	bool dnssec_ok;
	/* RFC 7873 section 5.2: our half, and the server's where it is known.
	 */
	bool cookie;
	uint8_t client_cookie[DNS_CLIENT_COOKIE_LEN];
	uint8_t server_cookie_len; /* 0, or 8 to 32 */
	uint8_t server_cookie[LIMIT_DNS_COOKIE];
};

/* The question that the cursor, over the whole message, stands at: behind
 * the header, DNS_HEADER_LEN. For readers that did not ask it themselves. */
enum parse_result dns_question_read(struct dns_question *, struct cursor *);
/* Same but for ASCII case of the name. */
bool dns_question_equal(
    const struct dns_question *, const struct dns_question *);

/* What a record's reason says of a reply whose question came back in another
 * case than it had been drawn to (RFC 4343 lets servers do so). */
#define DNS_CASE_CHANGED "case changed"

/* The message. Check writer_failed(). */
void dns_query_write(struct writer *, const struct dns_query *);

/* How a reply relates to a query that is still open. */
enum dns_match {
	DNS_MATCH_NONE, /* another id, no response, other opcode or question */
	DNS_MATCH_HEADER, /* right id, but no question to compare: an error
			   * rcode without one, or one that cannot be read or
			   * is not alone, which dns_reply_parse then refuses */
	DNS_MATCH_CASE, /* right id and question but for the case of letters */
	DNS_MATCH_FULL, /* right id and question, names byte for byte */
};
enum dns_match dns_reply_match(
    const struct dns_query *, const void *packet, size_t len);

struct dns_reply {
	uint16_t id;
	bool qr, aa, tc, rd, ra, ad, cd;
	uint8_t opcode;
	uint16_t rcode; /* extended by OPT where there is one */
	uint16_t question_count, answer_count, authority_count,
	    additional_count; /* as the header says */
	bool edns;
	uint16_t edns_size;
	uint8_t edns_version;
	uint8_t nsid_count;       /* of the LIMIT_DNS_OPTIONS first options */
	struct record_bytes nsid; /* the first */
	uint32_t nsid_len;        /* its true length */
	/* The first cookie option of a length that RFC 7873 allows. */
	bool cookie;
	uint8_t client_cookie[DNS_CLIENT_COOKIE_LEN];
	uint8_t server_cookie_len; /* 0, or 8 to 32 */
	uint8_t server_cookie[LIMIT_DNS_COOKIE];
	uint8_t ede_count; /* kept */
	struct record_ede ede[LIMIT_EDE];
	uint8_t answer_kept;
	/* Answers whose owner, type and class are those of the question: for
	 * TXT the strings of each record joined without separator; for SOA,
	 * A, AAAA, NS, CNAME their text; others RFC 3597 "\# LEN HEX". */
	struct record_bytes answer[LIMIT_ANSWERS];
	int64_t serial; /* of the first SOA in the answer section; -1 */
};

/* Read a whole message that dns_reply_match let through. What was read before
 * the fault stays in reply. *fault is a constant text that names the part:
 * "header" (PARSE_SHORT; all others are PARSE_MALFORMED) "question" "count"
 * (fewer records than the header says) "name" (of an owner) "rdlen" "txt"
 * "soa" "rdata" (A, AAAA, NS, CNAME) "edns" "opt2" "trailing"; NULL when
 * PARSE_OK. With tc set, a fault behind the question is no fault: such a
 * message may end anywhere. What lies behind LIMIT_DNS_RECORDS records, or
 * in OPT behind LIMIT_DNS_OPTIONS options, is not looked at. Never slower
 * than linear in len. */
enum parse_result dns_reply_parse(struct dns_reply *, const void *packet,
    size_t len, const struct dns_question *, const char **fault);

/* What a record says of a reply of so many bytes; no raw bytes. */
void dns_reply_keep(struct record_dns *, const struct dns_reply *, size_t size);

#endif
