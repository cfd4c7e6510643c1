#include "analysis/served.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"

static struct served *
at_hand(struct servings *s, int32_t vp, int32_t service)
{
	struct served *last = s->count > 0 ? &s->items[s->count - 1] : NULL;

	if (last != NULL && last->vp == vp && last->service == service)
		return last;
	if (s->count == s->room)
		s->items = memory_grow(s->items, &s->room, sizeof(*s->items));
	last = &s->items[s->count++];
	*last = (struct served){ .vp = vp, .service = service };
	return last;
}

static const struct site *
place_of(struct servings *s, int32_t service, int32_t instance)
{
	const struct claim *claim = claims_find(&s->claims, service, instance);

	return claim->known ? &claim->site : NULL;
}

static void
add_offer(
    struct servings *s, int32_t service, int32_t site, const struct site *place)
{
	for (size_t i = 0; i < s->offer_count; i++) {
		if (s->offers[i].service == service &&
		    s->offers[i].site == site)
			return;
	}
	if (s->offer_count == s->offer_room)
		s->offers =
		    memory_grow(s->offers, &s->offer_room, sizeof(*s->offers));
	s->offers[s->offer_count++] = (struct offer){ service, site, place };
}

static struct served_site *
find_site(
    struct servings *s, struct served *served, const struct sighting *sighting)
{
	struct served_site *site;

	for (size_t i = 0; i < served->site_count; i++) {
		if (served->sites[i].site == sighting->site)
			return &served->sites[i];
	}
	if (served->site_count == served->site_room)
		served->sites = memory_grow(
		    served->sites, &served->site_room, sizeof(*served->sites));
	site = &served->sites[served->site_count++];
	*site = (struct served_site){ .site = sighting->site,
		.place = place_of(s, served->service, sighting->instance) };
	add_offer(s, served->service, site->site, site->place);
	return site;
}

static void
read_lane(struct walk *w, void *context)
{
	struct servings *s = context;
	const struct lane *lane = &w->run->catalog.lanes[w->part.lane];
	int64_t since_us = w->run->options->since_us;
	struct served *served = at_hand(s, lane->vp, lane->service);

	for (size_t i = w->part.from; i < w->part.end; i++) {
		const struct sample *sample = &w->samples.items[i];

		if (sample->t_us >= since_us && sample->rtt_us != SAMPLE_NO_RTT)
			values_add(&served->rtts, sample->rtt_us);
	}
	for (size_t i = w->trail.past; i < w->trail.count; i++) {
		const struct sighting *sighting = &w->trail.items[i];
		struct served_site *site;

		if (sighting->t_us < since_us)
			continue;
		site = find_site(s, served, sighting);
		site->count++;
		served->count++;
		if (sighting->rtt_us != SAMPLE_NO_RTT)
			values_add(&site->rtts, sighting->rtt_us);
	}
}

void
servings_read(struct servings *s, struct run *run)
{
	*s = (struct servings){ 0 };
	claims_init(&s->claims, &run->catalog);
	walk_init(&s->walk, run);
	walk_lanes(&s->walk, read_lane, s);
	for (size_t i = 0; i < s->count; i++) {
		struct served *served = &s->items[i];

		quantile_sort(served->rtts.items, served->rtts.count);
		for (size_t k = 0; k < served->site_count; k++)
			quantile_sort(served->sites[k].rtts.items,
			    served->sites[k].rtts.count);
	}
}

void
servings_clear(struct servings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = 0; k < s->items[i].site_count; k++)
			values_clear(&s->items[i].sites[k].rtts);
		free(s->items[i].sites);
		values_clear(&s->items[i].rtts);
	}
	free(s->items);
	free(s->offers);
	claims_clear(&s->claims);
	walk_clear(&s->walk);
}

const struct served_site *
served_main(const struct served *served, const struct catalog *c)
{
	const struct served_site *best = NULL;

	for (size_t i = 0; i < served->site_count; i++) {
		const struct served_site *site = &served->sites[i];

		if (best == NULL || site->count > best->count ||
		    (site->count == best->count &&
			strcmp(names_text(&c->sites, site->site),
			    names_text(&c->sites, best->site)) < 0))
			best = site;
	}
	return best;
}

int64_t
served_median_us(const struct served *served)
{
	if (served->rtts.count == 0)
		return -1;
	return quantile_median(served->rtts.items, served->rtts.count);
}
