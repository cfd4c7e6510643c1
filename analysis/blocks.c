#include "analysis/blocks.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/times.h"

/* A store of before has no blocks, or not of all hours. */
static int64_t
complete_from(struct query *q)
{
	struct query_rows *rows;
	int64_t from_us = INT64_MIN;

	if (!query_has_table(q, "block"))
		return INT64_MAX;
	rows =
	    query_prepare(q, "SELECT max(CAST(value AS INTEGER)) FROM setting"
			     " WHERE name IN ('block_horizon', 'run_horizon')");
	if (query_next(rows) && !query_null(rows, 0))
		from_us = query_int(rows, 0);
	query_finish(rows);
	return from_us / HOUR_US;
}

void
blocks_init(struct blocks *b, struct query *q)
{
	*b = (struct blocks){ .complete_from = complete_from(q) };
	if (b->complete_from == INT64_MAX)
		return;
	b->rows = query_prepare(q,
	    "SELECT hour, lanes FROM block WHERE vp = ?1 AND hour >= ?2"
	    " AND hour < ?3 ORDER BY hour");
	b->before = query_prepare(q,
	    "SELECT hour FROM block WHERE vp = ?1 AND hour < ?2"
	    " ORDER BY hour DESC");
	b->beside = query_prepare(q,
	    "SELECT 1 FROM batch WHERE vp = ?1 AND t0 >= ?2 - 3600000000"
	    " AND t0 < ?3 AND t1 >= ?2 LIMIT 1");
	b->unsettled = query_prepare(
	    q, "SELECT min(hour) FROM unsettled WHERE vp = ?1 AND hour < ?2");
	b->last_answer = query_prepare(q,
	    "SELECT last FROM run WHERE hour = ?1 AND lane = ?2 AND tie >= 0"
	    " ORDER BY first DESC, tie DESC LIMIT 1");
	b->last_loss = query_prepare(q,
	    "SELECT last FROM run WHERE hour = ?1 AND lane = ?2 AND tie = -1");
}

void
blocks_clear(struct blocks *b)
{
	query_finish(b->rows);
	query_finish(b->before);
	query_finish(b->beside);
	query_finish(b->unsettled);
	query_finish(b->last_answer);
	query_finish(b->last_loss);
	free(b->hours);
	free(b->bytes);
	*b = (struct blocks){ 0 };
}

bool
blocks_complete(const struct blocks *b, int64_t from_hour)
{
	return b->complete_from != INT64_MAX && from_hour >= b->complete_from;
}

/* Whether a vantage point has batches with records between two times. */
static bool
has_batches(struct blocks *b, int64_t vp, int64_t since_us, int64_t until_us)
{
	bool has;

	query_bind(b->beside, 1, vp);
	query_bind(b->beside, 2, since_us);
	query_bind(b->beside, 3, until_us);
	has = query_next(b->beside);
	query_reset(b->beside);
	return has;
}

int64_t
blocks_begin(struct blocks *b, int64_t vp, int64_t since_us)
{
	const int64_t hour = since_us / HOUR_US;

	return since_us % HOUR_US == 0 || b->beside == NULL ||
		       !has_batches(b, vp, hour * HOUR_US, since_us)
		   ? hour
		   : hour + 1;
}

int64_t
blocks_end(struct blocks *b, int64_t vp, int64_t until_us)
{
	int64_t hour = until_us / HOUR_US;

	if (b->beside == NULL)
		return hour;
	if (until_us % HOUR_US != 0 &&
	    !has_batches(b, vp, until_us, (hour + 1) * HOUR_US))
		hour++;
	query_bind(b->unsettled, 1, vp);
	query_bind(b->unsettled, 2, hour);
	if (query_next(b->unsettled) && !query_null(b->unsettled, 0))
		hour = query_int(b->unsettled, 0);
	query_reset(b->unsettled);
	return hour;
}

static void
add_hour(struct blocks *b, int64_t hour, const void *bytes, size_t len)
{
	while (b->size - b->len < len)
		b->bytes = memory_grow(b->bytes, &b->size, 1);
	if (b->count == b->room)
		b->hours = memory_grow(b->hours, &b->room, sizeof(*b->hours));
	b->hours[b->count++] = (struct block_hour){
		.hour = hour, .from = b->len, .end = b->len + len
	};
	if (len > 0)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

/* Of a foreign database, which may say anything: up to what makes no sense. */
static void
go_on(struct block_hour *hour, int64_t lane)
{
	hour->going = block_seek_lane(&hour->reader, lane) == 1;
}

int64_t
blocks_read(struct blocks *b, const struct block_stretch *stretch)
{
	int64_t next = stretch->to_hour;

	b->count = b->len = 0;
	query_bind(b->rows, 1, stretch->vp);
	query_bind(b->rows, 2, stretch->from_hour);
	query_bind(b->rows, 3, stretch->to_hour);
	while (query_next(b->rows)) {
		const int64_t hour = query_int(b->rows, 0);
		size_t len;
		const void *bytes;

		if (b->len >= stretch->max) {
			next = hour;
			break;
		}
		bytes = query_bytes(b->rows, 1, &len);
		add_hour(b, hour, bytes, len);
	}
	query_reset(b->rows);
	for (size_t i = 0; i < b->count; i++) {
		struct block_hour *hour = &b->hours[i];

		hour->reader =
		    (struct block_reader){ .at = b->bytes + hour->from,
			    .end = b->bytes + hour->end };
		go_on(hour, 0);
	}
	return next;
}

int64_t
blocks_hour_back(struct blocks *b, int64_t vp, int64_t before_hour, int count)
{
	int64_t hour = before_hour;

	query_bind(b->before, 1, vp);
	query_bind(b->before, 2, before_hour);
	for (int i = 0; i < count && query_next(b->before); i++)
		hour = query_int(b->before, 0);
	query_reset(b->before);
	return hour;
}

int64_t
blocks_next_lane(struct blocks *b, int64_t lane)
{
	int64_t next = 0;

	for (size_t i = 0; i < b->count; i++) {
		struct block_hour *hour = &b->hours[i];

		if (hour->going && hour->reader.lane.lane <= lane)
			go_on(hour, lane + 1);
		if (hour->going && (next == 0 || hour->reader.lane.lane < next))
			next = hour->reader.lane.lane;
	}
	return next;
}

static int64_t
ask_run(struct query_rows *rows, int64_t hour, int64_t lane)
{
	int64_t last_us = -1;

	query_bind(rows, 1, hour);
	query_bind(rows, 2, lane);
	if (query_next(rows))
		last_us = query_int(rows, 0);
	query_reset(rows);
	return last_us;
}

int64_t
blocks_last_answer(struct blocks *b, int64_t hour, int64_t lane)
{
	return ask_run(b->last_answer, hour, lane);
}

int64_t
blocks_last_loss(struct blocks *b, int64_t hour, int64_t lane)
{
	return ask_run(b->last_loss, hour, lane);
}

bool
blocks_allow_unseen(
    size_t intervals, size_t unseen, int64_t last_us, int64_t end_us)
{
	return unseen == 0 ||
	       (intervals == 1 && unseen == 1 && last_us >= end_us);
}
