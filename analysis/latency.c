/*
 * Latency and loss, per target, address, question and transport, by what is
 * asked for: never pooled over different questions.
 */
#include "analysis/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/groups.h"
#include "analysis/judge.h"
#include "analysis/latency_rows.h"
#include "analysis/latency_runs.h"
#include "analysis/memory.h"

#define RCODE_SERVFAIL 2 /* RFC 1035, section 4.1.1 */

static bool
same_kind(const struct lane *a, const struct lane *b)
{
	return a->service == b->service && a->question == b->question &&
	       a->proto == b->proto;
}

/* Lanes are sorted, so that those of a kind lie together. */
static void
number_kinds(struct latency *l)
{
	const struct catalog *c = &l->run->catalog;

	l->kind_of = memory_zeroed(c->lane_count, sizeof(*l->kind_of));
	l->strict = memory_zeroed(c->lane_count, sizeof(*l->strict));
	for (size_t i = 0; i < c->lane_count; i++)
		l->strict[i] =
		    strcmp(names_text(&c->names, c->lanes[i].question),
			"soa") == 0;
	for (size_t i = 1; i < c->lane_count; i++)
		l->kind_of[i] = l->kind_of[i - 1] +
				!same_kind(&c->lanes[i - 1], &c->lanes[i]);
}

static size_t *
find_slot(const struct latency *l, int32_t kind, int32_t name)
{
	uint64_t hash = ((uint64_t)(uint32_t)kind << 32 | (uint32_t)name) *
			0x9e3779b97f4a7c15u;
	size_t i = (size_t)(hash >> 40) & (l->slot_count - 1);

	while (l->slots[i] != 0 && (l->items[l->slots[i] - 1].kind != kind ||
				       l->items[l->slots[i] - 1].name != name))
		i = (i + 1) & (l->slot_count - 1);
	return &l->slots[i];
}

static void
grow_slots(struct latency *l)
{
	free(l->slots);
	l->slot_count = l->slot_count == 0 ? 256 : l->slot_count * 2;
	l->slots = memory_zeroed(l->slot_count, sizeof(*l->slots));
	for (size_t i = 0; i < l->count; i++)
		*find_slot(l, l->items[i].kind, l->items[i].name) = i + 1;
}

static struct group
begun_group(const struct latency *l, int32_t kind, int32_t name)
{
	return (struct group){
		.kind = kind,
		.name = name,
		.expected_known = l->options->by != BY_SITE,
		.vp = -1,
	};
}

struct group *
latency_group(struct latency *l, int32_t lane, int32_t name)
{
	int32_t kind = l->kind_of[lane];
	size_t *slot;

	if (l->latest < l->count && l->items[l->latest].kind == kind &&
	    l->items[l->latest].name == name)
		return &l->items[l->latest];
	if (2 * (l->count + 1) > l->slot_count)
		grow_slots(l);
	slot = find_slot(l, kind, name);
	if (*slot == 0) {
		if (l->count == l->room)
			l->items =
			    memory_grow(l->items, &l->room, sizeof(*l->items));
		l->items[l->count++] = begun_group(l, kind, name);
		*slot = l->count;
	}
	l->latest = *slot - 1;
	return &l->items[l->latest];
}

void
latency_close_vp(struct latency *l, struct group *group)
{
	size_t count = group->rtts.count - group->vp_first;
	int64_t median;

	if (!l->options->per_vp || count == 0)
		return;
	quantile_sort(group->rtts.items + group->vp_first, count);
	median = quantile_median(group->rtts.items + group->vp_first, count);
	group->rtts.count = group->vp_first;
	values_add(&group->rtts, median);
}

void
latency_enter(struct latency *l, struct group *group, int32_t vp)
{
	if (group->vp == vp)
		return;
	latency_close_vp(l, group);
	group->vp = vp;
	group->vp_first = group->rtts.count;
	group->vp_samples = 0;
	group->vantage_points++;
	values_add(&l->touched, group - l->items);
}

bool
latency_is_error(const struct latency *l, const struct sample *s)
{
	return sample_answered(s) && s->rcode > 0 &&
	       (l->strict[s->lane] || s->rcode == RCODE_SERVFAIL);
}

int32_t
latency_place(struct latency *l, int32_t vp, int64_t t_us)
{
	return group_put(&l->groups, &l->run->catalog,
	    (struct group_of){ l->options->by, vp, t_us });
}

int32_t
latency_site(struct latency *l, int32_t lane, int32_t number)
{
	struct catalog *c = &l->run->catalog;
	int32_t method = l->methods.of_lane[lane];
	const struct instance *instance;
	int32_t site;

	if (number < 0 || method < 0)
		return -1;
	instance = &c->instances[number];
	if (instance->method != method)
		return -1;
	if (l->options->level == LEVEL_INSTANCE)
		return names_map_put(&l->place_names, &l->groups,
		    instance->text, names_text(&c->names, instance->text));
	site = catalog_site(c, c->lanes[lane].service, number);
	return names_map_put(
	    &l->place_names, &l->groups, site, names_text(&c->sites, site));
}

static int
compare(const void *left, const void *right, void *latency)
{
	const struct group *a = left, *b = right;
	const struct latency *l = latency;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return group_compare(l->options->by, names_text(&l->groups, a->name),
	    names_text(&l->groups, b->name));
}

void
latency_head(struct cell *cells, const struct latency *l,
    const struct lane *lane, const struct group *group)
{
	const struct run *run = l->run;
	const struct service *service = &run->catalog.services[lane->service];

	cells[0] = cell_number(l->since_us);
	cells[1] = run_text(run, service->target);
	cells[2] = run_text(run, service->address);
	cells[3] = cell_number(service->af);
	cells[4] = run_text(run, lane->question);
	cells[5] = run_text(run, lane->proto);
	cells[LATENCY_GROUP_COLUMN] =
	    group_cell(l->options->by, names_text(&l->groups, group->name));
}

/* Rows of a step; those of its groups are done with. */
static int
write_groups(void *table, size_t number)
{
	struct latency *l = table;
	size_t lane = 0;
	int status = 0;

	(void)number;
	if (l->count > 1)
		qsort_r(l->items, l->count, sizeof(*l->items), compare, l);
	for (size_t i = 0; i < l->count; i++) {
		while (l->kind_of[lane] < l->items[i].kind)
			lane++;
		if (status == 0)
			status = l->view->write(
			    l, &l->run->catalog.lanes[lane], &l->items[i]);
		values_clear(&l->items[i].rtts);
		latency_hist_clear(&l->items[i].hist);
	}
	l->count = 0;
	if (l->slot_count > 0)
		memset(l->slots, 0, l->slot_count * sizeof(*l->slots));
	return status;
}

static int
write_report(struct latency *l)
{
	const struct options *o = l->options;
	size_t first = o->step_us == 0;
	struct column named[REPORT_COLUMNS];
	int status;

	memcpy(named, l->view->columns, l->view->count * sizeof(*named));
	named[LATENCY_GROUP_COLUMN] = group_column(o->by);
	status = report_begin(
	    &l->run->report, named + first, l->view->count - first);
	if (status == 0)
		status = latency_read(&l, 1, write_groups, l);
	if (report_end(&l->run->report) == -1)
		status = -1;
	return status;
}

void
latency_init(struct latency *l, struct run *run, const struct options *o,
    const struct latency_view *view)
{
	*l = (struct latency){ .run = run, .options = o, .view = view };
	if (o->by == BY_SITE) {
		methods_choose(&l->methods, &run->catalog, run->query,
		    o->since_us, o->until_us);
		l->no_site = names_put(&l->groups, "");
	}
	rounds_init(&l->rounds, run->query);
	l->last_asked =
	    memory_zeroed(run->catalog.vp_count, sizeof(*l->last_asked));
	histogram_init(&l->buckets);
	number_kinds(l);
	l->from_runs = latency_runs_suit(l);
	if (!view->round_trips && o->by != BY_SITE)
		l->rows = latency_rows_new(l);
}

void
latency_clear(struct latency *l)
{
	methods_clear(&l->methods);
	rounds_clear(&l->rounds);
	names_clear(&l->groups);
	samples_clear(&l->samples);
	values_clear(&l->touched);
	latency_rows_free(l->rows);
	for (size_t i = 0; i < l->run->catalog.vp_count; i++)
		free(l->last_asked[i].lanes);
	for (size_t i = 0; i < l->count; i++) {
		values_clear(&l->items[i].rtts);
		latency_hist_clear(&l->items[i].hist);
	}
	free(l->last_asked);
	names_map_clear(&l->place_names);
	free(l->kind_of);
	free(l->strict);
	free(l->items);
	free(l->slots);
}

void
latency_empty(struct latency *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct group *group = &l->items[i];
		struct group empty;

		latency_hist_empty(&group->hist);
		group->rtts.count = 0;
		if (group->vp < 0 && group->expected <= 0)
			continue; /* nothing was counted */
		empty = begun_group(l, group->kind, group->name);
		empty.hist = group->hist;
		empty.rtts = group->rtts;
		*group = empty;
	}
}

int
latency_run(struct run *run, const struct latency_view *view)
{
	struct latency l;
	int status;

	latency_init(&l, run, run->options, view);
	status = write_report(&l);
	latency_clear(&l);
	return status;
}
