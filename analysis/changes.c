/*
 * Changes: where a lane left one site (or instance) for another. The time is
 * the first sight of the new one; how uncertain it is, the time since the
 * last sight of the old one, across any gap.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/methods.h"
#include "analysis/quantile.h"
#include "analysis/reports.h"
#include "analysis/trail.h"

#define AROUND 10 /* samples on each side */

static const struct column columns[] = {
	{ "time", COLUMN_TIME },
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "vp", COLUMN_TEXT },
	{ "region", COLUMN_TEXT },
	{ "flow", COLUMN_INTEGER },
	{ "method", COLUMN_TEXT },
	{ "from_instance", COLUMN_TEXT },
	{ "from_site", COLUMN_TEXT },
	{ "to_instance", COLUMN_TEXT },
	{ "to_site", COLUMN_TEXT },
	{ "rtt_before_ms", COLUMN_MS },
	{ "rtt_after_ms", COLUMN_MS },
	{ "uncertain_s", COLUMN_SECONDS },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct change {
	int64_t t_us, last_us;
	int32_t lane, method;
	int32_t from_label, from_site, to_label, to_site;
	int64_t before_us, after_us; /* -1: unknown */
};

struct changes {
	struct run *run;
	struct methods methods;
	struct historian historian;
	struct change *items;
	size_t count, room;
	struct trail trail; /* of the lane at hand */
	struct units units;
	struct samples back;
};

/* The median of up to AROUND round trips; -1 where there are none. */
static int64_t
median(int64_t *rtts, size_t count)
{
	if (count == 0)
		return -1;
	quantile_sort(rtts, count);
	return quantile_median(rtts, count);
}

static int64_t
median_after(const struct trail *trail, const struct unit *unit)
{
	int64_t rtts[AROUND];
	size_t count = 0;

	for (size_t i = unit->first; i < unit->end && count < AROUND; i++) {
		if (trail->items[i].rtt_us != SAMPLE_NO_RTT)
			rtts[count++] = trail->items[i].rtt_us;
	}
	return median(rtts, count);
}

/* The old unit began before the window: what is missing of its end is read
 * from the raw rows before, where they still are. */
static void
read_past(struct changes *c, size_t max)
{
	samples_read_back(&c->run->sampler, &c->back,
	    &(struct samples_span){
		.lane = c->trail.lane,
		.method = c->trail.method,
		.first_us = c->trail.past_first_us,
		.last_us = c->trail.items[0].t_us,
		.before_us = c->trail.items[0].t_us + 1,
		.max = max,
	    });
}

static void
end_of_old(struct changes *c, const struct unit *unit, struct change *change)
{
	const struct trail *trail = &c->trail;
	bool past = trail->past && unit->first == 0;
	int64_t rtts[AROUND];
	size_t count = 0;

	change->last_us = trail->items[unit->end - 1].t_us;
	for (size_t i = unit->end; i > unit->first && count < AROUND; i--) {
		if (trail->items[i - 1].rtt_us != SAMPLE_NO_RTT)
			rtts[count++] = trail->items[i - 1].rtt_us;
	}
	if (past && count < AROUND) {
		read_past(c, AROUND - count);
		if (unit->end == 1 && c->back.count > 0)
			change->last_us = c->back.items[0].t_us;
		for (size_t i = 0; i < c->back.count; i++) {
			if (c->back.items[i].rtt_us != SAMPLE_NO_RTT)
				rtts[count++] = c->back.items[i].rtt_us;
		}
	}
	change->before_us = median(rtts, count);
}

static void
add_change(struct changes *c, const struct unit *old, const struct unit *new)
{
	const struct trail *trail = &c->trail;
	const struct sighting *from = &trail->items[old->end - 1];
	const struct sighting *to = &trail->items[new->first];
	struct change *change;

	if (to->t_us < c->run->options->since_us)
		return;
	if (c->count == c->room)
		c->items = memory_grow(c->items, &c->room, sizeof(*c->items));
	change = &c->items[c->count++];
	*change = (struct change){
		.t_us = to->t_us,
		.lane = trail->lane,
		.method = trail->method,
		.from_label = old->to_label,
		.from_site = from->site,
		.to_label = new->from_label,
		.to_site = to->site,
		.after_us = median_after(trail, new),
	};
	end_of_old(c, old, change);
}

static void
find_in_lane(struct changes *c, const struct trail_part *part)
{
	trail_build(&c->trail, &c->historian, part);
	units_build(&c->units, &c->historian, &c->trail);
	for (size_t i = 1; i < c->units.count; i++)
		add_change(c, &c->units.items[i - 1], &c->units.items[i]);
}

static void
find_of_vp(struct changes *c, struct samples *samples, int32_t vp)
{
	struct run *run = c->run;
	int64_t floor_us =
	    samples_settled_before(&run->sampler, vp, run->options->since_us);

	samples_read(
	    &run->sampler, samples, vp, floor_us, run->options->until_us);
	for (size_t from = 0, end; from < samples->count; from = end) {
		int32_t lane = samples->items[from].lane;
		int32_t service = run->catalog.lanes[lane].service;

		end = samples_lane_end(samples, from);
		if (!methods_compares(&c->methods, &run->catalog, lane))
			continue;
		find_in_lane(
		    c, &(struct trail_part){
			   .samples = samples,
			   .from = from,
			   .end = end,
			   .lane = lane,
			   .method = c->methods.of_service[service].method,
			   .floor_us = floor_us,
		       });
	}
}

static int
compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By time; lanes are in the order of what they are. */
static int
compare(const void *left, const void *right)
{
	const struct change *a = left, *b = right;
	int order = compare_int(a->t_us, b->t_us);

	return order != 0 ? order : compare_int(a->lane, b->lane);
}

static int
write_change(struct run *run, const struct change *change)
{
	const struct catalog *c = &run->catalog;
	const struct lane *lane = &c->lanes[change->lane];
	const struct service *service = &c->services[lane->service];
	const struct vantage *vp = &c->vps[lane->vp];
	const struct place *place = catalog_place(vp, change->t_us);
	const struct cell cells[COLUMNS] = {
		cell_number(change->t_us),
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		run_text(run, place == NULL ? -1 : place->region),
		cell_number(lane->flow),
		run_text(run, change->method),
		run_text(run, change->from_label),
		run_site(run, change->from_site),
		run_text(run, change->to_label),
		run_site(run, change->to_site),
		cell_number_if(change->before_us >= 0, change->before_us),
		cell_number_if(change->after_us >= 0, change->after_us),
		cell_number(change->t_us - change->last_us),
	};

	return report_row(&run->report, cells);
}

static int
write_changes(struct changes *c)
{
	struct run *run = c->run;
	int status;

	if (c->count > 1)
		qsort(c->items, c->count, sizeof(*c->items), compare);
	status = report_begin(&run->report, columns, COLUMNS);
	for (size_t i = 0; status == 0 && i < c->count; i++)
		status = write_change(run, &c->items[i]);
	if (report_end(&run->report) == -1)
		status = -1;
	return status;
}

int
changes_report(struct run *run)
{
	const struct options *o = run->options;
	struct changes c = { .run = run };
	struct samples samples = { 0 };
	int status;

	methods_choose(
	    &c.methods, &run->catalog, run->query, o->since_us, o->until_us);
	historian_init(&c.historian, run->query, &run->catalog, o->level);
	for (size_t i = 0; i < run->catalog.vp_count; i++)
		find_of_vp(&c, &samples, (int32_t)i);
	status = write_changes(&c);
	historian_clear(&c.historian);
	methods_clear(&c.methods);
	samples_clear(&samples);
	samples_clear(&c.back);
	trail_clear(&c.trail);
	units_clear(&c.units);
	free(c.items);
	return status;
}
