/*
 * Stability: how often a lane goes from one site to another, and what kind of
 * going that is (FIELD.md F6). A pair of sightings across a longer silence
 * than --max-age says nothing and is not counted.
 */
#include "analysis/stability.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/quantile.h"

#define FEW_FLIPS 3 /* no more are a change of routing */
#define UNSTABLE_RATE 0.05
#define BY_CHANCE 0.5 /* of the flips of a draw for every packet */

static const struct column columns[] = {
	{ "target", COLUMN_TEXT }, { "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER }, { "vp", COLUMN_TEXT },
	{ "flow", COLUMN_INTEGER }, { "flips", COLUMN_INTEGER },
	{ "flip_rate", COLUMN_RATIO }, { "affinity", COLUMN_RATIO },
	{ "entropy", COLUMN_RATIO }, { "class", COLUMN_TEXT },
	{ "main_site", COLUMN_TEXT }, { "sites", COLUMN_INTEGER },
	{ "observations", COLUMN_INTEGER }, { "pairs", COLUMN_INTEGER },
	{ "dwell_p50_s", COLUMN_SECONDS }, { "dwell_max_s", COLUMN_SECONDS },
	{ "region", COLUMN_TEXT }, { "country", COLUMN_TEXT },
	{ "asn", COLUMN_INTEGER }, { "method", COLUMN_TEXT },
	{ "weight", COLUMN_COUNT }, /* of --weights alone */
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct stability {
	struct stability_row *rows;
	size_t count, room;
};

/* A place and how often it was seen. */
struct tally {
	int32_t site, label;
	const char *name;
	size_t count;
};

/* At site level a place is a site, else an instance. */
static struct tally
place_of(const struct walk *w, const struct sighting *s)
{
	const struct catalog *c = &w->run->catalog;
	struct tally place = { .site = s->site, .label = -1 };

	place.name = names_text(&c->sites, s->site);
	if (w->historian.level == LEVEL_INSTANCE) {
		place.label = c->instances[s->instance].text;
		place.name = names_text(&c->names, place.label);
	}
	return place;
}

static bool
same(const struct tally *a, const struct tally *b)
{
	return a->site == b->site && a->label == b->label;
}

/* Shares of the places in the window. */
static void
set_shares(struct stability_row *row, const struct walk *w, size_t first)
{
	const struct trail *trail = &w->trail;
	struct tally *tallies =
	    memory_zeroed(trail->count - first, sizeof(*tallies));
	const struct tally *best = &tallies[0];

	for (size_t i = first; i < trail->count; i++) {
		const struct tally place = place_of(w, &trail->items[i]);
		size_t k = 0;

		while (k < row->sites && !same(&tallies[k], &place))
			k++;
		if (k == row->sites)
			tallies[row->sites++] = place;
		tallies[k].count++;
	}
	row->chance = 1;
	for (size_t k = 0; k < row->sites; k++) {
		double p =
		    (double)tallies[k].count / (double)(trail->count - first);

		row->entropy -= p * log2(p);
		row->chance -= p * p;
		if (p > row->affinity ||
		    (tallies[k].count == best->count &&
			strcmp(tallies[k].name, best->name) < 0)) {
			row->affinity = p;
			best = &tallies[k];
		}
	}
	row->main_site = best->site;
	row->main_label = best->label;
	free(tallies);
}

static void
set_runs(struct stability_row *row, struct walk *w, size_t first,
    int64_t patience_us)
{
	const struct sighting *items = w->trail.items;
	struct values dwells = { 0 };
	int64_t began_us = items[first].t_us;

	for (size_t i = first + 1; i < w->trail.count; i++) {
		const struct tally a = place_of(w, &items[i - 1]);
		const struct tally b = place_of(w, &items[i]);
		bool near = items[i].t_us - items[i - 1].t_us <= patience_us;

		row->pairs += near;
		row->flips += near && !same(&a, &b);
		if (!same(&a, &b)) {
			values_add(&dwells, items[i - 1].t_us - began_us);
			began_us = items[i].t_us;
		}
	}
	values_add(&dwells, items[w->trail.count - 1].t_us - began_us);
	quantile_sort(dwells.items, dwells.count);
	row->dwell_p50_us = quantile_median(dwells.items, dwells.count);
	row->dwell_max_us = dwells.items[dwells.count - 1];
	values_clear(&dwells);
}

static void
read_lane(struct walk *w, void *context)
{
	struct stability *s = context;
	const struct trail *trail = &w->trail;
	int32_t vp = w->run->catalog.lanes[w->part.lane].vp;
	size_t first = trail->past;
	struct stability_row *row;

	while (first < trail->count &&
	       trail->items[first].t_us < w->run->options->since_us)
		first++;
	if (first == trail->count)
		return;
	if (s->count == s->room)
		s->rows = memory_grow(s->rows, &s->room, sizeof(*s->rows));
	row = &s->rows[s->count++];
	*row = (struct stability_row){ .lane = w->part.lane,
		.method = w->part.method,
		.observations = trail->count - first };
	set_shares(row, w, first);
	set_runs(row, w, first,
	    run_patience_us(w->run, vp, w->run->options->until_us));
}

static double
rate_of(const struct stability_row *row)
{
	return row->pairs == 0 ? 0 : (double)row->flips / (double)row->pairs;
}

static const char *const class_names[STEADY_COUNT] = { "", "stable", "changed",
	"unstable", "per-packet", "per-flow" };

/* A balancer that draws for every packet flips as often as chance would have
 * it; routing changes rarely, and stays. */
enum steadiness
stability_class(const struct stability_row *row)
{
	if (row->per_flow)
		return STEADY_PER_FLOW;
	if (row->pairs == 0)
		return STEADY_UNKNOWN;
	if (row->flips == 0)
		return row->sites > 1 ? STEADY_CHANGED : STEADY_STABLE;
	if (row->flips <= FEW_FLIPS || rate_of(row) < UNSTABLE_RATE)
		return STEADY_CHANGED;
	return rate_of(row) >= BY_CHANCE * row->chance ? STEADY_PER_PACKET
						       : STEADY_UNSTABLE;
}

static int
compare(const void *left, const void *right, void *context)
{
	const struct stability_row *a = left, *b = right;
	const struct lane *lanes = context;
	const struct lane *x = &lanes[a->lane], *y = &lanes[b->lane];

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->vp != y->vp)
		return x->vp < y->vp ? -1 : 1;
	return (x->flow > y->flow) - (x->flow < y->flow);
}

/* Flows of one vantage point that each stay at one site, and not the same. */
static void
find_per_flow(struct stability *s, const struct lane *lanes)
{
	for (size_t first = 0, end; first < s->count; first = end) {
		bool differ = false, stay = true;

		for (end = first; end < s->count &&
				  lanes[s->rows[end].lane].service ==
				      lanes[s->rows[first].lane].service &&
				  lanes[s->rows[end].lane].vp ==
				      lanes[s->rows[first].lane].vp;
		     end++) {
			stay &= s->rows[end].sites == 1;
			differ |= s->rows[end].main_site !=
				      s->rows[first].main_site ||
				  s->rows[end].main_label !=
				      s->rows[first].main_label;
		}
		for (size_t i = first; i < end; i++)
			s->rows[i].per_flow = differ && stay;
	}
}

static struct cell
ratio(bool known, double value)
{
	return cell_number_if(known, llround(10000 * value));
}

static int
write_row(struct run *run, const struct stability_row *row)
{
	const struct catalog *c = &run->catalog;
	const struct lane *lane = &c->lanes[row->lane];
	const struct service *service = &c->services[lane->service];
	const struct vantage *vp = &c->vps[lane->vp];
	const struct place *place =
	    catalog_place(vp, run->options->until_us - 1);
	const struct cell cells[COLUMNS] = {
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		cell_number(lane->flow),
		cell_number((int64_t)row->flips),
		ratio(row->pairs > 0, rate_of(row)),
		ratio(true, row->affinity),
		ratio(true, row->entropy < 0 ? 0 : row->entropy),
		cell_text(class_names[stability_class(row)]),
		row->main_label >= 0 ? run_text(run, row->main_label)
				     : run_site(run, row->main_site),
		cell_number((int64_t)row->sites),
		cell_number((int64_t)row->observations),
		cell_number((int64_t)row->pairs),
		cell_number(row->dwell_p50_us),
		cell_number(row->dwell_max_us),
		run_region(run, place),
		run_country(run, place),
		run_asn(place),
		run_text(run, row->method),
		cell_number(llround(100 * weights_of(&run->weights, lane->vp))),
	};

	return report_row(&run->report, cells);
}

static int
write_rows(struct run *run, const struct stability *s)
{
	const bool weighted = weights_given(&run->weights);
	int status = report_begin(
	    &run->report, columns, weighted ? COLUMNS : COLUMNS - 1);

	for (size_t i = 0; status == 0 && i < s->count; i++)
		status = write_row(run, &s->rows[i]);
	return status;
}

int
stability_report(struct run *run)
{
	struct column named[STABILITY_GROUP_COLUMNS];
	struct stability s = { 0 };
	struct walk walk;
	int status;

	walk_init(&walk, run);
	walk_lanes(&walk, read_lane, &s);
	if (s.count > 1)
		qsort_r(s.rows, s.count, sizeof(*s.rows), compare,
		    run->catalog.lanes);
	find_per_flow(&s, run->catalog.lanes);
	status = run->options->by == BY_DEFAULT
		     ? write_rows(run, &s)
		     : stability_groups(run, named, s.rows, s.count);
	if (report_end(&run->report) == -1)
		status = -1;
	walk_clear(&walk);
	free(s.rows);
	return status;
}
