#include "analysis/intervals.h"

#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/query_private.h"

#define ASKED_FIRST 64     /* lanes: who asks for more asks for most of them */
#define ROWS_A_LANE 16     /* on average: more are not read at once, */
#define ROWS_FIRST 65536   /* but for so many */
#define ROWS_MAX 4000000   /* and never more */
#define DENSE_IDS 10000000 /* of lanes */

/* The table, by lane and time. */
struct intervals_held {
	struct interval_row *rows;
	size_t count, room;
	size_t *from; /* by a lane's id: its first row; the next's is its end */
	size_t lanes, lane_room;
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

/* The rows of lanes with smaller ids are there. */
static void
put_lane(struct intervals_held *h, size_t id)
{
	while (h->lanes <= id) {
		if (h->lanes == h->lane_room)
			h->from = memory_grow(
			    h->from, &h->lane_room, sizeof(*h->from));
		h->from[h->lanes++] = h->count;
	}
}

static void
put_row(struct intervals_held *h, struct query_rows *rows)
{
	if (h->count == h->room)
		h->rows = memory_grow(h->rows, &h->room, sizeof(*h->rows));
	h->rows[h->count++] = (struct interval_row){
		.first_us = query_int(rows, 1),
		.last_us = query_int(rows, 2),
		.instance = query_int(rows, 3),
	};
}

/* Ids of lanes are not as they are where we gave them, or rows too many. */
static bool
is_too_much(const struct intervals_held *h, int64_t id)
{
	return id < 0 || id >= DENSE_IDS || h->count >= ROWS_MAX ||
	       (h->count >= ROWS_FIRST && h->count > h->lanes * ROWS_A_LANE);
}

static void
read_table(struct intervals_held *h, struct query *q)
{
	struct query_rows *rows =
	    query_prepare(q, "SELECT lane, first, last, instance FROM interval"
			     " ORDER BY lane, first, tie");

	h->tried = h->complete = true;
	while (h->complete && query_next(rows)) {
		const int64_t id = query_int(rows, 0);

		h->complete = !is_too_much(h, id);
		if (h->complete) {
			put_lane(h, (size_t)id);
			put_row(h, rows);
		}
	}
	query_finish(rows);
	if (h->complete) {
		put_lane(h, h->lanes);
		return;
	}
	free(h->rows);
	free(h->from);
	h->rows = NULL;
	h->from = NULL;
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
	free(q->intervals->from);
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

static void
begin_held(struct intervals *in, int64_t lane, int64_t before_us)
{
	const struct intervals_held *h = in->held;
	size_t high;

	in->from = in->at = 0;
	if (lane < 0 || (uint64_t)lane + 1 >= h->lanes)
		return;
	in->from = in->at = h->from[lane];
	high = h->from[lane + 1];
	while (in->at < high) {
		const size_t middle = in->at + (high - in->at) / 2;

		if (h->rows[middle].first_us < before_us)
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
