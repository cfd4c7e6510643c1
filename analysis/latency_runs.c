#include "analysis/latency_runs.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/judge.h"
#include "analysis/latency_blocks.h"
#include "analysis/latency_sites.h"
#include "analysis/memory.h"

#define LANES_MAX 200000 /* each may be a group with its histogram */

/* What a lane adds to a group. */
struct lane_sum {
	int32_t name;
	struct latency_counts counts;
	size_t group; /* item */
	size_t next;  /* sum of the same lane + 1; 0: none */
};

struct latency_runs {
	struct run_hours hours;
	struct lane_sum *sums;
	size_t count, room;
	size_t *first;               /* by lane: sum + 1; 0: none yet */
	struct latency_sites *sites; /* NULL: not by site, or no counts */
};

/* --- whether --- */

bool
latency_runs_suit(const struct latency *l)
{
	const struct run *run = l->run;
	const struct options *o = l->options;

	if (!l->view->round_trips || o->per_vp ||
	    run->catalog.lane_count > LANES_MAX ||
	    !run_hours_many(run->query, o->since_us, o->until_us))
		return false;
	/* A run is of one place only where its vantage point is. */
	for (size_t i = 0; i < run->catalog.vp_count; i++) {
		if (o->by != BY_SITE && run->catalog.vps[i].place_count > 1)
			return false;
	}
	return true;
}

/* --- reading --- */

static struct lane_sum *
sum_of(struct latency *l, int32_t lane, int32_t name)
{
	struct latency_runs *r = l->runs;
	size_t *next = &r->first[lane];

	while (*next != 0 && r->sums[*next - 1].name != name)
		next = &r->sums[*next - 1].next;
	if (*next != 0)
		return &r->sums[*next - 1];
	*next = r->count + 1;
	if (r->count == r->room)
		r->sums = memory_grow(r->sums, &r->room, sizeof(*r->sums));
	r->sums[r->count] = (struct lane_sum){
		.name = name,
		.group = (size_t)(latency_group(l, lane, name) - l->items),
	};
	return &r->sums[r->count++];
}

void
latency_runs_add(struct latency *l, int32_t lane, int32_t name,
    const struct latency_counts *counts)
{
	struct lane_sum *sum = sum_of(l, lane, name);

	sum->counts.asked += counts->asked;
	sum->counts.answered += counts->answered;
	sum->counts.unsent += counts->unsent;
}

void
latency_runs_add_run(struct latency *l, int32_t name, const struct run_row *run)
{
	const struct lane_sum *sum;

	latency_runs_add(l, run->lane, name,
	    &(const struct latency_counts){
		run->asked, run->answered, run->unsent });
	sum = sum_of(l, run->lane, name);
	if (run->hist_len > 0)
		latency_hist_add(
		    &l->items[sum->group].hist, run->hist, run->hist_len);
}

void
latency_runs_add_buckets(struct latency *l, int32_t lane, int32_t name,
    const struct latency_buckets *buckets)
{
	const struct lane_sum *sum = sum_of(l, lane, name);

	latency_hist_add_buckets(&l->items[sum->group].hist, buckets);
}

/* What somebody else answered is nobody's. */
static void
add_to_place(void *context, const struct run_row *run)
{
	struct latency *l = context;
	const struct catalog *c = &l->run->catalog;
	const size_t known = l->runs->first[run->lane];

	if (!run->lost && judge_marks_name(c, run->lane, run->instance))
		return;
	latency_runs_add_run(l,
	    known != 0 ? l->runs->sums[known - 1].name
		       : latency_place(l, c->lanes[run->lane].vp, l->since_us),
	    run);
}

/* Where losses are not counted, it does not matter which site they are of. */
static void
add_answers(struct latency *l, const struct run_row *run)
{
	const size_t known = l->runs->first[run->lane];
	const struct lane_sum *sum;
	int32_t name;

	if (l->options->by == BY_SITE)
		name = latency_site_group(
		    l, latency_site(l, run->lane, run->instance));
	else if (known != 0)
		name = l->runs->sums[known - 1].name;
	else
		name = latency_place(
		    l, l->run->catalog.lanes[run->lane].vp, l->since_us);
	sum = sum_of(l, run->lane, name);
	latency_hist_add(&l->items[sum->group].hist, run->hist, run->hist_len);
}

struct together {
	struct latency *const *tables;
	size_t count;
};

static void
add_to_all(void *context, const struct run_row *run)
{
	const struct together *all = context;
	const struct catalog *c = &all->tables[0]->run->catalog;

	if (run->lost || run->hist_len == 0 ||
	    judge_marks_name(c, run->lane, run->instance))
		return;
	for (size_t i = 0; i < all->count; i++) {
		struct latency *l = all->tables[i];

		if (l->runs != NULL && !l->view->counts)
			add_answers(l, run);
	}
}

static void
begin(struct latency *l)
{
	const struct catalog *c = &l->run->catalog;
	struct latency_runs *r;

	l->runs = r = memory_zeroed(1, sizeof(*r));
	r->first = memory_zeroed(c->lane_count, sizeof(*r->first));
	run_hours_init(&r->hours, l->run->query, c,
	    (const int64_t[2]){ l->since_us, l->until_us });
}

static void
read_counts(struct latency *l)
{
	struct latency_runs *r = l->runs;

	if (l->options->by == BY_SITE)
		r->sites = latency_sites_read(l, &r->hours);
	else if (!latency_blocks_read(l, &r->hours))
		run_hours_read(&r->hours, add_to_place, l);
}

void
latency_runs_read(struct latency *const *tables, size_t count)
{
	struct together all = { tables, count };
	const struct latency *answers = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!tables[i]->from_runs)
			continue;
		begin(tables[i]);
		if (tables[i]->view->counts)
			read_counts(tables[i]);
		else
			answers = tables[i];
	}
	if (answers != NULL)
		run_hours_read(&answers->runs->hours, add_to_all, &all);
}

void
latency_runs_free(struct latency *l)
{
	struct latency_runs *r = l->runs;

	l->runs = NULL;
	if (r == NULL)
		return;
	latency_sites_free(r->sites);
	run_hours_clear(&r->hours);
	free(r->first);
	free(r->sums);
	free(r);
}

/* --- counting --- */

static bool
count_lane(struct latency *l, int32_t vp, int32_t lane)
{
	const struct latency_runs *r = l->runs;

	for (size_t i = r->first[lane]; i != 0; i = r->sums[i - 1].next) {
		const struct lane_sum *sum = &r->sums[i - 1];
		struct group *group = &l->items[sum->group];

		if (sum->counts.asked == 0)
			continue;
		latency_enter(l, group, vp);
		group->vp_samples += sum->counts.asked;
		group->asked += sum->counts.asked;
		group->answered += sum->counts.answered;
		group->unsent += sum->counts.unsent;
	}
	return r->first[lane] != 0;
}

bool
latency_runs_count(struct latency *l, int32_t vp, int64_t around_us[2])
{
	const struct vantage *v = &l->run->catalog.vps[vp];
	struct latency_runs *r = l->runs;
	bool any = false;

	if (r == NULL ||
	    !run_hours_cover(&r->hours, vp, &around_us[0], &around_us[1])) {
		around_us[0] = around_us[1] = l->until_us;
		return false;
	}
	if (r->sites != NULL) {
		latency_sites_end(r->sites, vp, around_us[1]);
		around_us[0] = l->since_us; /* the rest was counted, too */
		around_us[1] = l->until_us;
	}
	for (size_t i = 0; l->view->counts && i < v->lane_count; i++)
		any |= count_lane(l, vp, v->lanes[i]);
	return any;
}
