/* Proves that what is put into a block of an hour comes out of it, and that no
 * bytes lead astray. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/block.h"

/* Round trip i of run k of a lane. */
static uint32_t
rtt_of(int64_t lane, int k, uint64_t i)
{
	uint64_t x = (uint64_t)lane * 0x9e3779b97f4a7c15u +
		     (uint64_t)k * 0xc2b2ae3d27d4eb4fu + i;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint32_t)(x >> (32 + i % 20));
}

static uint64_t
count_of(int64_t lane, int k)
{
	static const uint64_t counts[] = { 0, 1, 12, 63, 64, 65, 66, 74, 3600 };

	return counts[(uint64_t)(lane + k) % (sizeof(counts) / 8)];
}

static struct block_writer
write_block(void)
{
	static uint8_t hist[] = { 7, 1 };
	struct block_writer w = { 0 };

	for (int64_t lane = 3; lane < 100000; lane = lane * 3 / 2) {
		for (int k = 0; k < lane % 5; k++) {
			struct block_run run = { .instance = lane + k };
			const uint64_t count = count_of(lane, k);

			run.answered = (int64_t)count + k;
			for (uint64_t i = 0; i < count; i++)
				block_run_add(&run, i, rtt_of(lane, k, i));
			if (count > BLOCK_RTTS) {
				run.hist = hist;
				run.hist_len = sizeof(hist);
			}
			assert_int_equal(block_put_run(&w, &run), 0);
		}
		assert_int_equal(
		    block_put_lane(&w,
			&(struct block_lane){ lane, 1000 * lane, lane % 7 }),
		    0);
	}
	return w;
}

static void
check_run(const struct block_run *run, int64_t lane, int k)
{
	const uint64_t count = count_of(lane, k);

	assert_int_equal(run->instance, lane + k);
	assert_int_equal(run->answered, (int64_t)count + k);
	assert_true((run->hist != NULL) == (count > BLOCK_RTTS));
	assert_int_equal(
	    run->kept, count > BLOCK_RTTS ? 2 * BLOCK_EDGE : count);
	for (uint64_t i = 0; i < run->kept; i++) {
		uint64_t of = i;

		if (count > BLOCK_RTTS && i >= BLOCK_EDGE)
			of = count - 2 * BLOCK_EDGE + i;
		assert_int_equal(run->rtts[i], rtt_of(lane, k, of));
	}
	if (run->hist != NULL)
		assert_memory_equal(run->hist, "\7\1", run->hist_len);
}

static void
what_is_put_in_comes_out(void **state)
{
	struct block_writer w = write_block();
	struct block_reader r = { .at = w.bytes, .end = w.bytes + w.len };
	struct block_run run;

	(void)state;
	for (int64_t lane = 3; lane < 100000; lane = lane * 3 / 2) {
		assert_int_equal(block_next_lane(&r), 1);
		assert_int_equal(r.lane.lane, lane);
		assert_int_equal(r.lane.asked, 1000 * lane);
		assert_int_equal(r.lane.unsent, lane % 7);
		/* Every other lane is left half read. */
		for (int k = 0; k < lane % 5 / (lane % 2 + 1); k++) {
			assert_int_equal(block_next_run(&r, &run), 1);
			check_run(&run, lane, k);
		}
		if (lane % 2 == 0)
			assert_int_equal(block_next_run(&r, &run), 0);
	}
	assert_int_equal(block_next_lane(&r), 0);
	assert_int_equal(block_next_lane(&r), 0);
	block_writer_clear(&w);
}

/* What was passed, with its round trips read behind those that follow it. */
static void
check_passed(const struct block_pass *passed, int64_t lane, int k)
{
	struct block_run run = {
		.instance = passed->instance,
		.answered = passed->answered,
		.kept = passed->kept,
		.hist = passed->hist,
		.hist_len = passed->hist_len,
	};

	assert_int_equal(block_pass_rtts(passed, run.rtts), 0);
	check_run(&run, lane, k);
}

static void
what_is_passed_can_be_read_later(void **state)
{
	struct block_writer w = write_block();
	struct block_reader r = { .at = w.bytes, .end = w.bytes + w.len };

	(void)state;
	for (int64_t lane = 3; lane < 100000; lane = lane * 3 / 2) {
		struct block_pass passed[5];
		int count = 0;

		if (lane % 3 == 0) /* those before are left out */
			continue;
		assert_int_equal(
		    block_seek_lane(&r, lane - (lane % 5 == 0)), 1);
		assert_int_equal(r.lane.lane, lane);
		assert_int_equal(r.lane.asked, 1000 * lane);
		while (block_pass_run(&r, &passed[count]) == 1)
			count++;
		assert_int_equal(count, lane % 5);
		for (int k = 0; k < count; k++)
			check_passed(&passed[k], lane, k);
	}
	assert_int_equal(block_seek_lane(&r, 1000000), 0);
	assert_int_equal(block_seek_lane(&r, 0), 0);
	block_writer_clear(&w);
}

/* Whether it can be passed over, whatever is in it. */
static void
pass_all(const uint8_t *bytes, size_t len)
{
	struct block_reader r = { .at = bytes, .end = bytes + len };
	uint32_t rtts[BLOCK_RTTS];
	struct block_pass pass;

	while (block_seek_lane(&r, r.lane.lane + 2) == 1) {
		while (block_pass_run(&r, &pass) == 1) {
			assert_true(pass.end <= r.lane_end);
			(void)block_pass_rtts(&pass, rtts);
		}
	}
}

/* The lanes that could be read; -1 for what is no block. */
static int
read_all(const uint8_t *bytes, size_t len)
{
	struct block_reader r = { .at = bytes, .end = bytes + len };
	struct block_run run;
	int status, lanes = 0, of_run = 0;

	while ((status = block_next_lane(&r)) == 1) {
		int64_t before = r.lane.lane;

		assert_true(before > 0);
		lanes++;
		while ((of_run = block_next_run(&r, &run)) == 1)
			assert_true(run.kept <= BLOCK_RTTS);
		if (of_run == -1)
			return -1;
	}
	return status == -1 ? -1 : lanes;
}

static uint32_t
draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* A copy of its own size, so that a sanitizer sees what is read beside it. */
static void
bytes_that_are_cut_or_changed_lead_nowhere(void **state)
{
	struct block_writer w = write_block();
	const int whole = read_all(w.bytes, w.len);
	uint64_t state_of = 5;
	int refused = 0;

	(void)state;
	assert_true(whole > 20);
	for (size_t len = 0; len < w.len; len++) {
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, w.bytes, len);
		assert_true(read_all(copy, len) < whole);
		pass_all(copy, len);
		free(copy);
	}
	for (int i = 0; i < 20000; i++) {
		uint8_t *copy = malloc(w.len);

		memcpy(copy, w.bytes, w.len);
		for (int k = 0; k < 3; k++)
			copy[draw(&state_of) % w.len] =
			    (uint8_t)draw(&state_of);
		refused += read_all(copy, w.len) == -1;
		pass_all(copy, w.len);
		free(copy);
	}
	assert_true(refused > 1000);
	block_writer_clear(&w);
}

static void
numbers_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\0\2\1\0", 4 },           /* a lane without a number */
		{ "\1\3\1\0", 4 },           /* longer than the block */
		{ "\1\1\1", 3 },             /* without its counts */
		{ "\1\5\1\0\1\1\2", 7 },     /* a round trip is missing */
		{ "\1\7\1\0\1\1\4\1\5", 9 }, /* the second is negative */
		{ "\1\6\1\0\1\1\1\1", 8 },   /* a histogram is missing */
		{ "\1\6\1\0\1\1\x82\1", 8 }, /* 65 round trips */
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\1\0", 13 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    read_all((const uint8_t *)bad[i].bytes, bad[i].len), -1);
	assert_int_equal(read_all((const uint8_t *)"\1\2\1\0", 4), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_in_comes_out),
		cmocka_unit_test(what_is_passed_can_be_read_later),
		cmocka_unit_test(bytes_that_are_cut_or_changed_lead_nowhere),
		cmocka_unit_test(numbers_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
