/*
 * Queries, and the messages that answer them, for the tests of lib/dns.h.
 * cmocka.h comes first.
 */
#ifndef TESTS_UNIT_DNS_MESSAGE_H
#define TESTS_UNIT_DNS_MESSAGE_H

#include "lib/dns.h"

#define QR 0x8000
#define TC 0x0200

static inline struct dns_name
name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(&name, text), 0);
	return name;
}

static inline struct dns_query
query_for(const char *name, uint16_t type, uint16_t class)
{
	return (struct dns_query){ .id = 0x1234,
		.question = { name_of(name), type, class },
		.edns = true,
		.nsid = true };
}

struct message {
	uint8_t bytes[LIMIT_DNS_MESSAGE];
	struct writer w;
};

static inline struct message *
message_begin(uint16_t flags, const uint16_t counts[4])
{
	static struct message m;
	int i;

	m.w = writer_over(m.bytes, sizeof(m.bytes));
	writer_u16(&m.w, 0x1234);
	writer_u16(&m.w, flags);
	for (i = 0; i < 4; i++)
		writer_u16(&m.w, counts[i]);
	return &m;
}

/* A reply to query with counts of answer, authority, additional. */
static inline struct message *
reply_begin(
    const struct dns_query *query, uint16_t flags, uint16_t an, uint16_t ar)
{
	const uint16_t counts[4] = { 1, an, 0, ar };
	struct message *m = message_begin(flags, counts);

	writer_bytes(
	    &m->w, query->question.name.bytes, query->question.name.len);
	writer_u16(&m->w, query->question.type);
	writer_u16(&m->w, query->question.class);
	return m;
}

static inline void
rr(struct message *m, uint16_t type, uint16_t class, const char *rdata,
    size_t len)
{
	writer_u16(&m->w, 0xc00c);
	writer_u16(&m->w, type);
	writer_u16(&m->w, class);
	writer_u32(&m->w, 0);
	writer_u16(&m->w, (uint16_t)len);
	writer_bytes(&m->w, rdata, len);
}

static inline void
opt(struct message *m, uint32_t ttl, const void *rdata, size_t len)
{
	writer_u8(&m->w, 0);
	writer_u16(&m->w, DNS_TYPE_OPT);
	writer_u16(&m->w, 1232);
	writer_u32(&m->w, ttl);
	writer_u16(&m->w, (uint16_t)len);
	writer_bytes(&m->w, rdata, len);
}

#define TXT(m, text) rr(m, DNS_TYPE_TXT, DNS_CLASS_CH, text, sizeof(text) - 1)
#define OPT(m, text) opt(m, 0, text, sizeof(text) - 1)

static inline enum parse_result
parse(struct dns_reply *reply, const struct message *m,
    const struct dns_query *query, const char **fault)
{
	return dns_reply_parse(
	    reply, m->bytes, m->w.len, &query->question, fault);
}

#endif
