#include "collector/settle_runs.h"

#include <stdlib.h>

static int
compare(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int
compare_samples(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;
	int order;

	if ((order = compare(a->lane, b->lane)) != 0)
		return order;
	if ((order = compare(a->instance != 0, b->instance != 0)) != 0)
		return order;
	if ((order = compare(a->t_us, b->t_us)) != 0)
		return order;
	if ((order = compare(a->rank, b->rank)) != 0)
		return order;
	return compare(a->rtt_us, b->rtt_us);
}

int
samples_add(struct samples *list, const struct sample *sample)
{
	if (list->count == list->size) {
		const size_t size = list->size == 0 ? 1024 : list->size * 2;
		struct sample *more =
		    reallocarray(list->items, size, sizeof(*more));

		if (more == NULL)
			return -1;
		list->items = more;
		list->size = size;
	}
	list->items[list->count++] = *sample;
	return 0;
}

void
samples_sort(struct samples *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(list->items[0]),
		    compare_samples);
}

void
samples_clear(struct samples *list)
{
	free(list->items);
	*list = (struct samples){ 0 };
}

void
run_reader_init(struct run_reader *r, const struct samples *samples)
{
	r->samples = samples;
	r->at = 0;
	r->first = 0;
	r->run = (struct run){ .lane = -1 };
	histogram_init(&r->hist);
}

int64_t
run_reader_lane(const struct run_reader *r)
{
	if (r->at == r->samples->count)
		return -1;
	return r->samples->items[r->at].lane;
}

/* What was not answered is one row before all others. Runs that begin at one
 * time are told apart by their place among each other. */
static int
tie_after(const struct run *before, const struct sample *first)
{
	if (first->instance == 0)
		return -1;
	if (before->lane != first->lane || before->tie == -1 ||
	    before->first != first->t_us)
		return 0;
	return before->tie + 1;
}

bool
run_reader_next(struct run_reader *r)
{
	const struct samples *list = r->samples;
	const struct sample *first = &list->items[r->at];
	struct run run;

	if (r->at == list->count)
		return false;
	run = (struct run){
		.lane = first->lane,
		.first = first->t_us,
		.instance = first->instance,
		.tie = tie_after(&r->run, first),
	};
	histogram_clear(&r->hist);
	r->first = r->at;
	for (; r->at < list->count; r->at++) {
		const struct sample *s = &list->items[r->at];

		if (s->lane != run.lane || s->instance != run.instance)
			break;
		run.last = s->t_us;
		run.asked++;
		run.answered += s->instance != 0;
		run.unsent += s->unsent;
		if (s->rtt_us >= 0)
			histogram_add(&r->hist, s->rtt_us);
	}
	r->run = run;
	return true;
}
