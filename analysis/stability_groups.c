/*
 * Stability of groups of vantage points: how many of each class, and how
 * steadily they are served. A vantage point with several flows is of the class
 * of the least steady one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/groups.h"
#include "analysis/memory.h"
#include "analysis/quantile.h"
#include "analysis/stability.h"

#define GROUP_COLUMN 3
#define RATIO 10000

static const struct column columns[STABILITY_GROUP_COLUMNS] = {
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "", COLUMN_TEXT }, /* what --by says */
	{ "vantage_points", COLUMN_INTEGER },
	{ "flows", COLUMN_INTEGER },
	{ "stable", COLUMN_INTEGER },
	{ "changed", COLUMN_INTEGER },
	{ "unstable", COLUMN_INTEGER },
	{ "per_packet", COLUMN_INTEGER },
	{ "per_flow", COLUMN_INTEGER },
	{ "unknown", COLUMN_INTEGER },
	{ "stable_pct", COLUMN_PERCENT },
	{ "flips", COLUMN_INTEGER },
	{ "pairs", COLUMN_INTEGER },
	{ "flip_rate", COLUMN_RATIO },
	{ "affinity_p50", COLUMN_RATIO },
	{ "entropy_p50", COLUMN_RATIO },
	{ "dwell_p50_s", COLUMN_SECONDS },
	{ "weight_stable_pct", COLUMN_PERCENT }, /* of --weights alone */
	{ "weight_coverage_pct", COLUMN_PERCENT },
};
#define COLUMNS STABILITY_GROUP_COLUMNS

/* A vantage point and a service. */
struct item {
	const struct stability_row *rows;
	size_t count;
	int32_t service, vp, group;
	enum steadiness is;
};

struct sums {
	size_t vps, flows, of[STEADY_COUNT], flips, pairs;
	double stable_load, known_load, load;
	struct values affinities, entropies, dwells;
};

struct context {
	enum group_by by;
	const struct names *groups;
};

/* By service, then group. */
static int
compare(const void *left, const void *right, void *context)
{
	const struct item *a = left, *b = right;
	const struct context *c = context;

	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->group != b->group)
		return group_compare(c->by, names_text(c->groups, a->group),
		    names_text(c->groups, b->group));
	return (a->vp > b->vp) - (a->vp < b->vp);
}

static size_t
find_items(struct item *items, struct run *run, struct names *groups,
    const struct stability_row *rows, size_t row_count)
{
	const struct lane *lanes = run->catalog.lanes;
	size_t count = 0;

	for (size_t i = 0; i < row_count; i++) {
		const struct lane *lane = &lanes[rows[i].lane];
		enum steadiness is = stability_class(&rows[i]);
		struct item *item = count == 0 ? NULL : &items[count - 1];

		if (item == NULL || item->service != lane->service ||
		    item->vp != lane->vp) {
			item = &items[count++];
			*item = (struct item){ .rows = &rows[i],
				.service = lane->service,
				.vp = lane->vp,
				.group = group_put(groups, &run->catalog,
				    (struct group_of){ run->options->by,
					lane->vp,
					run->options->until_us - 1 }) };
		}
		item->count++;
		if (is > item->is)
			item->is = is;
	}
	return count;
}

static void
add_item(struct sums *s, const struct item *item, const struct run *run)
{
	const double weight = weights_of(&run->weights, item->vp);

	s->vps++;
	s->of[item->is]++;
	s->load += weight;
	s->known_load += item->is == STEADY_UNKNOWN ? 0 : weight;
	s->stable_load += item->is == STEADY_STABLE ? weight : 0;
	for (size_t i = 0; i < item->count; i++) {
		const struct stability_row *row = &item->rows[i];

		s->flows++;
		s->flips += row->flips;
		s->pairs += row->pairs;
		values_add(&s->affinities, llround(RATIO * row->affinity));
		values_add(&s->entropies,
		    row->entropy < 0 ? 0 : llround(RATIO * row->entropy));
		values_add(&s->dwells, row->dwell_p50_us);
	}
}

static struct cell
median_cell(struct values *values)
{
	int64_t median;

	quantile_sort(values->items, values->count);
	median = quantile_median(values->items, values->count);
	values_clear(values);
	return cell_number(median);
}

static int
write_group(struct run *run, const struct names *groups,
    const struct item *items, size_t count)
{
	const struct service *service = &run->catalog.services[items->service];
	struct sums s = { 0 };

	for (size_t i = 0; i < count; i++)
		add_item(&s, &items[i], run);
	return report_row(&run->report,
	    (const struct cell[COLUMNS]){
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		group_cell(run->options->by, names_text(groups, items->group)),
		cell_number((int64_t)s.vps),
		cell_number((int64_t)s.flows),
		cell_number((int64_t)s.of[STEADY_STABLE]),
		cell_number((int64_t)s.of[STEADY_CHANGED]),
		cell_number((int64_t)s.of[STEADY_UNSTABLE]),
		cell_number((int64_t)s.of[STEADY_PER_PACKET]),
		cell_number((int64_t)s.of[STEADY_PER_FLOW]),
		cell_number((int64_t)s.of[STEADY_UNKNOWN]),
		cell_percent((double)s.of[STEADY_STABLE],
		    (double)(s.vps - s.of[STEADY_UNKNOWN])),
		cell_number((int64_t)s.flips),
		cell_number((int64_t)s.pairs),
		cell_number_if(s.pairs > 0,
		    s.pairs == 0
			? 0
			: llround(RATIO * (double)s.flips / (double)s.pairs)),
		median_cell(&s.affinities),
		median_cell(&s.entropies),
		median_cell(&s.dwells),
		cell_percent(s.stable_load, s.known_load),
		cell_percent(s.known_load, s.load),
	    });
}

static int
begin(struct run *run, struct column *named)
{
	memcpy(named, columns, sizeof(columns));
	named[GROUP_COLUMN] = group_column(run->options->by);
	return report_begin(
	    &run->report, named, weights_columns(&run->weights, COLUMNS));
}

int
stability_groups(struct run *run, struct column *named,
    const struct stability_row *rows, size_t row_count)
{
	struct item *items = memory_zeroed(row_count, sizeof(*items));
	struct names groups = { 0 };
	size_t count = find_items(items, run, &groups, rows, row_count);
	struct context context = { run->options->by, &groups };
	int status = begin(run, named);

	if (count > 1)
		qsort_r(items, count, sizeof(*items), compare, &context);
	for (size_t first = 0, end; status == 0 && first < count; first = end) {
		for (end = first + 1;
		     end < count &&
		     items[end].service == items[first].service &&
		     items[end].group == items[first].group;
		     end++)
			continue;
		status = write_group(run, &groups, items + first, end - first);
	}
	names_clear(&groups);
	free(items);
	return status;
}
