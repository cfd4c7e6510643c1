#include "probe/look_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/record_json.h"
#include "lib/text.h"

#define TRACE_PAUSE_S 10 /* then a hop is of another trace */
#define DNS_PORT 53      /* of an address that only echo or a trace asked */
#define EXPECTED 64      /* retries that may come yet */

/* A question, kept until the look is over. */
struct kept_question {
	struct question question;
	struct kept_question *next;
};

/* What an answer made ask again, and who asks it then. */
struct expected {
	struct link_tuple tuple; /* its kind, destination and port there;
				  * its own port where that is the same, or 0 */
	struct dns_question question;
	bool plain, cookie_renewed;
	int n;
};

struct look_read {
	const struct look_options *options;
	struct evidence_replay *replay;
	struct services *services; /* NULL: a bad table, which the look tells */
	struct kept_question *questions;
	struct expected expected[EXPECTED];
	size_t expected_count;
};

/* --- the addresses --- */

static const struct look_address *
find_address(const struct look_address *addresses, size_t count,
    const struct link_tuple *tuple)
{
	uint16_t port = tuple->kind == LINK_ICMP ? 0 : tuple->dport;
	size_t i;

	for (i = 0; i < count; i++) {
		if (addr_equal(&addresses[i].addr, &tuple->dst) &&
		    (port == 0 || addresses[i].port == port))
			return &addresses[i];
	}
	return NULL;
}

static bool
is_wanted(const struct look_options *o, const struct event *e)
{
	return e->kind != EVENT_TAKEN &&
	       (o->family == 0 || o->family == e->with->tuple.dst.af);
}

static int
add_address(struct look_address **addresses, size_t *count,
    const struct link_tuple *tuple)
{
	char text[ADDR_TEXT];
	struct look_address *grown;

	if (*count >= LIMIT_ADDRESSES) {
		log_warnx("more than %d addresses", LIMIT_ADDRESSES);
		return EXIT_BAD_USAGE;
	}
	grown = reallocarray(*addresses, *count + 1, sizeof(*grown));
	if (grown == NULL)
		return EXIT_STORAGE;
	*addresses = grown;
	grown[*count] = (struct look_address){ .name = strdup(addr_format(
						   text, &tuple->dst)),
		.addr = tuple->dst,
		.port = tuple->kind == LINK_ICMP ? DNS_PORT : tuple->dport };
	if (grown[*count].name == NULL)
		return EXIT_STORAGE;
	(*count)++;
	return EXIT_DONE;
}

/* Those with ports first: echo and traces go with them. */
static int
find_addresses(struct look_read *r, struct look_address **addresses,
    size_t *count, bool icmp)
{
	size_t i, events = evidence_event_count(r->replay);
	int code = EXIT_DONE;

	for (i = 0; i < events && code == EXIT_DONE; i++) {
		const struct event *e = evidence_event(r->replay, i);

		if (!is_wanted(r->options, e) ||
		    (e->with->tuple.kind == LINK_ICMP) != icmp ||
		    find_address(*addresses, *count, &e->with->tuple) != NULL)
			continue;
		code = add_address(addresses, count, &e->with->tuple);
	}
	return code;
}

int
look_read_addresses(const struct look_options *o, struct look_read **out,
    struct look_address **addresses, size_t *count)
{
	struct look_read *r = calloc(1, sizeof(*r));
	char error[512];
	int code;

	*addresses = NULL;
	*count = 0;
	if ((*out = r) == NULL)
		return EXIT_STORAGE;
	r->options = o;
	r->services = services_read(o->services, error, sizeof(error));
	if ((r->replay = evidence_read(o->read, &code)) == NULL)
		return code;
	code = find_addresses(r, addresses, count, false);
	if (code == EXIT_DONE)
		code = find_addresses(r, addresses, count, true);
	if (code != EXIT_DONE || *count > 0)
		return code;
	log_warnx("%s: no DNS query and no echo request is in it", o->read);
	return EXIT_BAD_USAGE;
}

struct link *
look_read_link(struct look_read *r)
{
	return evidence_link(r->replay);
}

struct span
look_read_span(const struct look_read *r)
{
	return evidence_span(r->replay);
}

void
look_read_done(struct look_read *r)
{
	struct kept_question *kept;

	if (r == NULL)
		return;
	while ((kept = r->questions) != NULL) {
		r->questions = kept->next;
		free(kept);
	}
	evidence_read_done(r->replay);
	services_free(r->services);
	free(r);
}

/* --- the questions --- */

/* Letters of both cases: they were drawn. */
static bool
is_mixed(const struct dns_name *name)
{
	size_t i;

	for (i = 0; i < name->len; i++) {
		if (isupper(name->bytes[i]))
			return true;
	}
	return false;
}

/* Not known is whether the reply had to have the same. */
static enum letters
letters_of(const struct look_read *r, const struct event *e)
{
	struct cursor c = cursor_over(e->bytes, e->len);
	struct dns_question asked;

	cursor_skip(&c, DNS_HEADER_LEN);
	if (dns_question_read(&asked, &c) != PARSE_OK || !is_mixed(&asked.name))
		return LETTERS_PLAIN;
	return r->options->mixed_case ? LETTERS_STRICT : LETTERS_MIXED;
}

/* Lengths are below all letters. */
static void
lower(struct dns_name *name)
{
	size_t i;

	for (i = 0; i < name->len; i++)
		name->bytes[i] = (uint8_t)tolower(name->bytes[i]);
}

/* As dns_asked_from_text has it. */
static int
name_question(const struct look_options *o, struct question *q)
{
	char type[RECORD_MNEMONIC], class[RECORD_MNEMONIC];
	char text[LIMIT_DNS_NAME_TEXT + 64];
	struct dns_asked asked;

	if (q->dns.type == DNS_TYPE_SOA && q->dns.class == DNS_CLASS_IN)
		return text_copy(q->name, sizeof(q->name), "soa");
	record_qtype_format(type, q->dns.type);
	record_qclass_format(class, q->dns.class);
	if (text_print(text, sizeof(text), "%s%s:%s:%s",
		q->rd && !o->rd ? "rd:" : "", class, type, q->qname) == -1 ||
	    dns_asked_from_text(&asked, text) == -1)
		return text_copy(q->name, sizeof(q->name), "unnamed");
	return text_copy(q->name, sizeof(q->name), asked.name);
}

/* What a query asks; false: it cannot be read. plain: without EDNS. */
static bool
read_query(const struct look_read *r, struct question *q, const struct event *e,
    bool *plain)
{
	struct cursor c = cursor_over(e->bytes, e->len);
	char text[LIMIT_DNS_NAME_TEXT];
	struct dns_reply query;
	const char *fault;

	memset(q, 0, sizeof(*q));
	q->method = &method_dns_udp;
	cursor_skip(&c, DNS_HEADER_LEN);
	if (dns_question_read(&q->dns, &c) != PARSE_OK)
		return false;
	(void)dns_reply_parse(&query, e->bytes, e->len, &q->dns, &fault);
	q->rd = query.rd;
	q->udp_size = query.edns_size;
	q->cookie = query.cookie;
	*plain = !query.edns;
	lower(&q->dns.name);
	dns_name_to_text(text, sizeof(text), &q->dns.name);
	return text_copy(q->qname, sizeof(q->qname), text) == 0 &&
	       name_question(r->options, q) == 0;
}

static struct question *
keep_question(
    struct look_read *r, const struct question *q, const struct addr *addr)
{
	struct kept_question *kept = malloc(sizeof(*kept));

	if (kept == NULL)
		return NULL;
	kept->question = *q;
	if (r->services != NULL)
		kept->question.begins =
		    services_begins(r->services, addr, q->name);
	kept->next = r->questions;
	r->questions = kept;
	return &kept->question;
}

/* --- retries --- */

/* The query that an answer has the id of, sent before it. */
static const struct event *
query_of(struct look_read *r, size_t answer)
{
	const struct event *a = evidence_event(r->replay, answer);
	size_t skip = a->arrival == ARRIVAL_STREAM ? 2 : 0;
	const struct event *found = NULL;
	int32_t place = a->with->first;

	while (place != -1 && (size_t)place < answer) {
		const struct event *e =
		    evidence_event(r->replay, (size_t)place);

		if (e->kind == EVENT_SENT && e->len >= 2 &&
		    a->len >= 2 + skip &&
		    memcmp(e->bytes, a->bytes + skip, 2) == 0)
			found = e;
		place = e->next;
	}
	return found;
}

/* The stream of the same flow, whose port is another. */
static struct link_tuple
tcp_of(const struct link_tuple *udp)
{
	struct link_tuple tcp = *udp;

	tcp.kind = LINK_TCP;
	tcp.port = 0;
	return tcp;
}

static void
expect_retry(struct look_read *r, size_t answer)
{
	const struct event *a = evidence_event(r->replay, answer);
	const struct event *e = query_of(r, answer);
	size_t skip = a->arrival == ARRIVAL_STREAM ? 2 : 0;
	const struct link_tuple *tuple = &a->with->tuple;
	bool udp = tuple->kind == LINK_UDP;
	struct dns_how how = { .proto = udp ? PROTO_UDP : PROTO_TCP };
	struct dns_reply reply;
	struct question q;
	const char *fault;

	if (e == NULL || r->expected_count == EXPECTED ||
	    !read_query(r, &q, e, &how.plain) ||
	    dns_reply_parse(&reply, a->bytes + skip, a->len - skip, &q.dns,
		&fault) != PARSE_OK)
		return;
	how.cookie = q.cookie;
	how.cookie_renewed = e->cookie_renewed;
	if (!dns_asks_again(&how, &reply))
		return;
	r->expected[r->expected_count++] = (struct expected){
		.tuple = udp && how.proto == PROTO_TCP ? tcp_of(tuple) : *tuple,
		.question = q.dns,
		.plain = how.plain,
		.cookie_renewed = how.cookie_renewed,
		.n = a->with->n
	};
}

/* Whether this is one; then its flow gets the number of the first. */
static bool
is_retry(struct look_read *r, const struct question *q, struct event *query,
    bool plain, int *n)
{
	const struct conversation *c = query->with;
	size_t i;

	for (i = 0; i < r->expected_count; i++) {
		const struct expected *x = &r->expected[i];

		if (x->tuple.kind != c->tuple.kind || x->plain != plain ||
		    x->tuple.dport != c->tuple.dport ||
		    !addr_equal(&x->tuple.dst, &c->tuple.dst) ||
		    !dns_question_equal(&x->question, &q->dns) ||
		    (x->tuple.port != 0 && x->tuple.port != c->tuple.port) ||
		    (c->n != -1 && c->n != x->n))
			continue;
		*n = x->n;
		query->cookie_renewed = x->cookie_renewed;
		r->expected[i] = r->expected[--r->expected_count];
		return true;
	}
	return false;
}

/* --- the plan --- */

struct reading {
	struct look_read *r;
	struct plan *plan;
	const struct look_address *addresses;
	size_t address_count;
	/* By address: which flows the key has, or the capture was given. */
	struct numbers {
		uint64_t used[3];
		int more[3];
	} * numbers;
	uint64_t unread; /* questions */
};

static struct numbers *
numbers_of(const struct reading *x, const struct conversation *c)
{
	const struct look_address *address =
	    find_address(x->addresses, x->address_count, &c->tuple);

	return address == NULL ? NULL : &x->numbers[address - x->addresses];
}

/* Those whose ports the key gives have its numbers. */
static void
recognise(struct reading *x, struct conversation *c)
{
	struct numbers *numbers = numbers_of(x, c);

	if (c->n != -1 || numbers == NULL ||
	    (c->n = flow_recognise(x->plan->flows, &c->tuple)) == -1)
		return;
	numbers->used[c->tuple.kind] |= (uint64_t)1 << c->n;
}

/* Others have what is free, or that of the flow that they ask again for. */
static int
adopt(struct reading *x, struct conversation *c, int n)
{
	struct numbers *numbers = numbers_of(x, c);
	int kind = (int)c->tuple.kind;

	if (c->adopted)
		return 0;
	if (c->n == -1)
		c->n = n;
	if (c->n == -1) {
		for (n = 0; n < LIMIT_FLOWS; n++) {
			if ((numbers->used[kind] >> n & 1) == 0)
				break;
		}
		c->n = n < LIMIT_FLOWS ? n : n + numbers->more[kind]++;
	}
	if (c->n < LIMIT_FLOWS)
		numbers->used[kind] |= (uint64_t)1 << c->n;
	c->adopted = true;
	return flow_adopt(x->plan->flows, &c->tuple, c->n, c->cksum) == NULL
		   ? -1
		   : 0;
}

static int
add_ask(struct reading *x, const struct event *e, const struct question *q,
    bool plain)
{
	const struct link_tuple *tuple = &e->with->tuple;
	const struct look_address *address =
	    find_address(x->addresses, x->address_count, tuple);
	struct plan_item item = { .target = address->name,
		.question = keep_question(x->r, q, &tuple->dst),
		.addr = tuple->dst,
		.port = tuple->dport,
		.proto = tuple->kind == LINK_TCP ? PROTO_TCP : PROTO_UDP,
		.flow = e->with->n,
		.after = mono_since(e->at, evidence_event(x->r->replay, 0)->at),
		.letters = letters_of(x->r, e) };

	x->plan->udp_trace[tuple->dst.af == 6] = tuple->kind == LINK_UDP;
	if (item.question == NULL || plan_add(x->plan, &item) == -1)
		return -1;
	x->plan->asks[x->plan->count - 1].plain = plain;
	return 0;
}

/* A trace begins at TTL 1; another low TTL was somebody's choice. */
static bool
is_traced(const struct event *e)
{
	const struct conversation *c = e->with;

	return evidence_is_hop(e) &&
	       (e->ttl == 1 ||
		   (c->last_hop.ns != 0 && mono_since(e->at, c->last_hop).ns <
					       span_s(TRACE_PAUSE_S).ns));
}

/* Its first packet stands for all, until there is a pause. */
static int
add_trace(struct reading *x, struct event *e)
{
	struct conversation *c = e->with;
	struct mono last = c->last_hop;
	struct question q;
	bool plain = false;

	c->last_hop = e->at;
	e->hop = true;
	if (last.ns != 0 &&
	    mono_since(e->at, last).ns < span_s(TRACE_PAUSE_S).ns)
		return 0;
	if (c->tuple.kind == LINK_ICMP)
		(void)question_init(&q, "trace", ".");
	else if (!read_query(x->r, &q, e, &plain))
		return 0;
	(void)text_copy(q.name, sizeof(q.name), "trace");
	q.method = &method_trace;
	if (adopt(x, c, -1) == -1)
		return -1;
	return add_ask(x, e, &q, plain);
}

static int
add_dns(struct reading *x, const struct event *e, struct event *query)
{
	struct question q;
	bool plain;
	int n = -1;

	if (!read_query(x->r, &q, query, &plain)) {
		x->unread++;
		return 0;
	}
	if (is_retry(x->r, &q, query, plain, &n))
		return adopt(x, e->with, n);
	if (adopt(x, e->with, -1) == -1)
		return -1;
	return add_ask(x, e, &q, plain);
}

static int
add_echo(struct reading *x, const struct event *e)
{
	struct question q;

	(void)question_init(&q, "echo", ".");
	if (adopt(x, e->with, -1) == -1)
		return -1;
	return add_ask(x, e, &q, false);
}

/* Of a stream the beginning is the ask, and what it asks comes behind it. */
static int
add_event(struct reading *x, size_t i)
{
	struct event *e = evidence_event(x->r->replay, i);
	struct event *query = e;

	if (e->kind == EVENT_TAKEN) {
		if (e->with != NULL && e->with->adopted &&
		    (e->arrival == ARRIVAL_UDP || e->arrival == ARRIVAL_STREAM))
			expect_retry(x->r, i);
		return 0;
	}
	if (!is_wanted(x->r->options, e)) {
		e->done = true;
		return 0;
	}
	if (e->kind == EVENT_OPEN) {
		query = e->next == -1
			    ? e
			    : evidence_event(x->r->replay, (size_t)e->next);
		if (query->kind == EVENT_SENT)
			return add_dns(x, e, query);
		e->done = true;
		x->unread++;
		return 0;
	}
	if (e->with->tuple.kind == LINK_TCP)
		return 0;
	if (is_traced(e))
		return add_trace(x, e);
	return e->with->tuple.kind == LINK_ICMP ? add_echo(x, e)
						: add_dns(x, e, e);
}

int
look_read_plan(struct look_read *r, struct plan *plan,
    const struct look_address *addresses, size_t count)
{
	struct reading x = { .r = r,
		.plan = plan,
		.addresses = addresses,
		.address_count = count };
	size_t i, events = evidence_event_count(r->replay);
	int status = 0;

	if ((x.numbers = calloc(count, sizeof(*x.numbers))) == NULL)
		return -1;
	for (i = 0; i < events; i++) {
		const struct event *e = evidence_event(r->replay, i);

		if (is_wanted(r->options, e))
			recognise(&x, e->with);
	}
	for (i = 0; i < events && status == 0; i++)
		status = add_event(&x, i);
	free(x.numbers);
	if (x.unread > 0)
		log_warnx("%s: %llu streams ended before they asked anything",
		    r->options->read, (unsigned long long)x.unread);
	return status;
}
