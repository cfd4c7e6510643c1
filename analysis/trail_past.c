#include "analysis/trail_past.h"

#include <stdlib.h>
#include "analysis/intervals.h"
#include "analysis/judge.h"
#include "analysis/memory.h"

struct interval {
	int64_t first_us;
	struct past past;
};

/* Intervals of a lane in a method: in the order of time those that begin at
 * or after a floor, and before them the newest of the others. */
struct lane_past {
	struct interval *items;
	size_t count, room;
	bool read;
	int32_t method;
	int64_t floor_us;
};

struct trail_pasts {
	struct lane_past *lanes; /* by index; one for all where none is held */
	size_t count;
	bool hold;
	int64_t until_us; /* of those that are held */
};

struct trail_pasts *
trail_pasts_new(size_t lanes)
{
	struct trail_pasts *pasts = memory_zeroed(1, sizeof(*pasts));

	pasts->count = lanes > 0 ? lanes : 1;
	pasts->lanes = memory_zeroed(pasts->count, sizeof(*pasts->lanes));
	return pasts;
}

void
trail_pasts_free(struct trail_pasts *pasts)
{
	if (pasts == NULL)
		return;
	for (size_t i = 0; i < pasts->count; i++)
		free(pasts->lanes[i].items);
	free(pasts->lanes);
	free(pasts);
}

void
historian_hold(struct historian *h, int64_t until_us)
{
	trail_pasts_free(h->pasts);
	h->pasts = trail_pasts_new(h->catalog->lane_count);
	h->pasts->hold = true;
	h->pasts->until_us = until_us;
}

bool
trail_sight(struct historian *h, const struct trail_part *part,
    int32_t instance, struct sighting *sighting)
{
	struct catalog *c = h->catalog;

	if (instance < 0 || part->method < 0 ||
	    c->instances[instance].method != part->method)
		return false;
	sighting->instance = instance;
	sighting->site =
	    catalog_site(c, c->lanes[part->lane].service, instance);
	return true;
}

/* A foreign database may say anything. */
static int64_t
not_negative(int64_t t_us)
{
	return t_us < 0 ? 0 : t_us;
}

static bool
same_place(
    const struct historian *h, const struct past *a, const struct past *b)
{
	return trail_place(h, a->instance, a->site) ==
	       trail_place(h, b->instance, b->site);
}

/* Of a row; false: it names nothing in the part's method. */
static bool
read_interval(struct historian *h, const struct trail_part *part,
    const struct interval_row *row, struct interval *interval)
{
	int32_t instance = catalog_instance(h->catalog, row->instance);
	struct sighting sighting;

	if (!trail_sight(h, part, instance, &sighting) ||
	    judge_marks_name(h->catalog, part->lane, instance))
		return false;
	interval->first_us = row->first_us;
	interval->past = (struct past){
		.place_first_us = not_negative(interval->first_us),
		.last_us = not_negative(row->last_us),
		.instance = instance,
		.site = sighting.site,
	};
	return true;
}

/* In the order of time, each as far back as its place reaches. */
static void
put_in_order(const struct historian *h, struct lane_past *lane)
{
	for (size_t i = 0; i < lane->count / 2; i++) {
		struct interval *other = &lane->items[lane->count - 1 - i];
		const struct interval later = lane->items[i];

		lane->items[i] = *other;
		*other = later;
	}
	for (size_t i = 1; i < lane->count; i++) {
		const struct past *before = &lane->items[i - 1].past;
		struct past *past = &lane->items[i].past;

		if (same_place(h, before, past))
			past->place_first_us = before->place_first_us;
	}
}

/* From the newest on, until the place is left in which the lane was before
 * the part's floor. */
static void
read_lane(struct historian *h, const struct trail_part *part, int64_t until_us,
    struct lane_past *lane)
{
	const struct interval_row *row;
	struct interval interval, *oldest = NULL;

	lane->count = 0;
	intervals_begin(
	    h->intervals, h->catalog->lanes[part->lane].id, until_us);
	while ((row = intervals_next(h->intervals)) != NULL) {
		if (!read_interval(h, part, row, &interval))
			continue;
		if (oldest != NULL && oldest->first_us < part->floor_us) {
			if (!same_place(h, &oldest->past, &interval.past))
				break;
			oldest->past.place_first_us =
			    interval.past.place_first_us;
			continue;
		}
		if (lane->count == lane->room)
			lane->items = memory_grow(
			    lane->items, &lane->room, sizeof(*lane->items));
		lane->items[lane->count++] = interval;
		oldest = &lane->items[lane->count - 1];
	}
	intervals_end(h->intervals);
	put_in_order(h, lane);
	lane->floor_us = part->floor_us;
	lane->method = part->method;
	lane->read = true;
}

/* The last that begins before a time. */
static const struct interval *
last_before(const struct lane_past *lane, int64_t t_us)
{
	size_t low = 0, high = lane->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (lane->items[middle].first_us < t_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NULL : &lane->items[low - 1];
}

bool
trail_past(
    struct historian *h, const struct trail_part *part, struct past *past)
{
	struct trail_pasts *pasts = h->pasts;
	const bool held = pasts->hold && part->floor_us <= pasts->until_us;
	struct lane_past *lane = &pasts->lanes[held ? part->lane : 0];
	const struct interval *interval;

	if (!held) {
		read_lane(h, part, part->floor_us, lane);
		lane->read = false;
	} else if (!lane->read || lane->method != part->method ||
		   lane->floor_us > part->floor_us) {
		read_lane(h, part, pasts->until_us, lane);
	}
	interval = last_before(lane, part->floor_us);
	if (interval != NULL)
		*past = interval->past;
	return interval != NULL;
}
