/* Proves which name, method and verdict come of the records of an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/dns.h"
#include "probe/identify.h"
#include "tests/unit/temporary.h"

#define RECORDS 12
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A record in few words. */
struct line {
	const char *question;
	int flow;
	const char *nsid; /* NULL: no option */
	const char *text; /* of a TXT answer; NULL: none */
	enum outcome outcome;
	int64_t rtt_us;
};

static void
put(struct record_bytes *bytes, const char *text)
{
	bytes->present = text != NULL;
	if (text == NULL)
		return;
	bytes->len = (uint16_t)strlen(text);
	memcpy(bytes->bytes, text, bytes->len);
}

static struct record *
record_of(const struct line *line, int index)
{
	struct record *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	record_init(r);
	r->t.ns = index;
	r->type =
	    strcmp(line->question, "trace") == 0 ? RECORD_TRACE : RECORD_DNS;
	assert_int_equal(addr_parse(&r->addr, "192.0.2.1"), 0);
	r->port = 53;
	(void)snprintf(r->target, sizeof(r->target), "t");
	(void)snprintf(r->question, sizeof(r->question), "%s", line->question);
	r->flow.n = line->flow;
	r->flow.sport = 10000 + line->flow;
	r->dns.qtype =
	    strcmp(line->question, "soa") == 0 ? DNS_TYPE_SOA : DNS_TYPE_TXT;
	r->outcome = line->outcome;
	r->rtt_us = line->outcome == OUTCOME_ANSWERED ? line->rtt_us : -1;
	put(&r->dns.nsid, line->nsid);
	put(&r->dns.answer[0], line->text);
	r->dns.answer_count = line->text != NULL;
	return r;
}

static void
identify_lines(struct identity *id, const struct line *lines, size_t count,
    const struct site_map *map)
{
	const struct identify_by by = { map, NULL, 0 };
	struct record *records[RECORDS] = { NULL };
	size_t i;

	for (i = 0; i < count; i++)
		records[i] = record_of(&lines[i], (int)i);
	identify(id, (const struct record *const *)records, count, &by);
	for (i = 0; i < count; i++)
		free(records[i]);
}

static size_t
line_count(const struct line *lines)
{
	size_t count = 0;

	while (count < RECORDS && lines[count].question != NULL)
		count++;
	return count;
}

static bool
is_name(const struct record_bytes *bytes, const char *name)
{
	return name == NULL ? !bytes->present
			    : bytes->present && bytes->len == strlen(name) &&
				  memcmp(bytes->bytes, name, bytes->len) == 0;
}

/* clang-format off */
static const struct {
	const char *what;
	struct line lines[RECORDS];
	const char *instance, *verdict; /* NULL: none */
	enum identity_method method;
	int64_t rtt_us;
} cases[] = {
	{ "NSID stands before CHAOS names",
	    { { "hostname.bind", 0, "n", "h", OUTCOME_ANSWERED, 9 },
	      { "soa", 0, "n", NULL, OUTCOME_ANSWERED, 10 },
	      { "id.server", 0, "n", "i", OUTCOME_ANSWERED, 9 } },
	    "n", "stable", IDENTITY_NSID, 10 },
	{ "hostname.bind stands before id.server",
	    { { "id.server", 0, NULL, "i", OUTCOME_ANSWERED, 1 },
	      { "hostname.bind", 0, NULL, "h", OUTCOME_ANSWERED, 1 },
	      { "soa", 0, NULL, NULL, OUTCOME_ANSWERED, 7 } },
	    "h", "stable", IDENTITY_HOSTNAME_BIND, 7 },
	{ "id.server where there is nothing else",
	    { { "soa", 0, "", NULL, OUTCOME_ANSWERED, 7 },
	      { "id.server", 0, NULL, "i", OUTCOME_ANSWERED, 1 } },
	    "i", "stable", IDENTITY_ID_SERVER, 7 },
	{ "version.bind names nobody",
	    { { "version.bind", 0, NULL, "9.18", OUTCOME_ANSWERED, 1 },
	      { "soa", 0, NULL, NULL, OUTCOME_ANSWERED, 7 } },
	    NULL, NULL, IDENTITY_NONE, 7 },
	{ "no answer, no name",
	    { { "soa", 0, "n", NULL, OUTCOME_TIMEOUT, 0 },
	      { "soa", 0, "n", NULL, OUTCOME_REFUSED, 0 },
	      { "soa", 0, "n", NULL, OUTCOME_UNSENT, 0 } },
	    NULL, NULL, IDENTITY_NONE, -1 },
	{ "the latest name stands: the old one is gone",
	    { { "soa", 0, "old", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 0, "old", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 0, "new", NULL, OUTCOME_ANSWERED, 1 } },
	    "new", "changed-in-run", IDENTITY_NSID, 1 },
	{ "to and fro is per packet",
	    { { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 0, "b", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 1 } },
	    "a", "per-packet", IDENTITY_NSID, 1 },
	{ "flows that differ",
	    { { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 1, "b", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 3 },
	      { "soa", 1, "b", NULL, OUTCOME_ANSWERED, 1 } },
	    "a", "per-flow", IDENTITY_NSID, 2 },
	{ "flows that agree, one of them silent",
	    { { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 1, "a", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 2, NULL, NULL, OUTCOME_TIMEOUT, 1 } },
	    "a", "stable", IDENTITY_NSID, 1 },
	{ "the name is flow 0's, whatever another says",
	    { { "soa", 1, "b", NULL, OUTCOME_ANSWERED, 1 },
	      { "soa", 0, NULL, NULL, OUTCOME_TIMEOUT, 1 } },
	    NULL, "stable", IDENTITY_NSID, -1 },
	{ "a loss between is no change",
	    { { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 4 },
	      { "soa", 0, NULL, NULL, OUTCOME_TIMEOUT, 1 },
	      { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 5 } },
	    "a", "stable", IDENTITY_NSID, 5 },
	{ "a trace has no part in it",
	    { { "trace", 0, "x", NULL, OUTCOME_ANSWERED, 100 },
	      { "soa", 0, "a", NULL, OUTCOME_ANSWERED, 5 } },
	    "a", "stable", IDENTITY_NSID, 5 },
	{ "nothing at all", { { NULL, 0, NULL, NULL, 0, 0 } },
	    NULL, NULL, IDENTITY_NONE, -1 },
};
/* clang-format on */

static void
names_methods_and_verdicts_are_as_the_table_has_them(void **state)
{
	struct identity id;
	const char *verdict;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		identify_lines(
		    &id, cases[i].lines, line_count(cases[i].lines), NULL);
		verdict = verdict_name(id.verdict);
		if (!is_name(&id.instance, cases[i].instance))
			fail_msg("%s: instance", cases[i].what);
		if (id.method != cases[i].method)
			fail_msg("%s: method %d", cases[i].what, id.method);
		if (id.rtt_us != cases[i].rtt_us)
			fail_msg("%s: rtt %d", cases[i].what, (int)id.rtt_us);
		if ((verdict == NULL) != (cases[i].verdict == NULL) ||
		    (verdict != NULL && strcmp(verdict, cases[i].verdict) != 0))
			fail_msg("%s: verdict %s", cases[i].what,
			    verdict == NULL ? "none" : verdict);
	}
}

static struct site_map *
map_of(const char *text)
{
	char path[TEMPORARY_SIZE], error[512];
	struct site_map *map;

	assert_int_equal(temporary_file(path, text, strlen(text)), 0);
	map = site_map_read(path, error, sizeof(error));
	assert_int_equal(unlink(path), 0);
	assert_non_null(map);
	return map;
}

static void
servers_of_one_site_are_one_place(void **state)
{
	static const struct line lines[] = {
		{ "soa", 0, "a1.lon", NULL, OUTCOME_ANSWERED, 1 },
		{ "soa", 0, "a2.lon", NULL, OUTCOME_ANSWERED, 1 },
		{ "soa", 0, "a1.lon", NULL, OUTCOME_ANSWERED, 1 },
		{ "soa", 1, "a2.lon", NULL, OUTCOME_ANSWERED, 1 },
	};
	struct site_map *map = map_of("* suffix .lon London\n");
	struct identity id;

	(void)state;
	identify_lines(&id, lines, COUNT(lines), NULL);
	assert_string_equal(verdict_name(id.verdict), "per-packet");
	identify_lines(&id, lines, COUNT(lines), map);
	assert_string_equal(verdict_name(id.verdict), "stable");
	assert_string_equal(id.site.name, "London");
	assert_string_equal(id.flow[1].site, "London");
	site_map_free(map);
}

static void
flows_have_their_figures(void **state)
{
	static const struct line lines[] = {
		{ "soa", 0, "a", NULL, OUTCOME_ANSWERED, 30 },
		{ "hostname.bind", 0, "a", "h", OUTCOME_ANSWERED, 1 },
		{ "soa", 1, "a", NULL, OUTCOME_ANSWERED, 7 },
		{ "soa", 0, "a", NULL, OUTCOME_ANSWERED, 10 },
		{ "soa", 0, NULL, NULL, OUTCOME_TIMEOUT, 0 },
		{ "soa", 0, NULL, NULL, OUTCOME_UNSENT, 0 },
	};
	struct identity id;

	(void)state;
	identify_lines(&id, lines, COUNT(lines), NULL);
	assert_int_equal(id.flow_count, 2);
	assert_int_equal(id.flow[0].asked, 3);
	assert_int_equal(id.flow[0].answered, 2);
	assert_int_equal(id.flow[0].rtt_us, 20);
	assert_int_equal(id.flow[0].sport, 10000);
	assert_int_equal(id.flow[1].asked, 1);
	assert_int_equal(id.flow[1].sport, 10001);
}

static void
an_identity_is_one_line_of_json_whatever_the_name(void **state)
{
	static const struct line lines[] = {
		{ "soa", 0, "\"\\\n\033[2J\xff", NULL, OUTCOME_ANSWERED, 5 },
	};
	struct identity id;
	char text[4096];
	size_t len, i;

	(void)state;
	identify_lines(&id, lines, COUNT(lines), NULL);
	len = identity_to_json(&id, text, sizeof(text));
	assert_true(len > 0 && len == strlen(text));
	for (i = 0; i < len; i++)
		assert_in_range(text[i], ' ', '~');
	assert_non_null(strstr(text, "\"instance_hex\":\"225c0a1b5b324aff\""));
	assert_non_null(strstr(
	    text, "\"instance\":\"\\\"\\\\092\\\\010\\\\027[2J\\\\255\""));
	assert_int_equal(identity_to_json(&id, text, 100), 0);
}

static void
the_median_of_an_even_count_is_the_mean_of_the_middle(void **state)
{
	static const struct {
		int64_t values[5];
		size_t count;
		int64_t median;
	} medians[] = {
		{ { 0 }, 0, -1 },
		{ { 7 }, 1, 7 },
		{ { 9, 4 }, 2, 7 },
		{ { 9, 1, 4 }, 3, 4 },
		{ { 8, 2, 6, 4 }, 4, 5 },
		{ { 5, 5, 1, 9, 9 }, 5, 5 },
	};
	int64_t values[5];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(medians); i++) {
		memcpy(values, medians[i].values, sizeof(values));
		assert_int_equal(
		    median_us(values, medians[i].count), medians[i].median);
	}
}

/* A truncated answer that is asked for again over TCP may end elsewhere. */
static void
what_is_asked_again_is_aside_unless_it_alone_names(void **state)
{
	static const struct line both[2] = {
		{ "soa", 0, "one", NULL, OUTCOME_ANSWERED, 10 },
		{ "soa", 0, "two", NULL, OUTCOME_ANSWERED, 90 },
	};
	struct record *r[2] = { record_of(&both[0], 0),
		record_of(&both[1], 1) };
	const struct identify_by by = { NULL, NULL, 0 };
	struct identity id;

	(void)state;
	r[1]->retry_of = 0;
	identify(&id, (const struct record *const *)r, 2, &by);
	assert_memory_equal(id.instance.bytes, "one", 3);
	assert_int_equal(id.verdict, VERDICT_STABLE);
	assert_int_equal(id.rtt_us, 10);
	assert_int_equal(id.flow[0].asked, 1);
	put(&r[0]->dns.nsid, NULL);
	identify(&id, (const struct record *const *)r, 2, &by);
	assert_memory_equal(id.instance.bytes, "two", 3);
	assert_int_equal(id.rtt_us, 10);
	free(r[0]);
	free(r[1]);
}

static void
a_service_has_an_order_of_its_own(void **state)
{
	static const struct line lines[3] = {
		{ "soa", 0, "87m362", NULL, OUTCOME_ANSWERED, 10 },
		{ "id.server", 0, "87m362", "yul01", OUTCOME_ANSWERED, 11 },
		{ "who.example", 0, "87m362", "w", OUTCOME_ANSWERED, 12 },
	};
	struct record *r[3] = { record_of(&lines[0], 0),
		record_of(&lines[1], 1), record_of(&lines[2], 2) };
	char order[2][LIMIT_QUESTION] = { "id.server", "nsid" };
	const struct identify_by by = { NULL,
		(const char(*)[LIMIT_QUESTION])order, 2 };
	struct identity id;

	(void)state;
	identify(&id, (const struct record *const *)r, 3, &by);
	assert_memory_equal(id.instance.bytes, "yul01", 5);
	(void)snprintf(order[0], LIMIT_QUESTION, "who.example");
	identify(&id, (const struct record *const *)r, 3, &by);
	assert_memory_equal(id.instance.bytes, "w", 1);
	assert_string_equal(
	    identity_method_name(id.method, id.question), "who.example");
	(void)snprintf(order[0], LIMIT_QUESTION, "no.example");
	identify(&id, (const struct record *const *)r, 3, &by);
	assert_memory_equal(id.instance.bytes, "87m362", 6);
	free(r[0]);
	free(r[1]);
	free(r[2]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    names_methods_and_verdicts_are_as_the_table_has_them),
		cmocka_unit_test(servers_of_one_site_are_one_place),
		cmocka_unit_test(
		    what_is_asked_again_is_aside_unless_it_alone_names),
		cmocka_unit_test(a_service_has_an_order_of_its_own),
		cmocka_unit_test(flows_have_their_figures),
		cmocka_unit_test(
		    an_identity_is_one_line_of_json_whatever_the_name),
		cmocka_unit_test(
		    the_median_of_an_even_count_is_the_mean_of_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
