/*
 * Any bytes as a DNS reply: matched and parsed without fault, and what is
 * kept agrees with itself.
 */
#include <assert.h>
#include <string.h>

#include "lib/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The query that these bytes would best answer: their own question and id. */
static struct dns_query
query_of(const uint8_t *bytes, size_t len)
{
	struct dns_query query = { 0 };
	struct cursor c = cursor_over(bytes, len);

	query.id = cursor_u16(&c);
	cursor_seek(&c, DNS_HEADER_LEN);
	if (dns_question_read(&query.question, &c) != PARSE_OK)
		(void)dns_name_from_text(&query.question.name, "id.server");
	return query;
}

static void
check_kept(const struct record_bytes *kept)
{
	assert(kept->present);
	assert(kept->len <= LIMIT_IDENTITY);
}

static void
check_reply(
    const struct dns_reply *r, enum parse_result result, const char *fault)
{
	int i;

	assert((result == PARSE_OK) == (fault == NULL));
	assert((result == PARSE_SHORT) ==
	       (fault != NULL && strcmp(fault, "header") == 0));
	assert(r->answer_kept <= LIMIT_ANSWERS);
	assert(r->answer_kept <= r->answer_count);
	for (i = 0; i < r->answer_kept; i++)
		check_kept(&r->answer[i]);
	assert(r->nsid.present == (r->nsid_count > 0));
	assert(r->nsid_count <= LIMIT_DNS_OPTIONS);
	if (r->nsid.present) {
		check_kept(&r->nsid);
		assert(r->edns);
		assert(r->nsid.len == (r->nsid_len < LIMIT_IDENTITY
					      ? r->nsid_len
					      : LIMIT_IDENTITY));
	}
	assert(r->serial >= -1 && r->serial <= UINT32_MAX);
	assert(r->edns || r->rcode < 16);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct dns_query query = query_of(bytes, len);
	enum dns_match match = dns_reply_match(&query, bytes, len);
	struct dns_reply reply;
	const char *fault = "";
	enum parse_result result;

	result = dns_reply_parse(&reply, bytes, len, &query.question, &fault);
	check_reply(&reply, result, fault);
	if (match == DNS_MATCH_FULL)
		assert(reply.qr && reply.opcode == 0 &&
		       reply.question_count == 1 && reply.id == query.id);
	if (match == DNS_MATCH_HEADER && result == PARSE_OK)
		assert(reply.question_count == 0 && reply.rcode != 0);
	return 0;
}
