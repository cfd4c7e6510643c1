#include "analysis/intervals.h"

#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/query_private.h"

#define ASKED_FIRST 64   /* lanes: who asks for more asks for most of them */
#define ROWS_A_LANE 16   /* on average: more are not read at once, */
#define ROWS_FIRST 65536 /* but for so many */
#define ROWS_MAX 4000000 /* and never more */

struct held_lane {
	int64_t id;
	size_t from; /* its first row; those of the next follow */
};

/* The table, by lane and time. */
struct intervals_held {
	struct interval_row *rows;
	size_t count, room;
	struct held_lane *lanes; /* by id, and one behind them */
	size_t lane_count, lane_room;
	size_t asked;
	bool tried, complete;
};

struct intervals {
	struct query *query;
	struct query_rows *rows;
	struct intervals_held *held;
	struct interval_row row;
	bool of_held;
	size_t from, at; /* of what is held: the next is before at */
};

/* --- the table --- */

static void
put_lane(struct intervals_held *h, int64_t id)
{
	if (h->lane_count > 0 && h->lanes[h->lane_count - 1].id == id)
		return;
	if (h->lane_count == h->lane_room)
		h->lanes =
		    memory_grow(h->lanes, &h->lane_room, sizeof(*h->lanes));
	h->lanes[h->lane_count++] = (struct held_lane){ id, h->count };
}

static void
put_row(struct intervals_held *h, struct query_rows *rows)
{
	put_lane(h, query_int(rows, 0));
	if (h->count == h->room)
		h->rows = memory_grow(h->rows, &h->room, sizeof(*h->rows));
	h->rows[h->count++] = (struct interval_row){
		.first_us = query_int(rows, 1),
		.last_us = query_int(rows, 2),
		.instance = query_int(rows, 3),
	};
}

static bool
is_too_much(const struct intervals_held *h)
{
	return h->count >= ROWS_MAX ||
	       (h->count >= ROWS_FIRST &&
		   h->count > h->lane_count * ROWS_A_LANE);
}

static void
read_table(struct intervals_held *h, struct query *q)
{
	struct query_rows *rows =
	    query_prepare(q, "SELECT lane, first, last, instance FROM interval"
			     " ORDER BY lane, first, tie");

	h->tried = h->complete = true;
	while (h->complete && query_next(rows)) {
		put_row(h, rows);
		h->complete = !is_too_much(h);
	}
	query_finish(rows);
	if (h->complete) {
		put_lane(h, INT64_MAX);
		return;
	}
	free(h->rows);
	free(h->lanes);
	h->rows = NULL;
	h->lanes = NULL;
}

static struct intervals_held *
held_by(struct query *q)
{
	if (q->intervals == NULL)
		q->intervals = memory_zeroed(1, sizeof(*q->intervals));
	return q->intervals;
}

void
query_free_intervals(struct query *q)
{
	if (q->intervals == NULL)
		return;
	free(q->intervals->rows);
	free(q->intervals->lanes);
	free(q->intervals);
	q->intervals = NULL;
}

/* --- a lane --- */

struct intervals *
intervals_new(struct query *q)
{
	struct intervals *in = memory_zeroed(1, sizeof(*in));

	in->query = q;
	in->held = held_by(q);
	return in;
}

void
intervals_free(struct intervals *in)
{
	if (in == NULL)
		return;
	query_finish(in->rows);
	free(in);
}

/* Where the lane's rows begin, and behind them; both the same: none. */
static void
find_lane(const struct intervals_held *h, int64_t lane, size_t part[2])
{
	size_t low = 0, high = h->lane_count - 1;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (h->lanes[middle].id < lane)
			low = middle + 1;
		else
			high = middle;
	}
	part[0] = h->lanes[low].from;
	part[1] = h->lanes[low].id == lane && low + 1 < h->lane_count
		      ? h->lanes[low + 1].from
		      : part[0];
}

static void
begin_held(struct intervals *in, int64_t lane, int64_t before_us)
{
	size_t part[2], high;

	find_lane(in->held, lane, part);
	in->from = in->at = part[0];
	high = part[1];
	while (in->at < high) {
		const size_t middle = in->at + (high - in->at) / 2;

		if (in->held->rows[middle].first_us < before_us)
			in->at = middle + 1;
		else
			high = middle;
	}
}

void
intervals_begin(struct intervals *in, int64_t lane, int64_t before_us)
{
	if (in->held->asked++ >= ASKED_FIRST && !in->held->tried)
		read_table(in->held, in->query);
	in->of_held = in->held->complete;
	if (in->of_held) {
		begin_held(in, lane, before_us);
		return;
	}
	if (in->rows == NULL)
		in->rows = query_prepare(in->query,
		    "SELECT first, last, instance FROM interval"
		    " WHERE lane = ?1 AND first < ?2"
		    " ORDER BY first DESC, tie DESC");
	query_bind(in->rows, 1, lane);
	query_bind(in->rows, 2, before_us);
}

const struct interval_row *
intervals_next(struct intervals *in)
{
	if (in->of_held)
		return in->at == in->from ? NULL : &in->held->rows[--in->at];
	if (!query_next(in->rows))
		return NULL;
	in->row = (struct interval_row){
		.first_us = query_int(in->rows, 0),
		.last_us = query_int(in->rows, 1),
		.instance = query_int(in->rows, 2),
	};
	return &in->row;
}

void
intervals_end(struct intervals *in)
{
	if (!in->of_held)
		query_reset(in->rows);
}
