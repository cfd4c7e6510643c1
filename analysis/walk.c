#include "analysis/walk.h"

#include <stdlib.h>
#include "analysis/edges.h"

void
walk_init(struct walk *w, struct run *run)
{
	const struct options *o = run->options;

	*w = (struct walk){ .run = run };
	methods_choose(
	    &w->methods, &run->catalog, run->query, o->since_us, o->until_us);
	w->wanted = methods_lanes(&w->methods, &run->catalog);
	historian_init(&w->historian, run->query, &run->catalog, o->level);
}

void
walk_clear(struct walk *w)
{
	historian_clear(&w->historian);
	methods_clear(&w->methods);
	free(w->wanted);
	samples_clear(&w->samples);
	trail_clear(&w->trail);
	units_clear(&w->units);
}

/* Edges have all that is before the window. */
static void
read_samples(struct walk *w, int32_t vp, struct trail_part *part)
{
	struct run *run = w->run;
	const struct options *o = run->options;

	part->floor_us = part->window_us = INT64_MIN;
	if (w->edges != NULL && edges_read(w->edges, &w->samples, vp))
		return;
	part->window_us = o->since_us;
	part->floor_us = samples_settled_before(&run->sampler, vp, o->since_us);
	run->sampler.wanted = w->wanted;
	samples_read(
	    &run->sampler, &w->samples, vp, part->floor_us, o->until_us);
	run->sampler.wanted = NULL;
}

static void
walk_vp(struct walk *w, int32_t vp, walk_fn *fn, void *context)
{
	struct run *run = w->run;
	struct trail_part part;

	read_samples(w, vp, &part);
	for (size_t from = 0, end; from < w->samples.count; from = end) {
		int32_t lane = w->samples.items[from].lane;
		int32_t service = run->catalog.lanes[lane].service;

		end = samples_lane_end(&w->samples, from);
		if (!methods_compares(&w->methods, &run->catalog, lane))
			continue;
		w->part = (struct trail_part){
			.samples = &w->samples,
			.from = from,
			.end = end,
			.lane = lane,
			.method = w->methods.of_service[service].method,
			.floor_us = part.floor_us,
			.window_us = part.window_us,
		};
		trail_build(&w->trail, &w->historian, &w->part);
		units_build(&w->units, &w->historian, &w->trail);
		fn(w, context);
	}
}

void
walk_lanes(struct walk *w, walk_fn *fn, void *context)
{
	for (size_t i = 0; i < w->run->catalog.vp_count; i++)
		walk_vp(w, (int32_t)i, fn, context);
}
