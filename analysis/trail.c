#include "analysis/trail.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/intervals.h"
#include "analysis/memory.h"
#include "analysis/trail_past.h"
#include "lib/text.h"

#define MIXED_NAMES 8 /* more are counted */
#define MIXED_TEXT 4096

void
historian_init(
    struct historian *h, struct query *q, struct catalog *c, enum level level)
{
	*h = (struct historian){ .catalog = c, .level = level };
	h->pasts = trail_pasts_new(0);
	h->intervals = intervals_new(q);
}

void
historian_clear(struct historian *h)
{
	intervals_free(h->intervals);
	trail_pasts_free(h->pasts);
	*h = (struct historian){ 0 };
}

int32_t
trail_place(const struct historian *h, int32_t instance, int32_t site)
{
	return h->level == LEVEL_SITE ? site : instance;
}

static int32_t
place_of(const struct historian *h, const struct sighting *s)
{
	return trail_place(h, s->instance, s->site);
}

static void
add(struct trail *trail, const struct sighting *sighting)
{
	if (trail->count == trail->room)
		trail->items = memory_grow(
		    trail->items, &trail->room, sizeof(*trail->items));
	trail->items[trail->count++] = *sighting;
}

/* One sighting for all that was before the floor. */
static void
add_past(
    struct trail *trail, struct historian *h, const struct trail_part *part)
{
	struct past past;

	trail->past = trail_past(h, part, &past);
	if (!trail->past)
		return;
	trail->past_goes_on = past.last_us >= part->floor_us;
	trail->past_first_us = past.place_first_us;
	add(trail,
	    &(struct sighting){
		.t_us = trail->past_goes_on ? part->floor_us - 1 : past.last_us,
		.instance = past.instance,
		.site = past.site,
		.rtt_us = SAMPLE_NO_RTT,
	    });
}

/* A sighting before the window goes into the one in front. */
static void
renew_past(struct trail *trail, const struct historian *h,
    const struct sighting *sighting)
{
	if (!trail->past ||
	    place_of(h, &trail->items[0]) != place_of(h, sighting))
		trail->past_first_us = sighting->t_us;
	trail->past = true;
	trail->past_goes_on = false;
	trail->count = 0;
	add(trail, sighting);
	trail->items[0].rtt_us = SAMPLE_NO_RTT;
}

void
trail_build(
    struct trail *trail, struct historian *h, const struct trail_part *part)
{
	struct sighting sighting;

	trail->count = 0;
	trail->lane = part->lane;
	trail->method = part->method;
	add_past(trail, h, part);
	for (size_t i = part->from; i < part->end; i++) {
		const struct sample *sample = &part->samples->items[i];

		if (!trail_sight(h, part, sample->instance, &sighting))
			continue;
		sighting.t_us = sample->t_us;
		sighting.rtt_us = sample->rtt_us;
		if (h->level == LEVEL_INSTANCE &&
		    sighting.t_us < part->window_us)
			renew_past(trail, h, &sighting);
		else
			add(trail, &sighting);
	}
}

void
trail_clear(struct trail *trail)
{
	free(trail->items);
	*trail = (struct trail){ 0 };
}

static void
add_unit(struct units *units, const struct unit *unit)
{
	if (units->count == units->room)
		units->items = memory_grow(
		    units->items, &units->room, sizeof(*units->items));
	units->items[units->count++] = *unit;
}

static int32_t
label(const struct historian *h, const struct sighting *s)
{
	return h->catalog->instances[s->instance].text;
}

static size_t
same_site(const struct trail *trail, size_t from)
{
	size_t end = from + 1;

	while (end < trail->count &&
	       trail->items[end].site == trail->items[from].site)
		end++;
	return end;
}

static size_t
same_instance(const struct trail *trail, size_t from, size_t limit)
{
	size_t end = from + 1;

	while (end < limit &&
	       trail->items[end].instance == trail->items[from].instance)
		end++;
	return end;
}

/* Whether an instance comes back after another, within a stretch. */
static bool
alternates(const struct trail *trail, size_t from, size_t end)
{
	for (size_t i = from, next; i < end; i = next) {
		next = same_instance(trail, i, end);
		for (size_t j = next; j < end; j++) {
			if (trail->items[j].instance ==
			    trail->items[i].instance)
				return true;
		}
	}
	return false;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "mixed {a,b}" of the instances of a stretch. */
static int32_t
mixed_label(const struct historian *h, const struct trail *trail, size_t from,
    size_t end)
{
	struct names seen = { 0 };
	char text[MIXED_TEXT] = "mixed {";
	int32_t number;

	for (size_t i = from; i < end; i++)
		(void)names_put(&seen,
		    names_text(&h->catalog->names, label(h, &trail->items[i])));
	qsort(seen.texts, seen.count, sizeof(*seen.texts), compare_texts);
	for (size_t i = 0; i < seen.count && i < MIXED_NAMES; i++) {
		size_t len = strlen(text);

		(void)text_print(text + len, sizeof(text) - len, "%s%.400s",
		    i > 0 ? "," : "", seen.texts[i]);
	}
	(void)text_print(text + strlen(text), sizeof(text) - strlen(text),
	    seen.count > MIXED_NAMES ? ",...}" : "}");
	names_clear(&seen);
	number = names_put(&h->catalog->names, text);
	return number;
}

/* A stretch at a site, by instance: one unit each; where they alternate, the
 * first and then all of them together. */
static void
add_instances(struct units *units, const struct historian *h,
    const struct trail *trail, const size_t part[2])
{
	size_t next = same_instance(trail, part[0], part[1]);
	bool mixed = alternates(trail, part[0], part[1]);
	struct unit unit = { .first = part[0], .end = next };

	for (;;) {
		unit.from_label = label(h, &trail->items[unit.first]);
		unit.to_label = unit.from_label;
		if (mixed && unit.first > part[0]) {
			unit.end = part[1];
			unit.from_label =
			    mixed_label(h, trail, part[0], part[1]);
			unit.to_label = unit.from_label;
		}
		add_unit(units, &unit);
		if (unit.end == part[1])
			return;
		unit.first = unit.end;
		unit.end = same_instance(trail, unit.first, part[1]);
	}
}

void
units_build(
    struct units *units, const struct historian *h, const struct trail *trail)
{
	units->count = 0;
	for (size_t first = 0, end; first < trail->count; first = end) {
		end = same_site(trail, first);
		if (h->level == LEVEL_INSTANCE) {
			add_instances(
			    units, h, trail, (const size_t[2]){ first, end });
			continue;
		}
		add_unit(
		    units, &(struct unit){
			       .first = first,
			       .end = end,
			       .from_label = label(h, &trail->items[first]),
			       .to_label = label(h, &trail->items[end - 1]),
			   });
	}
}

void
units_clear(struct units *units)
{
	free(units->items);
	*units = (struct units){ 0 };
}
