#include "analysis/events_seen.h"

#include <stdlib.h>
#include "analysis/events_private.h"
#include "analysis/memory.h"

/* When something of a service was first seen somewhere. */
struct sight {
	int32_t service;
	int64_t t_us;
	size_t stay;
	double load; /* of this vantage point and of those before it */
};

/* By service, then by time. */
struct sights {
	struct sight *items;
	size_t count;
};

struct seen {
	struct sights vps, lanes;
	struct sights changes; /* where a lane went from one stay to another */
	double load;
};

static int
compare_sights(const void *left, const void *right)
{
	const struct sight *a = left, *b = right;
	int order;

	if ((order = events_compare(a->service, b->service)) != 0 ||
	    (order = events_compare(a->t_us, b->t_us)) != 0)
		return order;
	return events_compare((int64_t)a->stay, (int64_t)b->stay);
}

static const struct lane *
lane_of(const struct events *e, size_t stay)
{
	return &e->run->catalog.lanes[e->stays.items[stay].lane];
}

static void
add_sight(const struct events *e, struct sights *s, size_t stay)
{
	s->items[s->count++] = (struct sight){ lane_of(e, stay)->service,
		e->stays.items[stay].first_us, stay, 0 };
}

/* A vantage point once of each service: its stays of one lie together. */
static void
add_vp(const struct events *e, struct sights *s, size_t stay, int64_t *of)
{
	const struct lane *lane = lane_of(e, stay);
	struct sight *old =
	    of[lane->service] < 0 ? NULL : &s->items[of[lane->service]];

	if (old == NULL || lane_of(e, old->stay)->vp != lane->vp) {
		of[lane->service] = (int64_t)s->count;
		add_sight(e, s, stay);
	} else if (e->stays.items[stay].first_us < old->t_us) {
		old->t_us = e->stays.items[stay].first_us;
	}
}

static void
sort_sights(const struct events *e, struct sights *s)
{
	double load = 0;

	if (s->count > 1)
		qsort(s->items, s->count, sizeof(*s->items), compare_sights);
	for (size_t i = 0; i < s->count; i++) {
		struct sight *sight = &s->items[i];

		if (i > 0 && sight->service != sight[-1].service)
			load = 0;
		load +=
		    weights_of(&e->run->weights, lane_of(e, sight->stay)->vp);
		sight->load = load;
	}
}

struct seen *
events_seen_sort(const struct events *e)
{
	const size_t count = e->stays.count,
		     services = e->run->catalog.service_count;
	struct seen *seen = memory_zeroed(1, sizeof(*seen));
	struct sights *all[] = { &seen->vps, &seen->lanes, &seen->changes };
	int64_t *of = memory_zeroed(services, sizeof(*of));

	for (size_t i = 0; i < services; i++)
		of[i] = -1;
	for (size_t i = 0; i < 3; i++)
		all[i]->items = memory_zeroed(count, sizeof(struct sight));
	for (size_t i = 0; i < count; i++) {
		const struct stay *s = &e->stays.items[i];

		add_vp(e, &seen->vps, i, of);
		if (i == 0 || s[-1].lane != s->lane)
			add_sight(e, &seen->lanes, i);
		else
			add_sight(e, &seen->changes, i);
	}
	for (size_t i = 0; i < 3; i++)
		sort_sights(e, all[i]);
	for (size_t i = 0; i < e->run->catalog.vp_count; i++)
		seen->load += weights_of(&e->run->weights, (int32_t)i);
	free(of);
	return seen;
}

void
events_seen_free(struct seen *seen)
{
	if (seen == NULL)
		return;
	free(seen->vps.items);
	free(seen->lanes.items);
	free(seen->changes.items);
	free(seen);
}

double
events_seen_load(const struct events *e)
{
	return e->seen->load;
}

/* The first of a service at a time or later. */
static size_t
find_sight(const struct sights *s, int32_t service, int64_t t_us)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct sight *sight = &s->items[middle];

		if (sight->service < service ||
		    (sight->service == service && sight->t_us < t_us))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t
count_before(const struct sights *s, int32_t service, int64_t t_us)
{
	return find_sight(s, service, t_us) - find_sight(s, service, INT64_MIN);
}

size_t
events_seen_vps(
    const struct events *e, int32_t service, int64_t before_us, double *load)
{
	const struct sights *s = &e->seen->vps;
	const size_t count = count_before(s, service, before_us);

	if (count > 0)
		*load += s->items[find_sight(s, service, before_us) - 1].load;
	return count;
}

size_t
events_seen_lanes(const struct events *e, int32_t service, int64_t t_us)
{
	return count_before(&e->seen->lanes, service, t_us + 1);
}

size_t
events_seen_elsewhere(
    const struct events *e, int32_t service, int64_t t_us, int64_t later_us)
{
	const struct sights *s = &e->seen->changes;
	const struct stay *items = e->stays.items;
	const size_t end = find_sight(s, service, later_us + 1);
	size_t elsewhere = 0;

	for (size_t i = find_sight(s, service, t_us + 1); i < end; i++) {
		const size_t stay = s->items[i].stay;

		/* The first change of its lane since then. */
		if (items[stay - 1].first_us > t_us)
			continue;
		elsewhere += items[stay - 1].site !=
			     items[events_stay_at(e, stay, later_us)].site;
	}
	return elsewhere;
}
