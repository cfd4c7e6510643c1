#include <stdlib.h>
#include "analysis/identities.h"
#include "analysis/memory.h"
#include "lib/times.h"

struct reader {
	struct run *run;
	struct identity_sights *sights;
	int64_t from_hour, to_hour; /* whole ones of the window */
	int64_t *hours;             /* not settled, by vantage point */
	size_t hour_count, hour_room;
	size_t *hours_from; /* by vantage point, and the end */
	struct samples samples;
};

/* --- a table --- */

static uint32_t *
find_slot(const struct identity_sights *s, int32_t lane, int32_t instance)
{
	const uint64_t key =
	    (uint64_t)(uint32_t)lane << 32 | (uint32_t)instance;
	size_t i =
	    (size_t)(key * 0x9e3779b97f4a7c15u >> 24) & (s->slot_count - 1);

	while (s->slots[i] != 0 &&
	       (s->items[s->slots[i] - 1].lane != lane ||
		   s->items[s->slots[i] - 1].instance != instance))
		i = (i + 1) & (s->slot_count - 1);
	return &s->slots[i];
}

static void
grow_slots(struct identity_sights *s)
{
	s->slot_count = s->slot_count == 0 ? 4096 : s->slot_count * 2;
	free(s->slots);
	s->slots = memory_zeroed(s->slot_count, sizeof(*s->slots));
	for (size_t i = 0; i < s->count; i++)
		*find_slot(s, s->items[i].lane, s->items[i].instance) =
		    (uint32_t)i + 1;
}

struct identity_sight *
identity_sights_find(
    const struct identity_sights *s, int32_t lane, int32_t instance)
{
	const uint32_t *slot;

	if (s->slot_count == 0)
		return NULL;
	slot = find_slot(s, lane, instance);
	return *slot == 0 ? NULL : &s->items[*slot - 1];
}

static void
add(struct identity_sights *s, const struct identity_sight *sight)
{
	struct identity_sight *held;
	uint32_t *slot;

	if (2 * (s->count + 1) > s->slot_count)
		grow_slots(s);
	slot = find_slot(s, sight->lane, sight->instance);
	if (*slot == 0) {
		if (s->count == s->room)
			s->items =
			    memory_grow(s->items, &s->room, sizeof(*s->items));
		s->items[s->count++] = *sight;
		*slot = (uint32_t)s->count;
		return;
	}
	held = &s->items[*slot - 1];
	if (sight->first_us < held->first_us)
		held->first_us = sight->first_us;
	if (sight->last_us > held->last_us)
		held->last_us = sight->last_us;
	held->answers += sight->answers;
}

/* --- settled hours --- */

static void
read_unsettled(struct reader *r)
{
	const struct catalog *c = &r->run->catalog;
	struct query_rows *rows = query_prepare(r->run->query,
	    "SELECT hour FROM unsettled WHERE vp = ?1 AND hour >= ?2"
	    " AND hour < ?3 ORDER BY hour");

	r->hours_from = memory_zeroed(c->vp_count + 1, sizeof(*r->hours_from));
	for (size_t i = 0; i < c->vp_count; i++) {
		r->hours_from[i] = r->hour_count;
		query_bind(rows, 1, c->vps[i].id);
		query_bind(rows, 2, r->from_hour);
		query_bind(rows, 3, r->to_hour);
		while (query_next(rows)) {
			if (r->hour_count == r->hour_room)
				r->hours = memory_grow(
				    r->hours, &r->hour_room, sizeof(*r->hours));
			r->hours[r->hour_count++] = query_int(rows, 0);
		}
		query_reset(rows);
	}
	r->hours_from[c->vp_count] = r->hour_count;
	query_finish(rows);
}

static int
compare_hours(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool
is_settled(const struct reader *r, int32_t vp, int64_t hour)
{
	const size_t from = r->hours_from[vp];
	const size_t count = r->hours_from[vp + 1] - from;

	return count == 0 || bsearch(&hour, r->hours + from, count,
				 sizeof(hour), compare_hours) == NULL;
}

/* A foreign database may say anything. */
static void
add_run(struct reader *r, struct query_rows *rows)
{
	const struct catalog *c = &r->run->catalog;
	const int64_t hour = query_int(rows, 5);
	const struct identity_sight sight = {
		.lane = catalog_lane(c, query_int(rows, 0)),
		.instance = catalog_instance(c, query_int(rows, 1)),
		.first_us = query_int(rows, 2),
		.last_us = query_int(rows, 3),
		.answers = query_int(rows, 4),
	};

	if (sight.lane < 0 || sight.instance < 0 ||
	    c->instances[sight.instance].method < 0 ||
	    sight.first_us < hour * HOUR_US || sight.last_us < sight.first_us ||
	    sight.last_us >= (hour + 1) * HOUR_US ||
	    !is_settled(r, c->lanes[sight.lane].vp, hour))
		return;
	add(r->sights, &sight);
}

static void
read_runs(struct reader *r)
{
	struct query_rows *rows = query_prepare(r->run->query,
	    "SELECT lane, instance, first, last, answered, hour FROM run"
	    " WHERE hour >= ?1 AND hour < ?2 AND instance > 1");

	query_bind(rows, 1, r->from_hour);
	query_bind(rows, 2, r->to_hour);
	while (query_next(rows))
		add_run(r, rows);
	query_finish(rows);
}

/* --- the others --- */

static void
read_rows(struct reader *r, int32_t vp, int64_t since_us, int64_t until_us)
{
	if (since_us >= until_us)
		return;
	samples_read(&r->run->sampler, &r->samples, vp, since_us, until_us);
	for (size_t i = 0; i < r->samples.count; i++) {
		const struct sample *sample = &r->samples.items[i];

		if (sample->said >= 0)
			add(r->sights,
			    &(struct identity_sight){ .lane = sample->lane,
				.instance = sample->said,
				.first_us = sample->t_us,
				.last_us = sample->t_us,
				.answers = 1 });
	}
}

static void
read_vp(struct reader *r, int32_t vp)
{
	const struct options *o = r->run->options;
	const size_t end = r->hours_from[vp + 1];
	size_t i = r->hours_from[vp];

	if (r->from_hour >= r->to_hour) {
		read_rows(r, vp, o->since_us, o->until_us);
		return;
	}
	read_rows(r, vp, o->since_us, r->from_hour * HOUR_US);
	while (i < end) {
		const int64_t first = r->hours[i];
		int64_t last = first;

		while (++i < end && r->hours[i] == last + 1)
			last++;
		read_rows(r, vp, first * HOUR_US, (last + 1) * HOUR_US);
	}
	read_rows(r, vp, r->to_hour * HOUR_US, o->until_us);
}

void
identity_sights_read(struct identity_sights *sights, struct run *run)
{
	const struct options *o = run->options;
	struct reader r = {
		.run = run,
		.sights = sights,
		.from_hour = (o->since_us + HOUR_US - 1) / HOUR_US,
		.to_hour = o->until_us / HOUR_US,
	};

	*sights = (struct identity_sights){ 0 };
	read_unsettled(&r);
	if (r.from_hour < r.to_hour)
		read_runs(&r);
	for (size_t i = 0; i < run->catalog.vp_count; i++)
		read_vp(&r, (int32_t)i);
	samples_clear(&r.samples);
	free(r.hours);
	free(r.hours_from);
}

void
identity_sights_clear(struct identity_sights *s)
{
	free(s->items);
	free(s->slots);
	*s = (struct identity_sights){ 0 };
}
