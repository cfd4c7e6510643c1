#include "collector/store.h"

#include <stdlib.h>
#include <string.h>
#include "collector/import_batch.h"
#include "collector/row_sum.h"
#include "collector/store_address.h"
#include "collector/store_names.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

#define STEPPED 4      /* of batch.clock, beside enum clock_state */
#define EXPECT_AHEAD 6 /* items: as long as memory takes to answer */

static int64_t
hour_of(int64_t t_us)
{
	/* Times are after 1970: limits.h. */
	return t_us / HOUR_US;
}

static enum store_result
find_batch(struct store *s, const struct store_batch *batch)
{
	struct query q = query_start(s, STATEMENT_FIND_BATCH);
	enum store_result found = STORE_OK, result;

	query_int(&q, batch->vp);
	query_text(&q, batch->spool);
	query_int(&q, batch->number);
	if (query_row(&q)) {
		const void *have = sqlite3_column_blob(q.stmt, 0);

		found =
		    sqlite3_column_bytes(q.stmt, 0) == SIGN_SHA256_LEN &&
			    memcmp(have, batch->sha256, SIGN_SHA256_LEN) == 0
			? STORE_DUPLICATE
			: STORE_CONFLICT;
	}
	result = query_end(&q);
	return result == STORE_OK ? found : result;
}

enum store_result
store_find_batch(struct store *s, const char *vp, const char *spool,
    int64_t number, const uint8_t sha256[SIGN_SHA256_LEN])
{
	struct store_batch batch = { .spool = spool, .number = number };
	enum store_result result = store_vp(s, vp, false, &batch.vp);

	if (result == STORE_UNKNOWN)
		return STORE_OK;
	if (result != STORE_OK)
		return result;
	memcpy(batch.sha256, sha256, SIGN_SHA256_LEN);
	return find_batch(s, &batch);
}

static enum store_result
last_measurement(struct store *s)
{
	struct query q = query_start(s, STATEMENT_LAST_MEASUREMENT);

	if (s->last_measurement != -1)
		return STORE_OK;
	if (query_row(&q))
		s->last_measurement = query_column_int(&q, 0);
	return query_end(&q);
}

/* Of the row that comes next. */
static int64_t
next_id(const struct store *s)
{
	return s->adding.first_row + (int64_t)s->adding.count;
}

static bool
has_horizon(const struct store_adding *a)
{
	return a->horizon.ns != INT64_MIN;
}

enum store_result
store_batch_begin(struct store *s, const struct store_batch *batch)
{
	struct store_adding *a = &s->adding;
	enum store_result result = find_batch(s, batch);

	if (result != STORE_OK)
		return result;
	if ((result = last_measurement(s)) != STORE_OK ||
	    (result = store_vp_name(s, batch->vp, a->vp)) != STORE_OK)
		return result;
	a->batch = *batch;
	a->count = 0;
	a->rows_sum = a->traces_sum = a->replies_sum = ROW_SUM_START;
	a->first_row = s->last_measurement + 1;
	if ((result = store_raw_horizon(s, &a->horizon)) != STORE_OK)
		return result;
	/* That it came too late is known only once its first record is. */
	return has_horizon(a) ? store_run(s, STATEMENT_SAVE) : STORE_OK;
}

/* A row, whose values' sum goes into that of all. */
static enum store_result
run_summed(struct query *q, uint32_t *all)
{
	*all = row_sum_int(*all, *q->sum);
	return query_run(q);
}

static enum store_result
add_trace(struct store *s, const struct items *items, const struct item *item,
    int64_t path)
{
	uint32_t sum = ROW_SUM_START;
	struct query q;

	if (path == 0)
		return STORE_OK;
	q = query_start(s, STATEMENT_ADD_TRACE);
	q.sum = &sum;
	query_int(&q, next_id(s));
	query_int(&q, path);
	query_text_len(
	    &q, items_text(items, item->hop_times), item->hop_times.len);
	return run_summed(&q, &s->adding.traces_sum);
}

static enum store_result
add_answer_bytes(
    struct store *s, const struct items *items, const struct item *item)
{
	uint32_t sum = ROW_SUM_START;
	struct query q;

	if (item->raw.len == 0)
		return STORE_OK;
	q = query_start(s, STATEMENT_ADD_ANSWER_BYTES);
	q.sum = &sum;
	query_int(&q, next_id(s));
	query_blob(&q, items_text(items, item->raw), item->raw.len);
	return run_summed(&q, &s->adding.replies_sum);
}

static struct store_row *
next_row(struct store_adding *a)
{
	if (a->count == a->size) {
		const size_t size = a->size == 0 ? 256 : a->size * 2;
		struct store_row *more =
		    reallocarray(a->rows, size, sizeof(*more));

		if (more == NULL)
			return NULL;
		a->rows = more;
		a->size = size;
	}
	return &a->rows[a->count];
}

static enum store_result
no_memory(const struct store *s)
{
	log_warnx("%s: out of memory", s->path);
	return STORE_BROKEN;
}

static void
set_row(
    struct store_row *row, const struct item *item, const struct item_ids *ids)
{
	*row = (struct store_row){
		.t_us = item->t_us,
		.rtt_us = item->rtt_us,
		.lane = ids->lane,
		.instance = ids->instance,
		.detail = ids->detail,
		.reply = ids->reply,
		.ttl = item->ttl,
		.rcode = item->rcode,
		.size = item->size,
		.outcome = item->outcome,
		.stamp = item->stamp,
	};
}

static enum store_result
put_item(struct store *s, const struct items *items, const struct item *item)
{
	struct store_adding *a = &s->adding;
	struct store_row *row = next_row(a);
	enum store_result result;
	struct item_ids ids;

	if (row == NULL)
		return no_memory(s);
	result = store_item_ids(s, a->batch.vp, items, item, &ids);
	if (result == STORE_OK)
		result = add_trace(s, items, item, ids.path);
	if (result == STORE_OK)
		result = add_answer_bytes(s, items, item);
	if (result != STORE_OK)
		return result;
	set_row(row, item, &ids);
	a->count++;
	return STORE_OK;
}

enum store_result
store_batch_put_all(struct store *s, const struct items *items)
{
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < items->count && result == STORE_OK; i++) {
		if (i + EXPECT_AHEAD < items->count)
			store_expect_item(s, &items->list[i + EXPECT_AHEAD]);
		result = put_item(s, items, &items->list[i]);
	}
	return result;
}

enum store_result
store_batch_add(struct store *s, const struct record *record)
{
	struct store_adding *a = &s->adding;

	items_reset(&a->one);
	if (items_add(&a->one, a->vp, record) == -1)
		return no_memory(s);
	return put_item(s, &a->one, a->one.list);
}

static enum store_result
insert_row(struct store *s, const struct store_row *row, int64_t id, int64_t t0)
{
	struct query q = query_start(s, STATEMENT_ADD_MEASUREMENT);
	uint32_t sum = ROW_SUM_START;

	q.sum = &sum;
	query_int(&q, id);
	query_int(&q, row->lane);
	query_int(&q, row->t_us - t0);
	query_int(&q, row->outcome);
	query_int_or_null(&q, row->rtt_us, row->rtt_us >= 0);
	query_int_or_null(&q, row->instance, row->instance != 0);
	query_int_or_null(&q, row->ttl, row->ttl >= 0);
	query_int_or_null(&q, row->rcode, row->rcode >= 0);
	query_int_or_null(&q, row->stamp, row->stamp != STAMP_NONE);
	query_int_or_null(&q, row->size, row->size >= 0);
	query_int(&q, row->detail);
	query_int_or_null(&q, row->reply, row->reply != 0);
	return run_summed(&q, &s->adding.rows_sum);
}

static enum store_result
insert_rows(struct store *s, int64_t t0)
{
	const struct store_adding *a = &s->adding;
	enum store_result result = STORE_OK;

	for (size_t i = 0; i < a->count && result == STORE_OK; i++)
		result =
		    insert_row(s, &a->rows[i], a->first_row + (int64_t)i, t0);
	return result;
}

static enum store_result
add_spool(struct store *s, const char *name)
{
	struct query q = query_start(s, STATEMENT_ADD_SPOOL);

	query_text(&q, name);
	return query_run(&q);
}

/* What only its head says. */
static void
bind_head(struct query *q, const struct batch_head *head, int64_t t0)
{
	query_int(q, wall_to_us(head->round_at) - t0);
	query_int(q, head->clock | (head->clock_stepped ? STEPPED : 0));
	query_int_or_null(
	    q, head->clock_offset_us, head->clock_offset_us != -1);
	query_int_or_null(
	    q, head->clock_max_error_us, head->clock_max_error_us >= 0);
	query_int_or_null(q, head->suspended_us, head->suspended_us > 0);
	query_int_or_null(q, head->attacked, head->attacked > 0);
}

static enum store_result
insert_batch(struct store *s, int64_t t0, int64_t t1, bool too_late)
{
	struct store_adding *a = &s->adding;
	const struct batch_head *head = a->batch.head;
	struct query q;
	int64_t host;
	enum store_result result = store_host_id(s, head, &host);

	if (result == STORE_OK)
		result = add_spool(s, a->batch.spool);
	if (result != STORE_OK)
		return result;
	q = query_start(s, STATEMENT_ADD_BATCH);
	query_int(&q, a->batch.vp);
	query_text(&q, a->batch.spool);
	query_int(&q, a->batch.number);
	query_blob(&q, a->batch.sha256, SIGN_SHA256_LEN);
	query_int(&q, t0);
	query_int(&q, t1);
	query_int(&q, a->first_row);
	query_int(&q, too_late ? 0 : (int64_t)a->count);
	query_int(&q, head->every_s);
	query_int(&q, head->questions);
	query_int(&q, head->lost);
	query_int(&q, head->skipped);
	query_int(&q, too_late);
	query_int(&q, wall_to_us(wall_now()));
	query_text(&q, a->batch.keyid);
	bind_head(&q, head, t0);
	query_int(&q, host);
	return query_run(&q);
}

/* Of what is there: most batches have neither traces nor raw replies. */
static enum store_result
insert_sums(struct store *s)
{
	const struct store_adding *a = &s->adding;
	struct query q = query_start(s, STATEMENT_ADD_SUM);

	query_int(&q, a->first_row);
	query_int(&q, a->rows_sum);
	query_int_or_null(&q, a->traces_sum, a->traces_sum != ROW_SUM_START);
	query_int_or_null(&q, a->replies_sum, a->replies_sum != ROW_SUM_START);
	return query_run(&q);
}

static enum store_result
mark(struct store *s, int64_t hour)
{
	struct query q = query_start(s, STATEMENT_MARK);

	query_int(&q, s->adding.batch.vp);
	query_int(&q, hour);
	return query_run(&q);
}

/* A span of an hour touches at most two, which may both lack records: then
 * settling finds nothing to do. */
static enum store_result
mark_hours(struct store *s, int64_t t0, int64_t t1)
{
	enum store_result result = STORE_OK;

	for (int64_t h = hour_of(t0); h <= hour_of(t1); h++) {
		if ((result = mark(s, h)) != STORE_OK)
			break;
	}
	return result;
}

static void
find_span(const struct store_adding *a, int64_t *t0, int64_t *t1)
{
	/* A round that asked nothing still says when it was. */
	*t0 = *t1 = wall_to_us(a->batch.head->round_at);
	for (size_t i = 0; i < a->count; i++) {
		const int64_t t = a->rows[i].t_us;

		if (i == 0 || t < *t0)
			*t0 = t;
		if (i == 0 || t > *t1)
			*t1 = t;
	}
}

/* What was measured decides, not when it came: a spool may be late. */
static enum store_result
check_key(struct store *s, int64_t t0, int64_t t1)
{
	const struct store_batch *batch = &s->adding.batch;
	enum store_result result;
	struct query q;
	bool holds;

	if (batch->keyid == NULL)
		return STORE_OK;
	q = query_start(s, STATEMENT_KEY_HOLDS);
	query_text(&q, batch->keyid);
	query_int(&q, batch->vp);
	query_int(&q, t0);
	query_int(&q, t1);
	holds = query_row(&q);
	result = query_end(&q);
	return result == STORE_OK && !holds ? STORE_REVOKED : result;
}

/* Nothing of its records stays, not even a name. */
static enum store_result
undo_records(struct store *s)
{
	enum store_result result = store_run(s, STATEMENT_UNDO);

	store_forget_names(s);
	return result;
}

enum store_result
store_batch_end(struct store *s)
{
	struct store_adding *a = &s->adding;
	enum store_result result;
	int64_t t0, t1;
	bool too_late;

	find_span(a, &t0, &t1);
	if (t1 - t0 > LIMIT_BATCH_SPAN_US)
		return STORE_REFUSED;
	if ((result = check_key(s, t0, t1)) != STORE_OK)
		return result;
	too_late = has_horizon(a) && t0 < wall_to_us(a->horizon);
	if (too_late && (result = undo_records(s)) != STORE_OK)
		return result;
	if (has_horizon(a) &&
	    (result = store_run(s, STATEMENT_RELEASE)) != STORE_OK)
		return result;
	result = insert_batch(s, t0, t1, too_late);
	if (result != STORE_OK || too_late)
		return result;
	result = store_vp_reported(s, a->batch.vp, a->batch.head, t0, t1);
	if (result != STORE_OK)
		return result;
	if ((result = insert_rows(s, t0)) != STORE_OK)
		return result;
	s->last_measurement += (int64_t)a->count;
	if (a->count == 0 || (result = insert_sums(s)) != STORE_OK)
		return result;
	return mark_hours(s, t0, t1);
}

static bool
spans_too_long(const struct record *records, size_t count)
{
	struct wall first, last;

	if (count == 0)
		return false;
	first = last = records[0].t;
	for (size_t i = 1; i < count; i++) {
		if (records[i].t.ns < first.ns)
			first = records[i].t;
		if (records[i].t.ns > last.ns)
			last = records[i].t;
	}
	return wall_to_us(last) - wall_to_us(first) > LIMIT_BATCH_SPAN_US;
}

enum store_result
store_add_batch(struct store *s, const struct store_batch *batch,
    const struct record *records, size_t count)
{
	enum store_result result;

	if (spans_too_long(records, count))
		return STORE_REFUSED;
	if ((result = store_batch_begin(s, batch)) != STORE_OK)
		return result;
	for (size_t i = 0; i < count; i++) {
		if ((result = store_batch_add(s, &records[i])) != STORE_OK)
			return result;
	}
	if ((result = store_batch_end(s)) != STORE_OK)
		return result;
	return import_batch_archive(s, batch, records, count);
}
