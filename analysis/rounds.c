#include "analysis/rounds.h"

#include "analysis/quantile.h"

#define EVERY_MAX_S (366LL * 86400)

void
rounds_init(struct rounds_reader *reader, struct query *q)
{
	reader->window = query_prepare(q,
	    "SELECT t0, every_s FROM batch WHERE vp = ?1 AND t0 >= ?2"
	    " AND t0 < ?3 AND too_late = 0 ORDER BY t0");
	reader->before = query_prepare(q,
	    "SELECT t0, every_s, id FROM batch WHERE vp = ?1 AND t0 < ?2"
	    " AND t0 >= 0 AND too_late = 0 ORDER BY t0 DESC LIMIT 1");
}

void
rounds_clear(struct rounds_reader *reader)
{
	query_finish(reader->window);
	query_finish(reader->before);
	*reader = (struct rounds_reader){ 0 };
}

/* Rounds between two that came, by the interval that was true then. */
static int64_t
between(int64_t from_us, int64_t to_us, int64_t every_us)
{
	int64_t intervals = (to_us - from_us + every_us / 2) / every_us;

	return intervals > 1 ? intervals - 1 : 0;
}

/* Rounds due after one that came, in (after, before], whose half interval of
 * grace is over at before. */
static int64_t
overdue(int64_t came_us, int64_t after_us, int64_t before_us, int64_t every_us)
{
	int64_t last = (before_us - every_us / 2 - came_us) / every_us;
	int64_t first =
	    after_us < came_us ? 0 : (after_us - came_us) / every_us;

	return last > first ? last - first : 0;
}

/* 0: unknown. */
static int64_t
read_every_us(struct query_rows *rows, int column)
{
	int64_t every_s = query_int(rows, column);

	return every_s < 1 || every_s > EVERY_MAX_S ? 0 : every_s * 1000000;
}

struct state {
	bool any; /* a batch before the current one */
	bool in_window;
	int64_t t_us, every_us;
};

static bool
read_before(struct rounds_reader *reader, struct rounds *rounds, int64_t vp,
    struct state *state, int64_t since_us)
{
	query_bind(reader->before, 1, vp);
	query_bind(reader->before, 2, since_us);
	state->any = query_next(reader->before);
	if (state->any) {
		state->t_us = query_int(reader->before, 0);
		state->every_us = read_every_us(reader->before, 1);
		rounds->last_batch = query_int(reader->before, 2);
	}
	query_reset(reader->before);
	return state->any;
}

/* A batch of the window: what was missed since the one before. */
static void
step(struct rounds *rounds, struct state *state, int64_t t_us, int64_t every_us,
    int64_t since_us)
{
	if (every_us <= 0)
		rounds->known = false;
	if (state->any && state->every_us > 0) {
		if (state->in_window)
			rounds->missed +=
			    between(state->t_us, t_us, state->every_us);
		else
			rounds->missed += overdue(
			    state->t_us, since_us - 1, t_us, state->every_us);
	}
	rounds->came++;
	*state = (struct state){ true, true, t_us, every_us };
}

void
rounds_read(struct rounds_reader *reader, struct rounds *rounds, int64_t vp,
    const struct rounds_window *w)
{
	int64_t end_us = w->until_us < w->now_us ? w->until_us : w->now_us;
	struct state state = { 0 };

	*rounds = (struct rounds){ .known = true };
	(void)read_before(reader, rounds, vp, &state, w->since_us);
	query_bind(reader->window, 1, vp);
	query_bind(reader->window, 2, w->since_us);
	query_bind(reader->window, 3, w->until_us);
	while (query_next(reader->window))
		step(rounds, &state, query_int(reader->window, 0),
		    read_every_us(reader->window, 1), w->since_us);
	query_reset(reader->window);
	if (!state.any || state.every_us <= 0) {
		rounds->known = false;
		return;
	}
	if (state.in_window)
		rounds->missed +=
		    overdue(state.t_us, state.t_us, end_us, state.every_us);
	else if (state.t_us >= w->alive_us)
		rounds->missed += overdue(
		    state.t_us, w->since_us - 1, end_us, state.every_us);
}

double
rounds_expected(const struct rounds *rounds, double samples)
{
	if (rounds->came == 0)
		return samples * (double)rounds->missed;
	return samples * (double)(rounds->came + rounds->missed) /
	       (double)rounds->came;
}

/* false: there are no two. */
static bool
apart_of_vp(struct query_rows *rows, int64_t *apart_us)
{
	struct values gaps = { 0 };
	int64_t later_us = 0;
	bool any = false;

	for (; query_next(rows); any = true) {
		if (any)
			values_add(&gaps, later_us - query_int(rows, 0));
		later_us = query_int(rows, 0);
	}
	any = gaps.count > 0;
	if (any) {
		quantile_sort(gaps.items, gaps.count);
		*apart_us = quantile_median(gaps.items, gaps.count);
	}
	values_clear(&gaps);
	return any;
}

int64_t
rounds_apart_us(struct query *q, const struct catalog *c, int64_t before_us)
{
	struct query_rows *rows = query_prepare(q,
	    "SELECT t0 FROM batch WHERE vp = ?1 AND t0 < ?2 AND t0 >= 0"
	    " AND too_late = 0 ORDER BY t0 DESC LIMIT 10");
	struct values apart = { 0 };
	int64_t gap_us = 0;

	for (size_t i = 0; i < c->vp_count; i++) {
		query_bind(rows, 1, c->vps[i].id);
		query_bind(rows, 2, before_us);
		if (apart_of_vp(rows, &gap_us))
			values_add(&apart, gap_us);
		query_reset(rows);
	}
	query_finish(rows);
	gap_us = 0;
	if (apart.count > 0) {
		quantile_sort(apart.items, apart.count);
		gap_us = quantile_median(apart.items, apart.count);
	}
	values_clear(&apart);
	return gap_us;
}
