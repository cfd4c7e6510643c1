/* DNS over whatever transport: the query, and what is read of an answer. */
#include "probe/prober.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/text.h"

/* What is called 0x20: letters are equal in either case (RFC 4343), and most
 * servers give them back as they were sent. How many there are. */
static int
mix_letters(struct dns_name *name, uint64_t mixed)
{
	int letters = 0;
	size_t i;

	for (i = 0; i < name->len && letters < 64; i++) {
		if (!isalpha(name->bytes[i]))
			continue;
		if ((mixed >> letters & 1) != 0)
			name->bytes[i] ^= 0x20;
		letters++;
	}
	return letters;
}

void
dns_query_of(const struct probe *probe, struct dns_query *query)
{
	const struct ask *ask = probe->ask;
	const struct question *question = ask->question;
	const struct flow_server_cookie *server = ask->flow->server_cookie;

	*query = (struct dns_query){ .id = probe->id,
		.question = question->dns,
		.rd = question->rd,
		.edns = !ask->plain,
		.udp_size = question->udp_size,
		.nsid = !ask->plain,
		.dnssec_ok = question->dnssec_ok && !ask->plain,
		.cookie = question->cookie && !ask->plain };
	memcpy(query->client_cookie, ask->flow->cookie,
	    sizeof(query->client_cookie));
	/* The packets of a trace stay as long as the first. */
	if (ask->method->type == RECORD_DNS && server != NULL) {
		query->server_cookie_len = server->len;
		memcpy(query->server_cookie, server->bytes, server->len);
	}
	(void)mix_letters(&query->question.name, probe->mixed);
}

/* The kernel is asked for many at once. */
static void
draw(struct prober *p, void *bytes, size_t len)
{
	if (p->random_left < len) {
		if (getrandom(p->random, sizeof(p->random), 0) !=
		    (ssize_t)sizeof(p->random))
			abort();
		p->random_left = sizeof(p->random);
	}
	p->random_left -= len;
	memcpy(bytes, &p->random[p->random_left], len);
}

static bool
is_id_taken(const struct flow *flow, uint16_t id)
{
	const struct probe *probe;

	if (!flow_may_have(flow->ids, id))
		return false;
	TAILQ_FOREACH(probe, &flow->probes, by_flow)
	{
		if (probe->id == id)
			return true;
	}
	return false;
}

void
dns_draw(struct prober *p, struct probe *drawn)
{
	struct flow *flow = drawn->ask->flow;
	uint16_t id;

	do
		draw(p, &id, sizeof(id));
	while (is_id_taken(flow, id));
	flow_has(&flow->ids, id);
	drawn->id = id;
	drawn->mixed = 0;
	if (drawn->ask->letters != LETTERS_PLAIN)
		draw(p, &drawn->mixed, sizeof(drawn->mixed));
}

/* Which letters of a name are in the other case than in the question. */
static uint64_t
find_mixed(const struct dns_name *asked, const struct dns_name *sent)
{
	uint64_t mixed = 0;
	int letters = 0;
	size_t i;

	for (i = 0; i < asked->len && i < sent->len && letters < 64; i++) {
		if (!isalpha(asked->bytes[i]))
			continue;
		if (asked->bytes[i] != sent->bytes[i])
			mixed |= (uint64_t)1 << letters;
		letters++;
	}
	return mixed;
}

enum link_error
dns_recall(struct prober *p, struct probe *probe, struct link_sent *sent)
{
	struct flow *flow = probe->ask->flow;
	enum link_error error = prober_recall(p, probe, sent);
	const struct question *question = probe->ask->question;
	struct dns_question asked;
	struct dns_reply query;
	const char *fault;
	struct cursor c;

	if (error != LINK_OK)
		return error;
	c = cursor_over(sent->bytes, sent->len);
	probe->id = cursor_u16(&c);
	cursor_seek(&c, DNS_HEADER_LEN);
	if (dns_question_read(&asked, &c) == PARSE_OK)
		probe->mixed = find_mixed(&question->dns.name, &asked.name);
	probe->cksum = sent->cksum;
	if (dns_reply_parse(&query, sent->bytes, sent->len, &question->dns,
		&fault) == PARSE_OK &&
	    query.cookie)
		memcpy(flow->cookie, query.client_cookie, sizeof(flow->cookie));
	return LINK_OK;
}

bool
dns_matches(const struct probe *probe, struct reply *reply)
{
	struct dns_query query;

	dns_query_of(probe, &query);
	switch (dns_reply_match(&query, reply->bytes, reply->len)) {
	case DNS_MATCH_FULL:
		return true;
	case DNS_MATCH_CASE:
		reply->recased = true;
		return probe->ask->letters != LETTERS_STRICT;
	case DNS_MATCH_HEADER:
		reply->weak = true;
		return true;
	case DNS_MATCH_NONE:
		break;
	}
	return false;
}

/* Names in an answer may end in a pointer to the question's. */
static void
undo_letters(uint8_t *bytes, size_t len, const struct dns_name *asked)
{
	struct dns_name name = *asked;

	if (len < DNS_HEADER_LEN + (size_t)asked->len)
		return;
	memcpy(name.bytes, bytes + DNS_HEADER_LEN, asked->len);
	if (dns_name_equal(&name, asked))
		memcpy(bytes + DNS_HEADER_LEN, asked->bytes, asked->len);
}

enum parse_result
dns_read(struct dns_reply *message, const struct ask *ask,
    const struct reply *reply, const char **fault)
{
	const struct dns_question *asked = &ask->question->dns;
	uint8_t *copy = NULL;
	enum parse_result result;

	if (ask->letters != LETTERS_PLAIN)
		copy = malloc(reply->len + 1);
	if (copy == NULL)
		return dns_reply_parse(
		    message, reply->bytes, reply->len, asked, fault);
	memcpy(copy, reply->bytes, reply->len);
	undo_letters(copy, reply->len, &asked->name);
	result = dns_reply_parse(message, copy, reply->len, asked, fault);
	free(copy);
	return result;
}

void
dns_keep_raw(struct record_dns *dns, const uint8_t *bytes, size_t len)
{
	if (len > LIMIT_RAW_REPLY)
		len = LIMIT_RAW_REPLY;
	memcpy(dns->raw, bytes, len);
	dns->raw_len = (uint16_t)len;
}

/* The order of a set says nothing, and is another in each answer: where one of
 * them is known to be the name, it is the first. */
static void
put_name_first(struct record_dns *dns, const char *begins)
{
	struct record_bytes first;
	size_t i, len;

	if (begins == NULL)
		return;
	len = strlen(begins);
	for (i = 1; i < dns->answer_count; i++) {
		if (dns->answer[i].len >= len &&
		    memcmp(dns->answer[i].bytes, begins, len) == 0)
			break;
	}
	if (i >= dns->answer_count ||
	    (dns->answer[0].len >= len &&
		memcmp(dns->answer[0].bytes, begins, len) == 0))
		return;
	first = dns->answer[0];
	dns->answer[0] = dns->answer[i];
	dns->answer[i] = first;
}

void
dns_error(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	char reason[LIMIT_REASON];

	(void)text_print(reason, sizeof(reason), "icmp %d/%d", reply->icmp_type,
	    reply->icmp_code);
	prober_record(p, ask)->auth_bits = reply->auth_bits;
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(p, ask,
	    reply_is_refusal(reply) ? OUTCOME_REFUSED : OUTCOME_UNREACHABLE,
	    reason);
}

/* An unparseable reply is kept, and the wait goes on: a good one wins. */
static void
keep_malformed(struct prober *p, struct ask *ask, const struct reply *reply,
    const char *fault)
{
	struct record *r = prober_record(p, ask);

	if (r->reason[0] == '\0') {
		(void)text_print(
		    r->reason, sizeof(r->reason), "malformed %s", fault);
		dns_keep_raw(&r->dns, reply->bytes, reply->len);
	}
}

/* RFC 7873 section 5.3: a reply with another client's cookie is discarded. */
static bool
has_false_cookie(const struct dns_query *query, const struct dns_reply *reply)
{
	return query->cookie && reply->cookie &&
	       memcmp(query->client_cookie, reply->client_cookie,
		   sizeof(query->client_cookie)) != 0;
}

bool
dns_dislikes_edns(uint16_t rcode)
{
	return rcode == DNS_RCODE_FORMERR || rcode == DNS_RCODE_NOTIMP ||
	       rcode == DNS_RCODE_BADVERS;
}

/* To a query with our cookie: another of the server's, which it brings. */
static bool
renews_cookie(const struct dns_reply *reply)
{
	return reply->rcode == DNS_RCODE_BADCOOKIE && reply->cookie &&
	       reply->server_cookie_len > 0;
}

bool
dns_asks_again(struct dns_how *how, const struct dns_reply *reply)
{
	if (renews_cookie(reply)) {
		if (!how->cookie || how->plain || how->cookie_renewed)
			return false;
		how->cookie_renewed = true;
	} else if (!how->plain && dns_dislikes_edns(reply->rcode))
		how->plain = true;
	else if (reply->tc && how->proto == PROTO_UDP)
		how->proto = PROTO_TCP;
	else
		return false;
	return true;
}

/* That of an answer to our half, whatever its rcode (RFC 7873 section 5.3). */
static void
keep_server_cookie(const struct ask *ask, const struct dns_query *query,
    const struct dns_reply *reply)
{
	struct flow_server_cookie *cookie = ask->flow->server_cookie;

	if (!query->cookie || !reply->cookie || reply->server_cookie_len == 0)
		return;
	if (cookie == NULL)
		cookie = ask->flow->server_cookie = malloc(sizeof(*cookie));
	if (cookie == NULL)
		return; /* the next query goes without, as the first did */
	cookie->len = reply->server_cookie_len;
	memcpy(cookie->bytes, reply->server_cookie, reply->server_cookie_len);
}

static void
ask_again(
    struct prober *p, const struct ask *ask, const struct dns_reply *reply)
{
	struct dns_how how = { .proto = ask->flow->proto,
		.cookie = ask->question->cookie,
		.plain = ask->plain,
		.cookie_renewed = ask->cookie_renewed };

	if (dns_asks_again(&how, reply))
		prober_retry(p, ask, &how);
}

static int16_t
auth_bits(const struct probe *probe, const struct reply *reply,
    const struct dns_reply *message)
{
	struct dns_name name = probe->ask->question->dns.name;
	int bits = reply->auth_bits;

	if (probe->ask->letters != LETTERS_PLAIN && !reply->weak &&
	    !reply->recased)
		bits += mix_letters(&name, 0);
	if (probe->ask->question->cookie && message->cookie)
		bits += AUTH_COOKIE;
	return (int16_t)bits;
}

static const char *
remark_on(const struct ask *ask, const struct reply *reply)
{
	if (reply->weak)
		return "header only";
	/* What was not drawn may come back as it likes. */
	return reply->recased && ask->letters != LETTERS_PLAIN
		   ? DNS_CASE_CHANGED
		   : NULL;
}

bool
dns_answer(struct prober *p, struct probe *probe, const struct reply *reply)
{
	struct ask *ask = probe->ask;
	struct record *r = prober_record(p, ask);
	struct dns_reply *message = p->reply;
	struct dns_query query;
	const char *fault;

	if (dns_read(message, ask, reply, &fault) != PARSE_OK) {
		keep_malformed(p, ask, reply, fault);
		return false;
	}
	dns_query_of(probe, &query);
	if (has_false_cookie(&query, message)) {
		prober_unwanted(p, ask);
		return false;
	}
	keep_server_cookie(ask, &query, message);
	dns_reply_keep(&r->dns, message, reply->len);
	put_name_first(&r->dns, ask->question->begins);
	r->reason[0] = '\0';
	r->rtt_us = prober_rtt_us(p, probe, reply->arrival, &r->stamp);
	r->reply_ttl = reply->arrival->ttl;
	r->auth_bits = auth_bits(probe, reply, message);
	outstanding_close(&p->outstanding, probe, PATIENCE_ANSWER);
	prober_finish(p, ask, OUTCOME_ANSWERED, remark_on(ask, reply));
	ask_again(p, ask, message);
	return true;
}

static bool
same_bytes(const struct record_bytes *a, const struct record_bytes *b)
{
	return a->present == b->present && a->len == b->len &&
	       memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool
has_answer(const struct record_dns *dns, const struct record_bytes *answer)
{
	size_t i;

	for (i = 0; i < dns->answer_count; i++) {
		if (same_bytes(&dns->answer[i], answer))
			return true;
	}
	return false;
}

bool
dns_differs(struct prober *p, struct ask *ask, const struct reply *reply)
{
	struct record_dns *dns = &prober_record(p, ask)->dns;
	const struct dns_reply *other = p->reply;
	const char *fault;
	size_t i;
	bool same;

	if (reply->kind != REPLY_DNS ||
	    ask->sample->outcome != OUTCOME_ANSWERED)
		return false;
	same = dns_read(p->reply, ask, reply, &fault) == PARSE_OK &&
	       other->rcode == dns->rcode &&
	       same_bytes(&other->nsid, &dns->nsid) &&
	       other->answer_kept == dns->answer_count;
	for (i = 0; same && i < dns->answer_count; i++)
		same = has_answer(dns, &other->answer[i]);
	if (!same && dns->raw_len == 0)
		dns_keep_raw(dns, reply->bytes, reply->len);
	return !same;
}
