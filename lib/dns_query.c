#include "lib/dns.h"

#include <string.h>

enum {
	FLAG_RD = 0x0100,
	FLAG_QR = 0x8000,
	MASK_OPCODE = 0x7800,
	MASK_RCODE = 0x000f,
	EDNS_DO = 0x8000,
	OPTION_HEADER_LEN = 4,
};

static size_t
cookie_len(const struct dns_query *query)
{
	return DNS_CLIENT_COOKIE_LEN + (size_t)query->server_cookie_len;
}

static size_t
options_len(const struct dns_query *query)
{
	size_t len = query->nsid ? OPTION_HEADER_LEN : 0;

	if (query->cookie)
		len += OPTION_HEADER_LEN + cookie_len(query);
	return len;
}

/* RFC 6891 section 6.1.2; NSID empty as RFC 5001 section 2.1 wants it. */
static void
opt_write(struct writer *w, const struct dns_query *query)
{
	writer_u8(w, 0); /* the root */
	writer_u16(w, DNS_TYPE_OPT);
	writer_u16(
	    w, query->udp_size != 0 ? query->udp_size : LIMIT_DNS_UDP_SIZE);
	writer_u16(w, 0); /* extended rcode, version */
	writer_u16(w, query->dnssec_ok ? EDNS_DO : 0);
	writer_u16(w, (uint16_t)options_len(query));
	if (query->cookie) {
		writer_u16(w, DNS_OPTION_COOKIE);
		writer_u16(w, (uint16_t)cookie_len(query));
		writer_bytes(w, query->client_cookie, DNS_CLIENT_COOKIE_LEN);
		writer_bytes(w, query->server_cookie, query->server_cookie_len);
	}
	if (query->nsid) {
		writer_u16(w, DNS_OPTION_NSID);
		writer_u16(w, 0);
	}
}

void
dns_query_write(struct writer *w, const struct dns_query *query)
{
	const struct dns_question *question = &query->question;

	writer_u16(w, query->id);
	writer_u16(w, query->rd ? FLAG_RD : 0);
	writer_u16(w, 1); /* question */
	writer_u16(w, 0); /* answer */
	writer_u16(w, 0); /* authority */
	writer_u16(w, query->edns ? 1 : 0);
	writer_bytes(w, question->name.bytes, question->name.len);
	writer_u16(w, question->type);
	writer_u16(w, question->class);
	if (query->edns)
		opt_write(w, query);
}

enum parse_result
dns_question_read(struct dns_question *question, struct cursor *c)
{
	enum parse_result result = dns_name_read(&question->name, c);

	if (result != PARSE_OK)
		return result;
	question->type = cursor_u16(c);
	question->class = cursor_u16(c);
	return cursor_failed(c) ? PARSE_SHORT : PARSE_OK;
}

bool
dns_question_equal(const struct dns_question *a, const struct dns_question *b)
{
	return a->type == b->type && a->class == b->class &&
	       dns_name_equal(&a->name, &b->name);
}

static enum dns_match
compare_questions(const struct dns_question *a, const struct dns_question *b)
{
	if (!dns_question_equal(a, b))
		return DNS_MATCH_NONE;
	return memcmp(a->name.bytes, b->name.bytes, a->name.len) == 0
		   ? DNS_MATCH_FULL
		   : DNS_MATCH_CASE;
}

enum dns_match
dns_reply_match(const struct dns_query *query, const void *packet, size_t len)
{
	struct cursor c = cursor_over(packet, len);
	struct dns_question question;
	uint16_t id = cursor_u16(&c);
	uint16_t flags = cursor_u16(&c);
	uint16_t question_count = cursor_u16(&c);

	cursor_seek(&c, DNS_HEADER_LEN);
	if (cursor_failed(&c) || id != query->id)
		return DNS_MATCH_NONE;
	if ((flags & FLAG_QR) == 0 || (flags & MASK_OPCODE) != 0)
		return DNS_MATCH_NONE;
	if (question_count == 0)
		return (flags & MASK_RCODE) != 0 ? DNS_MATCH_HEADER
						 : DNS_MATCH_NONE;
	if (question_count > 1 || dns_question_read(&question, &c) != PARSE_OK)
		return DNS_MATCH_HEADER;
	return compare_questions(&question, &query->question);
}
