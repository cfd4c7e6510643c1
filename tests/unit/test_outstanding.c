/* Proves that probes wait as long as they may, each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "probe/outstanding.h"

#define PROBES 6

struct fixture {
	struct outstanding o;
	struct flow flow;
	struct ask ask;
	struct probe probe[PROBES];
};

static void
fixture_init(struct fixture *f)
{
	size_t i;

	memset(f, 0, sizeof(*f));
	TAILQ_INIT(&f->flow.probes);
	f->ask.flow = &f->flow;
	for (i = 0; i < PROBES; i++) {
		f->probe[i].ask = &f->ask;
		f->probe[i].sent.ns = (int64_t)i;
	}
	outstanding_init(&f->o, (struct span){ 1000 }, (struct span){ 100 });
}

static int
on_the_flow(const struct fixture *f)
{
	const struct probe *probe;
	int count = 0;

	TAILQ_FOREACH(probe, &f->flow.probes, by_flow)
	count++;
	return count;
}

static void
a_probe_expires_at_its_time_and_not_before(void **state)
{
	struct fixture f;
	struct probe *out;

	(void)state;
	fixture_init(&f);
	assert_int_equal(outstanding_next(&f.o).ns, INT64_MAX);
	outstanding_add(&f.o, &f.probe[5], PATIENCE_ANSWER);
	assert_int_equal(outstanding_next(&f.o).ns, 1005);
	assert_false(outstanding_expire(&f.o, (struct mono){ 1004 }, &out));
	assert_true(outstanding_expire(&f.o, (struct mono){ 1005 }, &out));
	assert_ptr_equal(out, &f.probe[5]);
}

static void
each_patience_has_an_order_of_its_own(void **state)
{
	struct fixture f;
	struct probe *out;

	(void)state;
	fixture_init(&f);
	outstanding_add(&f.o, &f.probe[0], PATIENCE_ANSWER); /* 1000 */
	outstanding_add(&f.o, &f.probe[1], PATIENCE_HOP);    /* 101 */
	outstanding_add(&f.o, &f.probe[2], PATIENCE_HOP);    /* 102 */
	assert_int_equal(outstanding_next(&f.o).ns, 101);
	assert_true(outstanding_expire(&f.o, (struct mono){ 102 }, &out));
	assert_ptr_equal(out, &f.probe[1]);
	outstanding_close(&f.o, out, PATIENCE_HOP);
	assert_true(outstanding_expire(&f.o, (struct mono){ 102 }, &out));
	assert_ptr_equal(out, &f.probe[2]);
	outstanding_close(&f.o, out, PATIENCE_HOP);
	assert_false(outstanding_expire(&f.o, (struct mono){ 999 }, &out));
	assert_int_equal(outstanding_next(&f.o).ns, 1000);
}

static void
what_is_closed_waits_no_more_but_is_known_to_its_flow(void **state)
{
	struct fixture f;
	struct probe *out;

	(void)state;
	fixture_init(&f);
	outstanding_add(&f.o, &f.probe[0], PATIENCE_ANSWER);
	outstanding_add(&f.o, &f.probe[1], PATIENCE_ANSWER);
	outstanding_close(&f.o, &f.probe[0], PATIENCE_ANSWER);
	outstanding_close(&f.o, &f.probe[0], PATIENCE_ANSWER);
	assert_int_equal(f.o.count, 1);
	assert_int_equal(on_the_flow(&f), 2);
	assert_true(outstanding_expire(&f.o, (struct mono){ INT64_MAX }, &out));
	assert_ptr_equal(out, &f.probe[1]);
	outstanding_close(&f.o, out, PATIENCE_ANSWER);
	outstanding_forget(&f.probe[0]);
	outstanding_forget(&f.probe[0]);
	assert_int_equal(on_the_flow(&f), 1);
	outstanding_forget(&f.probe[1]);
	assert_int_equal(on_the_flow(&f), 0);
}

static void
a_probe_that_is_sent_again_stands_on_its_flow_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	outstanding_add(&f.o, &f.probe[0], PATIENCE_HOP);
	outstanding_close(&f.o, &f.probe[0], PATIENCE_HOP);
	f.probe[0].sent.ns = 500;
	outstanding_add(&f.o, &f.probe[0], PATIENCE_HOP);
	assert_int_equal(on_the_flow(&f), 1);
	assert_int_equal(outstanding_next(&f.o).ns, 600);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_expires_at_its_time_and_not_before),
		cmocka_unit_test(each_patience_has_an_order_of_its_own),
		cmocka_unit_test(
		    what_is_closed_waits_no_more_but_is_known_to_its_flow),
		cmocka_unit_test(
		    a_probe_that_is_sent_again_stands_on_its_flow_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
