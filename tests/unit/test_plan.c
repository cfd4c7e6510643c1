/* Proves what is asked: questions by name, flows by transport, all once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "probe/plan.h"

static void
questions_are_known_by_name(void **state)
{
	static const struct {
		const char *name, *zone, *qname;
		uint16_t type, class;
		const struct method *method;
	} cases[] = {
		{ "soa", ".", ".", DNS_TYPE_SOA, DNS_CLASS_IN,
		    &method_dns_udp },
		{ "soa", "example", "example.", DNS_TYPE_SOA, DNS_CLASS_IN,
		    &method_dns_udp },
		{ "hostname.bind", "example", "hostname.bind.", DNS_TYPE_TXT,
		    DNS_CLASS_CH, &method_dns_udp },
		{ "id.server", ".", "id.server.", DNS_TYPE_TXT, DNS_CLASS_CH,
		    &method_dns_udp },
		{ "version.bind", ".", "version.bind.", DNS_TYPE_TXT,
		    DNS_CLASS_CH, &method_dns_udp },
		{ "whoami.example", ".", "whoami.example.", DNS_TYPE_TXT,
		    DNS_CLASS_IN, &method_dns_udp },
		{ "trace", "example.", "example.", DNS_TYPE_SOA, DNS_CLASS_IN,
		    &method_trace },
		{ "echo", ".", "", 0, 0, &method_echo },
	};
	struct question q;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    question_init(&q, cases[i].name, cases[i].zone), 0);
		assert_string_equal(q.name, cases[i].name);
		assert_string_equal(q.qname, cases[i].qname);
		assert_ptr_equal(q.method, cases[i].method);
		if (q.method == &method_echo)
			continue;
		assert_int_equal(q.dns.type, cases[i].type);
		assert_int_equal(q.dns.class, cases[i].class);
	}
	assert_int_equal(question_init(&q, "soa", ".."), -1);
	assert_int_equal(question_init(&q, "a..b", "."), -1);
	assert_int_equal(question_init(&q, "", "."), -1);
}

struct fixture {
	struct link link;
	struct flow_table *flows;
	struct plan plan;
	struct question soa, echo, trace;
	struct plan_item item;
};

static void
fixture_init(struct fixture *f, bool raw)
{
	static const struct hash_key key = { { 1 } };

	memset(f, 0, sizeof(*f));
	f->link.raw = raw;
	f->flows = flow_table_new(&key, NULL, NULL);
	assert_non_null(f->flows);
	plan_init(&f->plan, f->flows, &f->link);
	assert_int_equal(question_init(&f->soa, "soa", "."), 0);
	assert_int_equal(question_init(&f->echo, "echo", "."), 0);
	assert_int_equal(question_init(&f->trace, "trace", "."), 0);
	f->item.target = "t";
	f->item.port = 53;
	assert_int_equal(addr_parse(&f->item.addr, "2001:db8::1"), 0);
}

static struct flow *
add(struct fixture *f, const struct question *question, int n)
{
	f->item.question = question;
	f->item.flow = n;
	assert_int_equal(plan_add(&f->plan, &f->item), 0);
	return f->plan.asks[f->plan.count - 1].flow;
}

static void
fixture_clear(struct fixture *f)
{
	plan_clear(&f->plan);
	flow_table_free(f->flows);
}

static void
a_trace_runs_on_the_flow_of_the_questions_where_it_can(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, true);
	assert_ptr_equal(add(&f, &f.soa, 0), add(&f, &f.trace, 0));
	assert_ptr_not_equal(add(&f, &f.soa, 0), add(&f, &f.echo, 0));
	fixture_clear(&f);
	fixture_init(&f, false);
	assert_ptr_equal(add(&f, &f.echo, 0), add(&f, &f.trace, 0));
	assert_ptr_not_equal(add(&f, &f.soa, 0), add(&f, &f.trace, 0));
	fixture_clear(&f);
}

static void
each_transport_is_another_flow_and_method(void **state)
{
	struct fixture f;
	const struct flow *udp, *tcp;

	(void)state;
	fixture_init(&f, true);
	udp = add(&f, &f.soa, 0);
	f.item.proto = PROTO_TCP;
	tcp = add(&f, &f.soa, 0);
	assert_ptr_not_equal(udp, tcp);
	assert_int_equal(tcp->proto, PROTO_TCP);
	assert_ptr_equal(f.plan.asks[0].method, &method_dns_udp);
	assert_ptr_equal(f.plan.asks[1].method, &method_dns_tcp);
	assert_int_equal(f.plan.most, 1 + PROBER_TCP_PACKETS);
	/* A trace and echo have their own packets. */
	assert_ptr_equal(udp, add(&f, &f.trace, 0));
	assert_int_equal(add(&f, &f.echo, 0)->proto, PROTO_ICMP);
	fixture_clear(&f);
}

static void
shuffling_moves_every_ask_and_loses_none(void **state)
{
	struct fixture f;
	uint8_t seen[300] = { 0 };
	size_t i, moved = 0;

	(void)state;
	fixture_init(&f, true);
	for (i = 0; i < 300; i++) {
		(void)add(&f, &f.soa, (int)(i % 7));
		f.plan.asks[i].index = (uint32_t)i;
	}
	assert_int_equal(plan_shuffle(&f.plan), 0);
	for (i = 0; i < 300; i++) {
		size_t was = f.plan.asks[i].index;

		assert_true(was < 300 && seen[was]++ == 0);
		assert_int_equal(f.plan.asks[i].flow->n, (int)(was % 7));
		moved += was != i;
	}
	assert_true(moved > 250);
	fixture_clear(&f);
}

static void
asks_stay_in_order_of_their_time(void **state)
{
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f, true);
	for (i = 0; i < 300; i++) {
		f.item.after.ns = (int64_t)(i % 3);
		(void)add(&f, &f.soa, (int)(i % 3));
	}
	assert_int_equal(plan_shuffle(&f.plan), 0);
	for (i = 0; i < 300; i++) {
		assert_int_equal(f.plan.after[i].ns, (int64_t)(i / 100));
		assert_int_equal(f.plan.asks[i].flow->n, (int)(i / 100));
	}
	fixture_clear(&f);
}

/* 4,000 addresses with three asks each: random order, but those of one address
 * lie within 256 addresses' share of it, give or take. */
static void
asks_of_an_address_stay_near_each_other(void **state)
{
	enum { PEERS = 4000, EACH = 3 };
	struct fixture f;
	size_t first[PEERS], last[PEERS], i, peer, in_order = 0;

	(void)state;
	fixture_init(&f, true);
	for (i = 0; i < PEERS * EACH; i++) {
		f.item.addr.bytes[2] = (uint8_t)(i / EACH / 256);
		f.item.addr.bytes[3] = (uint8_t)(i / EACH % 256);
		(void)add(&f, &f.soa, 0);
	}
	assert_int_equal(f.plan.peers, PEERS);
	assert_int_equal(plan_shuffle(&f.plan), 0);
	for (i = 0; i < PEERS; i++)
		first[i] = SIZE_MAX;
	for (i = 0; i < PEERS * EACH; i++) {
		const uint8_t *bytes = f.plan.asks[i].flow->peer->addr.bytes;

		peer = bytes[2] * 256U + bytes[3];
		assert_true(peer < PEERS);
		if (first[peer] == SIZE_MAX)
			first[peer] = i;
		last[peer] = i;
	}
	for (i = 0; i < PEERS; i++) {
		assert_true(last[i] - first[i] < (size_t)512 * EACH);
		in_order += i > 0 && first[i] > first[i - 1];
	}
	assert_in_range(in_order, PEERS / 2 - 300, PEERS / 2 + 300);
	fixture_clear(&f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_stay_in_order_of_their_time),
		cmocka_unit_test(asks_of_an_address_stay_near_each_other),
		cmocka_unit_test(questions_are_known_by_name),
		cmocka_unit_test(
		    a_trace_runs_on_the_flow_of_the_questions_where_it_can),
		cmocka_unit_test(each_transport_is_another_flow_and_method),
		cmocka_unit_test(shuffling_moves_every_ask_and_loses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
