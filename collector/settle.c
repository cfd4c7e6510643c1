#include "collector/settle.h"

#include <stdlib.h>
#include <string.h>
#include "collector/settle_runs.h"
#include "collector/stitch.h"
#include "collector/store_private.h"
#include "lib/block.h"
#include "lib/log.h"

/* How long the lock is held at a stretch: uploads wait for it. */
#define TURN_MS 250

/* An instance of the hour and the bytes that give it its place. */
struct name {
	int64_t id;
	uint32_t rank;
	size_t len;
	uint8_t *bytes; /* method, NUL, name */
};

struct settling {
	struct store *store;
	int64_t vp;
	struct samples samples;
	struct name *names; /* by id */
	size_t name_count;
	int64_t *lanes; /* that have runs of this hour, by id */
	size_t lane_count, lane_size;
	struct run_reader reader;
	struct block_writer block;
	struct stitch stitch; /* holds the hour */
};

static enum store_result
no_memory(const struct settling *se)
{
	log_warnx("%s: out of memory", se->store->path);
	return STORE_BROKEN;
}

/* --- the samples of the hour, in order --- */

static struct sample
read_sample(const struct query *q)
{
	const int64_t outcome = query_column_int(q, 2);
	struct sample sample = {
		.lane = query_column_int(q, 0),
		.t_us = query_column_int(q, 1),
		.unsent = outcome == OUTCOME_UNSENT,
		.rtt_us = -1,
	};

	if (outcome != OUTCOME_ANSWERED)
		return sample;
	sample.instance = query_column_int(q, 4);
	if (!query_column_is_null(q, 3))
		sample.rtt_us = query_column_int(q, 3);
	return sample;
}

static enum store_result
read_samples(struct settling *se)
{
	const struct stitch *st = &se->stitch;
	struct query q = query_start(se->store, STATEMENT_HOUR_ROWS);
	enum store_result result;
	bool memory = true;

	query_int(&q, se->vp);
	query_int(&q, st->start - LIMIT_BATCH_SPAN_US);
	query_int(&q, st->end);
	query_int(&q, st->start);
	while (memory && query_row(&q)) {
		const struct sample sample = read_sample(&q);

		if (sample.t_us >= st->start && sample.t_us < st->end)
			memory = samples_add(&se->samples, &sample) == 0;
	}
	result = query_end(&q);
	return memory ? result : no_memory(se);
}

static int
compare_ids(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static int
compare_name_ids(const void *left, const void *right)
{
	const struct name *a = left, *b = right;

	return compare_ids(&a->id, &b->id);
}

static int
compare_name_bytes(const void *left, const void *right)
{
	const struct name *a = left, *b = right;
	const size_t len = a->len < b->len ? a->len : b->len;
	const int order = memcmp(a->bytes, b->bytes, len);

	if (order != 0)
		return order;
	return a->len < b->len ? -1 : a->len > b->len;
}

/* The ids that answered, each once, by id. */
static enum store_result
list_names(struct settling *se)
{
	const struct samples *list = &se->samples;
	int64_t *ids = calloc(list->count + 1, sizeof(*ids));
	size_t count = 0;

	if (ids == NULL)
		return no_memory(se);
	for (size_t i = 0; i < list->count; i++) {
		const int64_t id = list->items[i].instance;

		/* Neighbours are mostly the same. */
		if (id != 0 && (count == 0 || ids[count - 1] != id))
			ids[count++] = id;
	}
	qsort(ids, count, sizeof(*ids), compare_ids);
	se->names = calloc(count + 1, sizeof(*se->names));
	for (size_t i = 0; i < count && se->names != NULL; i++) {
		if (i == 0 || ids[i - 1] != ids[i])
			se->names[se->name_count++].id = ids[i];
	}
	free(ids);
	return se->names == NULL ? no_memory(se) : STORE_OK;
}

/* In damaged rows: whatever it is called, it comes first. */
static void
copy_no_name(struct settling *se, struct name *name)
{
	log_warnx("%s: instance %lld, which measurements have, is missing",
	    se->store->path, (long long)name->id);
	name->bytes = calloc(1, 1);
}

/* Out of memory is noticed by the bytes that are missing. */
static void
copy_name(struct name *name, sqlite3_stmt *stmt)
{
	const size_t method = (size_t)sqlite3_column_bytes(stmt, 0) + 1;
	const size_t len = (size_t)sqlite3_column_bytes(stmt, 1);

	if ((name->bytes = malloc(method + len)) == NULL)
		return;
	memcpy(name->bytes, sqlite3_column_text(stmt, 0), method);
	if (len > 0)
		memcpy(name->bytes + method, sqlite3_column_blob(stmt, 1), len);
	name->len = method + len;
}

static enum store_result
read_name(struct settling *se, struct name *name)
{
	struct query q = query_start(se->store, STATEMENT_INSTANCE);
	enum store_result result;
	bool found;

	query_int(&q, name->id);
	if ((found = query_row(&q)))
		copy_name(name, q.stmt);
	if ((result = query_end(&q)) != STORE_OK)
		return result;
	if (!found)
		copy_no_name(se, name);
	return name->bytes == NULL ? no_memory(se) : STORE_OK;
}

/* Where samples of one lane have one time, the order of their names decides;
 * ids would depend on the order of arrival. */
static enum store_result
rank_samples(struct settling *se)
{
	enum store_result result = list_names(se);
	const size_t count = se->name_count;

	for (size_t i = 0; i < count && result == STORE_OK; i++)
		result = read_name(se, &se->names[i]);
	if (result != STORE_OK)
		return result;
	qsort(se->names, count, sizeof(*se->names), compare_name_bytes);
	for (size_t i = 0; i < count; i++)
		se->names[i].rank = (uint32_t)i;
	qsort(se->names, count, sizeof(*se->names), compare_name_ids);
	for (size_t i = 0; i < se->samples.count; i++) {
		struct sample *sample = &se->samples.items[i];
		const struct name key = { .id = sample->instance };
		const struct name *name = bsearch(&key, se->names, count,
		    sizeof(*se->names), compare_name_ids);

		sample->rank = name == NULL ? 0 : name->rank;
	}
	samples_sort(&se->samples);
	return STORE_OK;
}

static void
free_names(struct settling *se)
{
	for (size_t i = 0; i < se->name_count; i++)
		free(se->names[i].bytes);
	free(se->names);
}

/* --- runs and intervals, lane by lane --- */

static enum store_result
list_lanes(struct settling *se)
{
	struct query q = query_start(se->store, STATEMENT_RUN_LANES);
	enum store_result result;
	bool memory = true;

	query_int(&q, se->vp);
	query_int(&q, se->stitch.hour);
	while (memory && query_row(&q)) {
		if (se->lane_count == se->lane_size) {
			const size_t size = se->lane_size * 2 + 64;
			int64_t *more =
			    reallocarray(se->lanes, size, sizeof(*more));

			if ((memory = more != NULL)) {
				se->lanes = more;
				se->lane_size = size;
			}
		}
		if (memory)
			se->lanes[se->lane_count++] = query_column_int(&q, 0);
	}
	result = query_end(&q);
	if (se->lane_count > 1)
		qsort(
		    se->lanes, se->lane_count, sizeof(*se->lanes), compare_ids);
	return memory ? result : no_memory(se);
}

static enum store_result
delete_runs(struct settling *se, int64_t lane)
{
	struct query q = query_start(se->store, STATEMENT_DELETE_RUNS);

	query_int(&q, se->stitch.hour);
	query_int(&q, lane);
	return query_run(&q);
}

/* The run into the lane's part of the block; hist is what is kept of all. */
static enum store_result
put_in_block(struct settling *se, const uint8_t *hist, size_t len)
{
	const struct run_reader *r = &se->reader;
	struct block_run run = {
		.instance = r->run.instance,
		.answered = r->run.answered,
	};
	uint64_t count = 0;

	for (size_t i = r->first; i < r->at; i++) {
		const int64_t rtt_us = r->samples->items[i].rtt_us;

		if (rtt_us >= 0 && rtt_us < UINT32_MAX)
			block_run_add(&run, count++, (uint32_t)rtt_us);
	}
	if (count > BLOCK_RTTS) {
		run.hist = hist;
		run.hist_len = len;
	}
	return block_put_run(&se->block, &run) == 0 ? STORE_OK : no_memory(se);
}

static enum store_result
add_run(struct settling *se)
{
	const struct run *run = &se->reader.run;
	struct query q = query_start(se->store, STATEMENT_ADD_RUN);
	uint8_t hist[HISTOGRAM_BYTES];
	const size_t len = histogram_encode(&se->reader.hist, hist);
	enum store_result result;

	query_int(&q, se->stitch.hour);
	query_int(&q, run->lane);
	query_int(&q, run->first);
	query_int(&q, run->tie);
	query_int(&q, run->instance);
	query_int(&q, run->last);
	query_int(&q, run->answered);
	query_int(&q, run->asked);
	query_int(&q, run->unsent);
	if (len > 0)
		query_blob(&q, hist, len);
	else
		query_int_or_null(&q, 0, false);
	if (run->instance != 0 &&
	    (result = put_in_block(se, hist, len)) != STORE_OK) {
		(void)query_end(&q);
		return result;
	}
	return query_run(&q);
}

static enum store_result
add_runs(struct settling *se, int64_t lane)
{
	struct run_reader *r = &se->reader;
	struct block_lane sum = { .lane = lane };
	enum store_result result = STORE_OK;

	se->stitch.runs.count = 0;
	while (result == STORE_OK && run_reader_lane(r) == lane &&
	       run_reader_next(r)) {
		const struct stretch run = {
			.first = r->run.first,
			.tie = r->run.tie,
			.last = r->run.last,
			.instance = r->run.instance,
		};

		if (run.instance != 0 &&
		    stretches_add(&se->stitch.runs, &run) == -1)
			return no_memory(se);
		sum.asked += r->run.asked;
		sum.unsent += r->run.unsent;
		result = add_run(se);
	}
	if (result == STORE_OK && sum.asked > 0 &&
	    block_put_lane(&se->block, &sum) == -1)
		return no_memory(se);
	return result;
}

/* Lanes that have samples, lanes that had runs, in the order of their ids. */
static enum store_result
settle_lanes(struct settling *se)
{
	enum store_result result = STORE_OK;
	size_t i = 0;

	while (result == STORE_OK) {
		int64_t lane = run_reader_lane(&se->reader);
		const bool had_runs =
		    i < se->lane_count && (lane == -1 || se->lanes[i] <= lane);

		if (lane == -1 && !had_runs)
			break;
		if (had_runs) {
			lane = se->lanes[i++];
			result = delete_runs(se, lane);
		}
		if (result == STORE_OK)
			result = add_runs(se, lane);
		if (result == STORE_OK)
			result = stitch_lane(&se->stitch, lane);
	}
	return result;
}

static enum store_result
put_block(struct settling *se)
{
	const bool any = se->block.len > 0;
	struct query q = query_start(
	    se->store, any ? STATEMENT_PUT_BLOCK : STATEMENT_DELETE_BLOCK);

	query_int(&q, se->vp);
	query_int(&q, se->stitch.hour);
	if (any)
		query_blob(&q, se->block.bytes, se->block.len);
	return query_run(&q);
}

static enum store_result
take_mark(struct settling *se)
{
	struct query q = query_start(se->store, STATEMENT_TAKE_MARK);

	query_int(&q, se->vp);
	query_int(&q, se->stitch.hour);
	return query_run(&q);
}

enum store_result
settle_hour(struct store *s, int64_t vp, int64_t hour)
{
	struct settling *se = calloc(1, sizeof(*se));
	enum store_result result;

	if (se == NULL)
		return STORE_BROKEN;
	se->store = s;
	se->vp = vp;
	se->stitch = (struct stitch){
		.store = s,
		.hour = hour,
		.start = hour * HOUR_US,
		.end = (hour + 1) * HOUR_US,
	};
	if ((result = read_samples(se)) == STORE_OK &&
	    (result = rank_samples(se)) == STORE_OK &&
	    (result = list_lanes(se)) == STORE_OK) {
		run_reader_init(&se->reader, &se->samples);
		result = settle_lanes(se);
	}
	if (result == STORE_OK)
		result = put_block(se);
	if (result == STORE_OK)
		result = take_mark(se);
	block_writer_clear(&se->block);
	samples_clear(&se->samples);
	stitch_clear(&se->stitch);
	free_names(se);
	free(se->lanes);
	free(se);
	return result;
}

/* --- what is marked --- */

/* STORE_UNKNOWN: nothing is. */
static enum store_result
next_mark(struct store *s, int64_t before_hour, int64_t *vp, int64_t *hour)
{
	struct query q = query_start(s, STATEMENT_NEXT_MARK);
	enum store_result result;
	bool found;

	query_int(&q, before_hour);
	if ((found = query_row(&q))) {
		*vp = query_column_int(&q, 0);
		*hour = query_column_int(&q, 1);
	}
	result = query_end(&q);
	return result == STORE_OK && !found ? STORE_UNKNOWN : result;
}

static enum store_result
count_marks(struct store *s, int64_t *count)
{
	struct query q = query_start(s, STATEMENT_COUNT_MARKS);

	if (query_row(&q))
		*count = query_column_int(&q, 0);
	return query_end(&q);
}

/* One transaction's worth. *max counts down; STORE_UNKNOWN: all done. */
static enum store_result
settle_turn(struct store *s, int *max, int64_t before_hour)
{
	const struct mono until = mono_add(mono_now(), span_ms(TURN_MS));
	enum store_result result;
	int64_t vp, hour;

	do {
		result = next_mark(s, before_hour, &vp, &hour);
		if (result == STORE_OK)
			result = settle_hour(s, vp, hour);
	} while (
	    result == STORE_OK && --*max > 0 && mono_before(mono_now(), until));
	return result;
}

enum store_result
settle_marked(struct store *s, int max, struct wall before, int64_t *left)
{
	const int64_t before_hour =
	    before.ns == INT64_MAX ? INT64_MAX : wall_to_us(before) / HOUR_US;
	enum store_result result, turn = STORE_OK;
	int64_t vp, hour;

	max = max == 0 ? INT32_MAX : max;
	/* Mostly nothing is marked: then nobody needs to wait for a lock. */
	result = next_mark(s, before_hour, &vp, &hour);
	while (result == STORE_OK && turn == STORE_OK && max > 0) {
		if ((result = store_begin(s)) != STORE_OK)
			return result;
		turn = settle_turn(s, &max, before_hour);
		if (turn == STORE_OK || turn == STORE_UNKNOWN)
			result = store_commit(s);
		else
			store_rollback(s);
	}
	if (result == STORE_UNKNOWN)
		result = STORE_OK;
	if (turn != STORE_OK && turn != STORE_UNKNOWN)
		return turn;
	return result == STORE_OK ? count_marks(s, left) : result;
}
