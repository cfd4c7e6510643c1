#include "analysis/kept_paths.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"

/* The run's number of a service of another catalog; -1: it has none. */
static int32_t
find_service(const struct kept_paths *k, int32_t service)
{
	const struct catalog *to = &k->run->catalog, *from = &k->catalog;
	const struct service *wanted = &from->services[service];
	const char *target = names_text(&from->names, wanted->target);
	const char *address = names_text(&from->names, wanted->address);

	for (size_t i = 0; i < to->service_count; i++) {
		const struct service *is = &to->services[i];

		if (is->af == wanted->af &&
		    strcmp(names_text(&to->names, is->target), target) == 0 &&
		    strcmp(names_text(&to->names, is->address), address) == 0)
			return (int32_t)i;
	}
	return -1;
}

/* Take over what was read of a lane. */
static void
keep(struct lane_paths *from, void *context)
{
	struct kept_paths *k = context;
	const struct lane *lane = &k->catalog.lanes[from->lane];
	int32_t service = find_service(k, lane->service);
	struct kept_lane *to;

	if (service < 0)
		return;
	if (k->count == k->room)
		k->lanes = memory_grow(k->lanes, &k->room, sizeof(*k->lanes));
	to = &k->lanes[k->count++];
	*to = (struct kept_lane){ .vp = lane->vp,
		.service = service,
		.flow = lane->flow,
		.paths = memory_zeroed(from->count, sizeof(*to->paths)),
		.count = from->count,
		.traces = memory_zeroed(from->trace_count, sizeof(*to->traces)),
		.trace_count = from->trace_count };
	memcpy(
	    to->traces, from->traces, from->trace_count * sizeof(*to->traces));
	for (size_t i = 0; i < from->count; i++)
		path_join(&to->paths[i], &from->items[i].path);
}

void
kept_paths_read(struct kept_paths *k, struct run *run, int64_t since_us)
{
	const struct options *o = run->options;
	struct names questions = { 0 };
	struct traces_reader reader;

	*k = (struct kept_paths){ .run = run };
	(void)names_put(&questions, "trace");
	catalog_read(&k->catalog, run->query,
	    &(struct catalog_filter){ .targets = &o->targets,
		.vps = &o->vps,
		.questions = &questions,
		.af = o->af,
		.traces = true,
		.again = true },
	    run->catalog.map);
	k->catalog.map_us = run->catalog.map_us;
	names_clear(&questions);
	traces_init(&reader, run->query, &k->catalog, run->geo);
	for (size_t i = 0; k->catalog.lane_count > 0 && i < k->catalog.vp_count;
	     i++)
		traces_read(&reader,
		    &(struct traces_window){
			(int32_t)i, since_us, o->until_us },
		    keep, k);
	traces_clear(&reader);
}

void
kept_paths_clear(struct kept_paths *k)
{
	for (size_t i = 0; i < k->count; i++) {
		for (size_t j = 0; j < k->lanes[i].count; j++)
			path_clear(&k->lanes[i].paths[j]);
		free(k->lanes[i].paths);
		free(k->lanes[i].traces);
	}
	free(k->lanes);
	catalog_clear(&k->catalog);
	*k = (struct kept_paths){ 0 };
}

/* The first lane of a vantage point. */
static size_t
lower_bound(const struct kept_paths *k, int32_t vp)
{
	size_t low = 0, high = k->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (k->lanes[middle].vp < vp)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct kept_lane *
kept_paths_find(
    const struct kept_paths *k, int32_t vp, int32_t service, int flow)
{
	const struct kept_lane *found = NULL;

	for (size_t i = lower_bound(k, vp);
	     i < k->count && k->lanes[i].vp == vp; i++) {
		const struct kept_lane *lane = &k->lanes[i];

		if (lane->service != service)
			continue;
		if (lane->flow == flow)
			return lane;
		if (found == NULL)
			found = lane;
	}
	return found;
}

int64_t
kept_lane_from(const struct kept_lane *lane, int64_t t_us)
{
	size_t i = 0;

	while (i < lane->trace_count && lane->traces[i].t_us < t_us)
		i++;
	return i < lane->trace_count ? (int64_t)i : -1;
}

int64_t
kept_lane_before(const struct kept_lane *lane, int64_t t_us)
{
	size_t i = 0;

	while (i < lane->trace_count && lane->traces[i].t_us < t_us)
		i++;
	return (int64_t)i - 1;
}

int32_t
kept_paths_site(
    struct kept_paths *k, const struct kept_lane *lane, size_t trace)
{
	const struct trace *t = &lane->traces[trace];
	const char *site;

	if (t->instance < 0)
		return -1;
	site = names_text(&k->catalog.sites,
	    catalog_site(
		&k->catalog, k->catalog.lanes[t->lane].service, t->instance));
	return names_put(&k->run->catalog.sites, site);
}
