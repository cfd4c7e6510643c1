/* Proves that a flow is the same 5-tuple always, and what happens where its
 * port is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "probe/flow.h"

/* A link on which so many opens find the port taken. */
struct fake {
	struct link link;
	int taken, opened, closed;
	enum link_error error; /* after those */
	struct link_tuple last;
};

static enum link_error
fake_open(struct link *link, struct link_tuple *tuple, void *owner, int *socket)
{
	struct fake *fake = (struct fake *)link;

	(void)owner;
	fake->last = *tuple;
	if (fake->taken > 0) {
		fake->taken--;
		return LINK_TAKEN;
	}
	if (fake->error != LINK_OK)
		return fake->error;
	*socket = fake->opened++;
	if (!addr_is_set(&tuple->src))
		assert_int_equal(addr_parse(&tuple->src, "198.51.100.7"), 0);
	return LINK_OK;
}

static void
fake_close(struct link *link, int socket)
{
	(void)socket;
	((struct fake *)link)->closed++;
}

static const struct hash_key key_a = { { 1, 2, 3 } }, key_b = { { 9 } };

static struct addr
addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return addr;
}

static struct record_flow
described(const struct hash_key *key, const char *text, uint16_t dport,
    enum proto proto, int n)
{
	struct flow_table *table = flow_table_new(key, NULL, NULL);
	struct addr addr = addr_of(text);
	struct flow *flow = flow_get(table, &addr, dport, proto, n);
	struct record_flow out;

	flow_describe(flow, &out);
	flow_table_free(table);
	return out;
}

static bool
same(const struct record_flow *a, const struct record_flow *b)
{
	return a->sport == b->sport && a->icmp_id == b->icmp_id &&
	       a->cksum == b->cksum && a->label == b->label;
}

static void
a_flow_is_the_same_in_every_run_of_one_key(void **state)
{
	static const struct {
		const char *addr;
		uint16_t dport;
		enum proto proto;
		int n;
	} cases[] = {
		{ "192.0.2.1", 53, PROTO_UDP, 0 },
		{ "192.0.2.1", 53, PROTO_UDP, 1 },
		{ "192.0.2.1", 5353, PROTO_UDP, 0 },
		{ "192.0.2.2", 53, PROTO_UDP, 0 },
		{ "192.0.2.1", 0, PROTO_ICMP, 0 },
		{ "2001:db8::1", 53, PROTO_UDP, 0 },
		{ "2001:db8::1", 53, PROTO_UDP, 1 },
		{ "2001:db8::1", 0, PROTO_ICMP, 0 },
	};
	struct record_flow seen[8], again, other;
	size_t i, j;

	(void)state;
	for (i = 0; i < 8; i++) {
		seen[i] = described(&key_a, cases[i].addr, cases[i].dport,
		    cases[i].proto, cases[i].n);
		again = described(&key_a, cases[i].addr, cases[i].dport,
		    cases[i].proto, cases[i].n);
		other = described(&key_b, cases[i].addr, cases[i].dport,
		    cases[i].proto, cases[i].n);
		assert_true(same(&seen[i], &again));
		assert_false(same(&seen[i], &other));
		for (j = 0; j < i; j++)
			assert_false(same(&seen[i], &seen[j]));
	}
}

/* These very numbers are in old records: another choice would look like a
 * change of every route. */
static void
flows_of_earlier_versions_stay(void **state)
{
	struct record_flow four, six, echo;

	(void)state;
	four = described(&key_a, "192.0.2.1", 53, PROTO_UDP, 0);
	six = described(&key_a, "2001:db8::1", 53, PROTO_UDP, 3);
	echo = described(&key_a, "192.0.2.1", 0, PROTO_ICMP, 0);
	assert_int_equal(four.sport, 10969);
	assert_int_equal(four.label, -1);
	assert_int_equal(six.sport, 19219);
	assert_int_equal(six.label, 426113);
	assert_int_equal(echo.icmp_id, 10558);
	assert_int_equal(echo.cksum, 40479);
}

static void
ports_checksums_and_labels_are_in_their_range(void **state)
{
	struct flow_table *table = flow_table_new(&key_a, NULL, NULL);
	struct addr addr = addr_of("2001:db8::1");
	struct flow *flow;
	int n;

	(void)state;
	for (n = 0; n < 4000; n++) {
		addr.bytes[14] = (uint8_t)(n >> 8);
		addr.bytes[15] = (uint8_t)n;
		flow = flow_get(table, &addr, 53, PROTO_UDP, n % 3);
		assert_in_range(flow->port, FLOW_PORT_FIRST, FLOW_PORT_LAST);
		assert_in_range(flow->label, 1, 0xfffff);
		assert_in_range(flow->cksum, 1, 0xfffe);
	}
	flow_table_free(table);
}

static void
the_same_flow_is_made_once_and_its_address_has_one_bucket(void **state)
{
	struct flow_table *table = flow_table_new(&key_a, NULL, NULL);
	struct addr a = addr_of("192.0.2.1"), b = addr_of("192.0.2.2");
	struct flow *one = flow_get(table, &a, 53, PROTO_UDP, 0);

	(void)state;
	assert_ptr_equal(one, flow_get(table, &a, 53, PROTO_UDP, 0));
	assert_ptr_not_equal(one, flow_get(table, &a, 53, PROTO_UDP, 1));
	assert_ptr_equal(
	    one->peer, flow_get(table, &a, 5353, PROTO_UDP, 7)->peer);
	assert_ptr_equal(
	    one->peer, flow_get(table, &a, 0, PROTO_ICMP, 0)->peer);
	assert_ptr_not_equal(
	    one->peer, flow_get(table, &b, 53, PROTO_UDP, 0)->peer);
	flow_table_free(table);
}

static void
no_two_flows_of_an_address_have_one_port(void **state)
{
	struct flow_table *table = flow_table_new(&key_a, NULL, NULL);
	struct addr addr = addr_of("192.0.2.0");
	uint16_t ports[64];
	int i, n, m;

	(void)state;
	for (i = 0; i < 200; i++) {
		addr.bytes[3] = (uint8_t)i;
		for (n = 0; n < 64; n++) {
			ports[n] =
			    flow_get(table, &addr, 53, PROTO_UDP, n)->port;
			for (m = 0; m < n; m++)
				assert_int_not_equal(ports[m], ports[n]);
		}
	}
	flow_table_free(table);
}

static void
where_the_port_is_taken_the_next_is_and_the_flow_says_so(void **state)
{
	struct flow_table *table = flow_table_new(&key_a, NULL, NULL);
	struct fake fake = { .link = { .open = fake_open, .close = fake_close },
		.taken = 2 };
	struct addr a = addr_of("192.0.2.1");
	struct flow *flow = flow_get(table, &a, 53, PROTO_UDP, 0);
	struct record_flow out;
	uint16_t first;

	(void)state;
	first = flow->port;
	assert_int_equal(flow_open(table, flow, &fake.link), LINK_OK);
	assert_int_equal(flow->port, first + 2);
	flow_describe(flow, &out);
	assert_true(out.moved);
	assert_int_equal(out.sport, first + 2);
	assert_ptr_equal(
	    flow_find(table, &a, PROTO_UDP, (uint16_t)(first + 2), 53), flow);
	assert_null(flow_find(table, &a, PROTO_UDP, first, 53));
	assert_null(flow_find(table, &a, PROTO_UDP, (uint16_t)(first + 2), 54));
	assert_null(
	    flow_find(table, &a, PROTO_ICMP, (uint16_t)(first + 2), -1));
	assert_int_equal(flow_open(table, flow, &fake.link), LINK_OK);
	assert_int_equal(fake.opened, 1);
	flow_close(flow, &fake.link);
	assert_int_equal(fake.closed, 1);
	assert_null(flow_find(table, &a, PROTO_UDP, (uint16_t)(first + 2), 53));
	flow_table_free(table);
}

static void
behind_the_last_port_comes_the_first(void **state)
{
	struct flow_table *table = flow_table_new(&key_a, NULL, NULL);
	struct fake fake = { .link = { .open = fake_open }, .taken = 1 };
	struct addr a = addr_of("192.0.2.1");
	struct flow *flow = flow_get(table, &a, 53, PROTO_UDP, 0);

	(void)state;
	flow->port = FLOW_PORT_LAST;
	assert_int_equal(flow_open(table, flow, &fake.link), LINK_OK);
	assert_int_equal(flow->port, FLOW_PORT_FIRST);
	flow_table_free(table);
}

static void
a_flow_that_cannot_be_opened_says_why(void **state)
{
	static const enum link_error errors[] = { LINK_NO_ROUTE, LINK_DENIED,
		LINK_RETRY, LINK_FAILED };
	struct flow_table *table = flow_table_new(&key_a, NULL, NULL);
	struct addr a = addr_of("192.0.2.1");
	struct flow *flow = flow_get(table, &a, 53, PROTO_UDP, 0);
	struct fake fake = { .link = { .open = fake_open } };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		fake.error = errors[i];
		assert_int_equal(flow_open(table, flow, &fake.link), errors[i]);
		assert_int_equal(flow->socket, -1);
	}
	fake.taken = 1000;
	assert_int_equal(flow_open(table, flow, &fake.link), LINK_TAKEN);
	assert_in_range(fake.taken, 900, 999);
	flow_table_free(table);
}

static void
the_source_asked_for_is_the_source_of_its_family(void **state)
{
	struct addr four = addr_of("203.0.113.9"), six = addr_of("2001:db8::9");
	struct flow_table *table = flow_table_new(&key_a, &four, &six);
	struct addr a = addr_of("192.0.2.1"), b = addr_of("2001:db8::1");
	struct fake fake = { .link = { .open = fake_open } };

	(void)state;
	assert_int_equal(
	    flow_open(table, flow_get(table, &a, 53, PROTO_UDP, 0), &fake.link),
	    LINK_OK);
	assert_true(addr_equal(&fake.last.src, &four));
	assert_int_equal(fake.last.kind, LINK_UDP);
	assert_int_equal(
	    flow_open(table, flow_get(table, &b, 0, PROTO_ICMP, 0), &fake.link),
	    LINK_OK);
	assert_true(addr_equal(&fake.last.src, &six));
	assert_int_equal(fake.last.kind, LINK_ICMP);
	flow_table_free(table);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_the_same_in_every_run_of_one_key),
		cmocka_unit_test(flows_of_earlier_versions_stay),
		cmocka_unit_test(ports_checksums_and_labels_are_in_their_range),
		cmocka_unit_test(
		    the_same_flow_is_made_once_and_its_address_has_one_bucket),
		cmocka_unit_test(no_two_flows_of_an_address_have_one_port),
		cmocka_unit_test(
		    where_the_port_is_taken_the_next_is_and_the_flow_says_so),
		cmocka_unit_test(behind_the_last_port_comes_the_first),
		cmocka_unit_test(a_flow_that_cannot_be_opened_says_why),
		cmocka_unit_test(
		    the_source_asked_for_is_the_source_of_its_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
