#include "collector/prune.h"

#include "collector/prune_private.h"
#include "collector/settle.h"
#include "collector/statements_prune.h"
#include "collector/store_private.h"

#define LANES 1024   /* of one step over runs and intervals */
#define SIZE_TURNS 4 /* what is left of a table need not be packed tightly */

/* --- limits --- */

static bool
is_limit(const struct prune_limit *limit)
{
	return limit->days > 0 || limit->bytes > 0;
}

bool
prune_any(const struct prune_limits *limits)
{
	return is_limit(&limits->replies) || is_limit(&limits->paths) ||
	       is_limit(&limits->raw) || is_limit(&limits->runs) ||
	       is_limit(&limits->intervals);
}

static bool
is_longer(const struct prune_limit *a, const struct prune_limit *b)
{
	return a->days > 0 && b->days > 0 && a->days > b->days;
}

const char *
prune_complain(const struct prune_limits *limits)
{
	if (is_limit(&limits->runs) &&
	    (!is_limit(&limits->raw) || is_longer(&limits->raw, &limits->runs)))
		return "runs can only go with their raw rows or after them: "
		       "limit raw rows too, to no more days";
	if (is_limit(&limits->intervals) &&
	    (!is_limit(&limits->runs) ||
		is_longer(&limits->runs, &limits->intervals)))
		return "intervals can only go with their runs or after them: "
		       "limit runs too, to no more days";
	return NULL;
}

/* The beginning of the hour that many days ago. */
static int64_t
cutoff_of_age(int64_t days)
{
	const int64_t now = wall_to_us(wall_now());

	return days == 0 ? INT64_MIN : (now / HOUR_US - days * 24) * HOUR_US;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- batches --- */

struct kind {
	enum prune_kind kind;
	int64_t bit;               /* of enum prune_bit, or several */
	enum statement deletes[4]; /* STATEMENT_COUNT: none more */
};

static const struct kind replies = { PRUNE_KIND_REPLIES, PRUNE_REPLIES,
	{ STATEMENT_PRUNE_REPLIES, STATEMENT_COUNT } };
static const struct kind paths = { PRUNE_KIND_PATHS, PRUNE_PATHS,
	{ STATEMENT_PRUNE_TRACES, STATEMENT_COUNT } };
static const struct kind raw = { PRUNE_KIND_RAW,
	PRUNE_RAW | PRUNE_PATHS | PRUNE_REPLIES,
	{ STATEMENT_PRUNE_REPLIES, STATEMENT_PRUNE_TRACES, STATEMENT_PRUNE_ROWS,
	    STATEMENT_PRUNE_SUMS } };

struct batches {
	const struct kind *kind;
	int64_t id; /* the last that is done */
	int64_t *count;
};

static enum store_result
take_out(struct pruning *p, enum statement delete, int64_t first, int64_t last)
{
	struct query q = query_start(p->store, delete);

	query_int(&q, first);
	query_int(&q, last);
	return query_run(&q);
}

static enum store_result
prune_batch(
    struct pruning *p, const struct batches *b, int64_t first, int64_t last)
{
	enum store_result result = STORE_OK;
	struct query q;

	for (size_t i = 0; i < 4 && result == STORE_OK &&
			   b->kind->deletes[i] != STATEMENT_COUNT;
	     i++)
		result = take_out(p, b->kind->deletes[i], first, last);
	if (result != STORE_OK)
		return result;
	q = query_start(p->store, STATEMENT_PRUNE_DONE);
	query_int(&q, b->id);
	query_int(&q, b->kind->bit);
	return query_run(&q);
}

static enum store_result
batches_step(struct pruning *p, void *state)
{
	struct batches *b = state;
	struct query q = query_once(p->store, prune_next_batch);
	int64_t first = 0, last = 0;
	enum store_result result;
	bool found;

	query_int(&q, b->id);
	if ((found = query_row(&q))) {
		b->id = query_column_int(&q, 0);
		first = query_column_int(&q, 1);
		last = query_column_int(&q, 2);
	}
	if ((result = query_end(&q)) != STORE_OK || !found)
		return result == STORE_OK ? STORE_UNKNOWN : result;
	++*b->count;
	return prune_batch(p, b, first, last);
}

/* Between which times, in microseconds. */
struct stretch {
	int64_t from, before;
};

static enum store_result
prune_batches(struct pruning *p, const struct kind *kind, struct stretch when,
    int64_t *count)
{
	struct batches b = { .kind = kind, .count = count };
	enum store_result result = store_result_of(p->store,
	    sqlite3_exec(p->store->db, prune_batches_table, NULL, NULL, NULL),
	    "prune");
	struct query q;

	if (result != STORE_OK)
		return result;
	q = query_once(p->store, prune_find_batches);
	query_int(&q, when.before);
	query_int(&q, when.from);
	query_int(&q, kind->bit);
	if ((result = query_run(&q)) != STORE_OK)
		return result;
	return prune_in_turns(p, batches_step, &b);
}

/* --- raw rows --- */

/* First nothing may amend the past any more; then what is marked there gets
 * its runs; then the rows are needed no longer. */
static enum store_result
prune_raw(struct pruning *p, struct stretch when, int64_t *count)
{
	struct store *s = p->store;
	struct wall horizon;
	enum store_result result = store_begin(s);
	int64_t left;

	if (result != STORE_OK)
		return result;
	if ((result = store_raw_horizon(s, &horizon)) == STORE_OK &&
	    (horizon.ns == INT64_MIN || wall_to_us(horizon) < when.before))
		result = store_set_raw_horizon(s, wall_from_us(when.before));
	if ((result = store_end(s, result)) != STORE_OK ||
	    (result = settle_marked(s, 0, wall_from_us(when.before), &left)) !=
		STORE_OK)
		return result;
	return prune_batches(p, &raw, when, count);
}

/* --- runs and intervals, some lanes at a time --- */

struct blocks {
	int64_t vp, before; /* the one that is being done */
};

struct lanes {
	int64_t hour, lane, before; /* the last that is done */
	int64_t *count;
};

/* Of the lanes from the one that is at hand. */
static enum store_result
take_lanes(struct pruning *p, const char *sql, struct lanes *l, int64_t when)
{
	struct query q = query_once(p->store, sql);
	enum store_result result;

	query_int(&q, l->lane);
	l->lane += LANES;
	query_int(&q, l->lane);
	query_int(&q, when);
	result = query_run(&q);
	*l->count += sqlite3_changes(p->store->db);
	return result;
}

static enum store_result
runs_step(struct pruning *p, void *state)
{
	struct lanes *l = state;
	struct query q = query_once(p->store, prune_runs_next);
	enum store_result result;
	bool found;

	query_int(&q, l->hour);
	query_int(&q, l->lane);
	if ((found = query_row(&q))) {
		l->hour = query_column_int(&q, 0);
		l->lane = query_column_int(&q, 1);
	}
	if ((result = query_end(&q)) != STORE_OK)
		return result;
	if (!found || l->hour >= l->before / HOUR_US)
		return STORE_UNKNOWN;
	return take_lanes(p, prune_runs, l, l->hour);
}

/* A vantage point after the other, some hours at a time. */
static enum store_result
blocks_step(struct pruning *p, void *state)
{
	struct blocks *b = state;
	struct query q = query_once(p->store, prune_blocks);
	enum store_result result;
	bool found;

	query_int(&q, b->vp);
	query_int(&q, b->before / HOUR_US);
	result = query_run(&q);
	if (result != STORE_OK || sqlite3_changes(p->store->db) > 0)
		return result;
	q = query_once(p->store, prune_blocks_next);
	query_int(&q, b->vp);
	if ((found = query_row(&q) && !query_column_is_null(&q, 0)))
		b->vp = query_column_int(&q, 0);
	result = query_end(&q);
	return result == STORE_OK && !found ? STORE_UNKNOWN : result;
}

/* Only behind the raw horizon, where no hour is settled again. So the last
 * run of each lane is the same in every transaction. */
static enum store_result
prune_runs_before(struct pruning *p, struct stretch when, int64_t *count)
{
	struct lanes l = {
		.hour = INT64_MIN, .before = when.before, .count = count
	};
	struct blocks b = { .vp = INT64_MIN, .before = when.before };
	enum store_result result =
	    prune_note(p, SETTING_RUN_HORIZON, when.before);
	struct query q;

	if (result == STORE_OK)
		result = store_result_of(p->store,
		    sqlite3_exec(
			p->store->db, prune_keep_table, NULL, NULL, NULL),
		    "prune");
	if (result != STORE_OK)
		return result;
	q = query_once(p->store, prune_keep);
	query_int(&q, when.before / HOUR_US);
	if ((result = query_run(&q)) == STORE_OK)
		result = prune_in_turns(p, blocks_step, &b);
	if (result != STORE_OK)
		return result;
	return prune_in_turns(p, runs_step, &l);
}

static enum store_result
intervals_step(struct pruning *p, void *state)
{
	struct lanes *l = state;
	struct query q = query_once(p->store, prune_intervals_next);
	enum store_result result;
	bool found;

	query_int(&q, l->lane);
	if ((found = query_row(&q) && !query_column_is_null(&q, 0)))
		l->lane = query_column_int(&q, 0);
	if ((result = query_end(&q)) != STORE_OK || !found)
		return result == STORE_OK ? STORE_UNKNOWN : result;
	return take_lanes(p, prune_intervals, l, l->before);
}

/* Behind the raw horizon too: one that ends there is touched no more. */
static enum store_result
prune_intervals_before(struct pruning *p, struct stretch when, int64_t *count)
{
	struct lanes l = { .before = when.before, .count = count };
	enum store_result result =
	    prune_note(p, SETTING_INTERVAL_HORIZON, when.before);

	return result == STORE_OK ? prune_in_turns(p, intervals_step, &l)
				  : result;
}

/* --- a kind --- */

/* Takes out what ends before. */
static enum store_result
take(struct pruning *p, enum prune_kind kind, struct stretch when)
{
	struct prune_result *done = p->done;

	switch (kind) {
	case PRUNE_KIND_REPLIES:
		return prune_batches(p, &replies, when, &done->replies);
	case PRUNE_KIND_PATHS:
		return prune_batches(p, &paths, when, &done->paths);
	case PRUNE_KIND_RAW:
		return prune_raw(p, when, &done->raw);
	case PRUNE_KIND_RUNS:
		return prune_runs_before(p, when, &done->runs);
	case PRUNE_KIND_INTERVALS:
		break;
	}
	return prune_intervals_before(p, when, &done->intervals);
}

/* Runs are settled again up to the raw horizon, and intervals are wanted
 * wherever there are runs. */
static enum store_result
hold_back(struct pruning *p, enum prune_kind kind, int64_t *before)
{
	const char *const behind =
	    kind == PRUNE_KIND_RUNS ? SETTING_RAW_HORIZON : SETTING_RUN_HORIZON;
	int64_t horizon;
	enum store_result result;

	if (kind != PRUNE_KIND_RUNS && kind != PRUNE_KIND_INTERVALS)
		return STORE_OK;
	result = store_get_time(p->store, behind, &horizon);
	*before = earlier(*before, horizon);
	return result;
}

static enum store_result
prune_by_age(
    struct pruning *p, enum prune_kind kind, const struct prune_limit *limit)
{
	const int64_t since = p->manner->quick_since;
	struct stretch when = { .from = INT64_MIN,
		.before = cutoff_of_age(limit->days) };
	enum store_result result = hold_back(p, kind, &when.before);

	/* A batch begins up to an hour before it ends. */
	if (since > 0)
		when.from = (since / HOUR_US - limit->days * 24 - 2) * HOUR_US;
	if (result != STORE_OK || when.before == INT64_MIN)
		return result;
	return take(p, kind, when);
}

static enum store_result
prune_by_size(
    struct pruning *p, enum prune_kind kind, const struct prune_limit *limit)
{
	struct stretch when = { .from = INT64_MIN };
	enum store_result result = STORE_OK;

	if (limit->bytes == 0)
		return STORE_OK;
	for (int i = 0; i < SIZE_TURNS && result == STORE_OK; i++) {
		result =
		    prune_cutoff_of_size(p, kind, limit->bytes, &when.before);
		if (result == STORE_OK)
			result = hold_back(p, kind, &when.before);
		if (when.before == INT64_MIN || prune_stopped(p))
			break;
		if (result == STORE_OK)
			result = take(p, kind, when);
		/* Of its size the paths themselves are most. */
		if (result == STORE_OK && kind == PRUNE_KIND_PATHS)
			result = prune_unused_names(p);
	}
	return result;
}

/* Lanes that have no interval any more keep no last run. */
static enum store_result
prune_last_runs(struct pruning *p)
{
	struct stretch when = { .from = INT64_MIN };
	enum store_result result =
	    store_get_time(p->store, SETTING_RUN_HORIZON, &when.before);

	if (result != STORE_OK || p->done->intervals == 0)
		return result;
	return take(p, PRUNE_KIND_RUNS, when);
}

static enum store_result
prune_kinds(struct pruning *p, const struct prune_limits *limits)
{
	const struct {
		enum prune_kind kind;
		const struct prune_limit *limit;
	} kinds[] = {
		{ PRUNE_KIND_RAW, &limits->raw },
		{ PRUNE_KIND_REPLIES, &limits->replies },
		{ PRUNE_KIND_PATHS, &limits->paths },
		{ PRUNE_KIND_RUNS, &limits->runs },
		{ PRUNE_KIND_INTERVALS, &limits->intervals },
	};
	const bool quickly = p->manner->quick_since > 0;
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < 5 && result == STORE_OK; i++) {
		if (quickly && kinds[i].kind == PRUNE_KIND_INTERVALS)
			continue;
		result = prune_by_age(p, kinds[i].kind, kinds[i].limit);
		if (result == STORE_OK && !quickly)
			result =
			    prune_by_size(p, kinds[i].kind, kinds[i].limit);
	}
	return result == STORE_OK ? prune_last_runs(p) : result;
}

enum store_result
prune_store(struct store *s, const struct prune_limits *limits,
    const struct prune_manner *manner, struct prune_result *done)
{
	struct pruning p = { .store = s, .manner = manner, .done = done };
	enum store_result result;

	*done = (struct prune_result){ 0 };
	result = prune_kinds(&p, limits);
	if (result == STORE_OK && manner->quick_since == 0)
		result = prune_unused_names(&p);
	return result == STORE_OK ? prune_give_back(&p) : result;
}
