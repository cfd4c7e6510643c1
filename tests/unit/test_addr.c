/* Proves how addresses and prefixes are read, written, compared and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include "lib/addr.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static struct prefix
prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static void
text_becomes_an_address_and_rfc_5952_text(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8::0:1", "2001:db8::1" },
		{ "2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1" },
		{ "2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.01", NULL },
		{ "192.0.2.1 ", NULL },
		{ " 192.0.2.1", NULL },
		{ "0xc0.0.2.1", NULL },
		{ "3221225985", NULL },
		{ "[::1]", NULL },
		{ "fe80::1%lo", NULL },
		{ "::1::", NULL },
		{ "1:2:3:4:5:6:7", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "::12345", NULL },
		{ "host.example", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct addr a = { .af = 9 };
		char text[ADDR_TEXT];
		int result = addr_parse(&a, cases[i].in);

		assert_int_equal(result, cases[i].out == NULL ? -1 : 0);
		if (result == -1)
			assert_int_equal(a.af, 9);
		else
			assert_string_equal(
			    addr_format(text, &a), cases[i].out);
	}
}

static void
no_address_is_empty_text(void **state)
{
	struct addr none = { 0 };
	char text[ADDR_TEXT] = "x";

	(void)state;
	assert_false(addr_is_set(&none));
	assert_string_equal(addr_format(text, &none), "");
}

static void
addresses_are_ordered_by_family_then_bytes(void **state)
{
	static const char *const ordered[] = { "0.0.0.0", "9.0.0.0", "10.0.0.0",
		"10.0.0.1", "::", "::1", "2001:db8::" };
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(ordered); i++)
		for (j = 0; j < COUNT(ordered); j++) {
			struct addr a = addr_of(ordered[i]);
			struct addr b = addr_of(ordered[j]);
			int order = addr_compare(&a, &b);

			assert_int_equal(order < 0, i < j);
			assert_int_equal(order > 0, i > j);
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
}

static void
kernel_form_goes_there_and_back(void **state)
{
	static const char *const cases[] = { "192.0.2.7", "2001:db8::7" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i]), b;
		struct sockaddr_storage storage;
		uint16_t port = 0;
		socklen_t len = addr_to_sockaddr(&storage, &a, 5353);

		assert_int_equal(len, i == 0 ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6));
		assert_int_equal(
		    storage.ss_family, i == 0 ? AF_INET : AF_INET6);
		assert_int_equal(
		    addr_from_sockaddr(&b, &port, (struct sockaddr *)&storage),
		    0);
		assert_true(addr_equal(&a, &b));
		assert_int_equal(port, 5353);
		storage.ss_family = AF_UNIX;
		assert_int_equal(
		    addr_from_sockaddr(&b, &port, (struct sockaddr *)&storage),
		    -1);
	}
}

static void
packet_bytes_leave_no_rest(void **state)
{
	static const uint8_t bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct addr four = addr_from_bytes(4, bytes);
	struct addr six = addr_from_bytes(6, bytes);
	struct addr expected = addr_of("1.2.3.4");

	(void)state;
	assert_true(addr_equal(&four, &expected));
	assert_int_equal(addr_len(&four), 4);
	assert_memory_equal(six.bytes, bytes, 16);
	assert_int_equal(addr_len(&six), 16);
}

static void
prefixes_are_read_strictly(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "203.0.113.0/24", "203.0.113.0/24" },
		{ "203.0.113.9", "203.0.113.9/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "203.0.113.128/25", "203.0.113.128/25" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1/128" },
		{ "::/0", "::/0" },
		{ "203.0.113.1/24", NULL },
		{ "203.0.113.64/25", NULL },
		{ "2001:db8::1/127", NULL },
		{ "203.0.113.0/33", NULL },
		{ "2001:db8::/129", NULL },
		{ "203.0.113.0/", NULL },
		{ "203.0.113.0/+24", NULL },
		{ "203.0.113.0/-1", NULL },
		{ "203.0.113.0/24x", NULL },
		{ "203.0.113.0/ 24", NULL },
		{ "host.example/24", NULL },
		{ "203.0.113.0/24/24", NULL },
		{ "/24", NULL },
		{ "", NULL },
		{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/1", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct prefix p;
		char text[64];
		int result = prefix_parse(&p, cases[i].in);

		assert_int_equal(result, cases[i].out == NULL ? -1 : 0);
		if (result == 0)
			assert_string_equal(
			    prefix_format(text, sizeof(text), &p),
			    cases[i].out);
	}
}

static void
a_prefix_holds_its_addresses_and_no_others(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool holds;
	} cases[] = {
		{ "203.0.113.0/24", "203.0.113.255", true },
		{ "203.0.113.0/24", "203.0.114.0", false },
		{ "203.0.112.0/23", "203.0.113.1", true },
		{ "172.16.0.0/12", "172.31.255.255", true },
		{ "172.16.0.0/12", "172.32.0.0", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "0.0.0.0", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::2", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct prefix p = prefix_of(cases[i].prefix);
		struct addr a = addr_of(cases[i].addr);

		assert_int_equal(prefix_contains(&p, &a), cases[i].holds);
	}
}

static void
a_list_holds_what_one_of_its_prefixes_holds(void **state)
{
	struct prefix_list list = { 0 };
	struct prefix p = prefix_of("192.0.2.0/24");
	struct prefix q = prefix_of("2001:db8::/32");
	struct addr in = addr_of("2001:db8::9"), out = addr_of("198.51.100.1");

	(void)state;
	assert_false(prefix_list_contains(&list, &in));
	assert_int_equal(prefix_list_add(&list, &p), 0);
	assert_int_equal(prefix_list_add(&list, &q), 0);
	assert_true(prefix_list_contains(&list, &in));
	assert_false(prefix_list_contains(&list, &out));
	prefix_list_clear(&list);
	assert_int_equal(list.count, 0);
	assert_false(prefix_list_contains(&list, &in));
	prefix_list_clear(&list);
}

/* First and last address of every entry, and their neighbours. */
static void
the_most_specific_registry_entry_decides(void **state)
{
	static const struct {
		const char *addr, *reason; /* a part of it; NULL: may */
	} cases[] = {
		{ "0.0.0.0", "0.0.0.0/8" },
		{ "0.255.255.255", "0.0.0.0/8" },
		{ "1.0.0.0", NULL },
		{ "9.255.255.255", NULL },
		{ "10.0.0.0", "private-use" },
		{ "10.255.255.255", "private-use" },
		{ "11.0.0.0", NULL },
		{ "100.63.255.255", NULL },
		{ "100.64.0.0", "shared" },
		{ "100.127.255.255", "shared" },
		{ "100.128.0.0", NULL },
		{ "127.0.0.1", "loopback" },
		{ "128.0.0.0", NULL },
		{ "169.254.1.1", "link-local" },
		{ "169.255.0.0", NULL },
		{ "172.15.255.255", NULL },
		{ "172.16.0.0", "private-use" },
		{ "172.31.255.255", "private-use" },
		{ "172.32.0.0", NULL },
		{ "192.0.0.0", "IETF" },
		{ "192.0.0.8", "IETF" },
		{ "192.0.0.9", NULL },
		{ "192.0.0.10", NULL },
		{ "192.0.0.11", "IETF" },
		{ "192.0.0.170", "IETF" },
		{ "192.0.1.0", NULL },
		{ "192.0.2.0", "documentation" },
		{ "192.0.3.0", NULL },
		{ "192.31.196.1", NULL },
		{ "192.52.193.1", NULL },
		{ "192.88.99.1", "6to4" },
		{ "192.168.0.1", "private-use" },
		{ "192.169.0.0", NULL },
		{ "192.175.48.1", NULL },
		{ "198.17.255.255", NULL },
		{ "198.18.0.0", "benchmarking" },
		{ "198.19.255.255", "benchmarking" },
		{ "198.20.0.0", NULL },
		{ "198.51.100.1", "documentation" },
		{ "203.0.113.1", "documentation" },
		{ "203.0.114.0", NULL },
		{ "223.255.255.255", NULL },
		{ "224.0.0.1", "multicast" },
		{ "239.255.255.255", "multicast" },
		{ "240.0.0.0", "reserved" },
		{ "255.255.255.254", "reserved" },
		{ "255.255.255.255", "broadcast" },
		{ "193.0.14.129", NULL },

		{ "::", "unspecified" },
		{ "::1", "loopback" },
		{ "::2", "IPv4-compatible" },
		{ "::192.0.2.1", "IPv4-compatible" },
		{ "::ffff:8.8.8.8", "IPv4-mapped" },
		{ "::ffff:0:8.8.8.8", "IPv4-translated" },
		{ "64:ff9b::808:808", "translation" },
		{ "64:ff9b:1:ffff::1", "translation" },
		{ "64:ff9b:2::1", NULL },
		{ "100::1", "discard" },
		{ "100:0:0:1::1", "dummy" },
		{ "2001::1", "Teredo" },
		{ "2001:0:ffff::1", "Teredo" },
		{ "2001:1::", "IETF" },
		{ "2001:1::1", NULL },
		{ "2001:1::2", NULL },
		{ "2001:1::3", NULL },
		{ "2001:1::4", "IETF" },
		{ "2001:2::1", "benchmarking" },
		{ "2001:2:1::1", "IETF" },
		{ "2001:3::1", NULL },
		{ "2001:4:112::1", NULL },
		{ "2001:4:113::1", "IETF" },
		{ "2001:10::1", "ORCHID" },
		{ "2001:1f:ffff::1", "ORCHID" },
		{ "2001:20::1", NULL },
		{ "2001:2f:ffff::1", NULL },
		{ "2001:30::1", NULL },
		{ "2001:40::1", "IETF" },
		{ "2001:1ff:ffff::1", "IETF" },
		{ "2001:200::1", NULL },
		{ "2001:7fd::1", NULL },
		{ "2001:db8::", "documentation" },
		{ "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation" },
		{ "2001:db9::", NULL },
		{ "2002::1", "6to4" },
		{ "2003::1", NULL },
		{ "2620:4f:8000::1", NULL },
		{ "3fff:fff::1", "documentation" },
		{ "3fff:1000::1", NULL },
		{ "5f00::1", "SRv6" },
		{ "5f01::1", NULL },
		{ "fbff::1", NULL },
		{ "fc00::1", "unique-local" },
		{ "fdff::1", "unique-local" },
		{ "fe80::1", "link-local" },
		{ "febf::1", "link-local" },
		{ "ff02::1", "multicast" },
	};
	struct addr none = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].addr);
		const char *reason = addr_special(&a);

		if (cases[i].reason == NULL && reason != NULL)
			fail_msg("%s: %s", cases[i].addr, reason);
		if (cases[i].reason == NULL)
			continue;
		if (reason == NULL || strstr(reason, cases[i].reason) == NULL)
			fail_msg("%s: not %s", cases[i].addr, cases[i].reason);
	}
	assert_non_null(addr_special(&none));
}

static void
some_prefixes_can_never_be_allowed(void **state)
{
	static const struct {
		const char *prefix;
		bool may;
	} cases[] = {
		{ "203.0.113.0/24", true },
		{ "127.0.0.0/8", true },
		{ "10.0.0.0/8", true },
		{ "10.1.2.3", true },
		{ "193.0.14.0/24", true },
		{ "2001:db8::/32", true },
		{ "::1", true },
		{ "fc00::/7", true },
		{ "fe80::/10", true },
		{ "0.0.0.0/8", false },
		{ "0.0.0.0", false },
		{ "0.0.0.0/0", false },
		{ "128.0.0.0/1", false },
		{ "224.0.0.0/3", false },
		{ "224.0.0.0/4", false },
		{ "224.0.0.5", false },
		{ "240.0.0.0/4", false },
		{ "250.1.0.0/16", false },
		{ "255.255.255.255", false },
		{ "::/0", false },
		{ "::", false },
		{ "::/127", false },
		{ "::2", false },
		{ "::ffff:0:0/96", false },
		{ "::ffff:10.0.0.0/104", false },
		{ "64:ff9b::/96", false },
		{ "64:ff9b:1::/48", false },
		{ "2001::/32", false },
		{ "2001::/23", false },
		{ "2002::/16", false },
		{ "2000::/3", false },
		{ "ff00::/8", false },
		{ "ff02::1", false },
		{ "fe00::/7", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct prefix p = prefix_of(cases[i].prefix);

		if (prefix_may_be_allowed(&p) != cases[i].may)
			fail_msg("%s", cases[i].prefix);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_an_address_and_rfc_5952_text),
		cmocka_unit_test(no_address_is_empty_text),
		cmocka_unit_test(addresses_are_ordered_by_family_then_bytes),
		cmocka_unit_test(kernel_form_goes_there_and_back),
		cmocka_unit_test(packet_bytes_leave_no_rest),
		cmocka_unit_test(prefixes_are_read_strictly),
		cmocka_unit_test(a_prefix_holds_its_addresses_and_no_others),
		cmocka_unit_test(a_list_holds_what_one_of_its_prefixes_holds),
		cmocka_unit_test(the_most_specific_registry_entry_decides),
		cmocka_unit_test(some_prefixes_can_never_be_allowed),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
