#include "analysis/inflation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/groups.h"
#include "analysis/memory.h"
#include "lib/log.h"
#include "lib/sphere.h"

/* There and back in fibre; what is expected of routes is 3/2 of it. */
#define US_PER_KM (2e6 / SPHERE_FIBRE_KM_S)

static const struct service *
service_of(const struct inflations *in, const struct inflation *is)
{
	return &in->run->catalog.services[is->served->service];
}

static const struct place *
place_of(const struct inflations *in, const struct inflation *is)
{
	return catalog_place(&in->run->catalog.vps[is->served->vp],
	    in->run->options->until_us - 1);
}

/* --- distances --- */

static double
km_to(const struct place *from, const struct site *to)
{
	return sphere_km((struct sphere_point){ from->lat, from->lon },
	    (struct sphere_point){ to->lat, to->lon });
}

static bool
has_position(const struct site *site)
{
	return site != NULL && site->has_position;
}

/* The nearest site of the service that anybody saw; -1: none has a place. */
static double
nearest_km(const struct inflations *in, struct inflation *is,
    const struct place *place)
{
	double best_km = -1;

	for (size_t i = 0; i < in->servings.offer_count; i++) {
		const struct offer *offer = &in->servings.offers[i];
		double km;

		if (offer->service != is->served->service ||
		    !has_position(offer->place))
			continue;
		km = km_to(place, offer->place);
		if (best_km >= 0 && km >= best_km)
			continue;
		best_km = km;
		is->nearest_site = offer->site;
	}
	return best_km;
}

/* F4 and F5, over what was seen at sites whose position is known. */
static void
set_distances(const struct inflations *in, struct inflation *is)
{
	const struct place *place = place_of(in, is);
	double km = 0, us = 0, near_km;
	size_t timed = 0;

	if (place == NULL || !place->has_position)
		return;
	for (size_t i = 0; i < is->served->site_count; i++) {
		const struct served_site *site = &is->served->sites[i];

		if (!has_position(site->place))
			continue;
		is->placed_count += site->count;
		km += (double)site->count * km_to(place, site->place);
		if (site->rtts.count == 0)
			continue;
		timed += site->count;
		us +=
		    (double)site->count *
		    (double)quantile_median(site->rtts.items, site->rtts.count);
	}
	near_km = nearest_km(in, is, place);
	if (is->placed_count == 0 || timed == 0 || near_km < 0)
		return;
	km /= (double)is->placed_count;
	is->placed = true;
	is->distance_m = llround(1000 * km);
	is->nearest_m = llround(1000 * near_km);
	is->geographic_us = llround(US_PER_KM * (km - near_km));
	is->latency_us =
	    llround(us / (double)timed - 1.5 * US_PER_KM * near_km);
}

/* --- unicast --- */

/* SITE where unicast is the target NAME@SITE of a site of any; else NULL. */
static const char *
site_of_unicast(const struct catalog *c, const struct service *any,
    const struct service *unicast)
{
	const char *name = names_text(&c->names, any->target);
	const char *other = names_text(&c->names, unicast->target);
	size_t len = strlen(name);

	if (any->af != unicast->af || strncmp(name, other, len) != 0 ||
	    other[len] != '@' || other[len + 1] == '\0')
		return NULL;
	return other + len + 1;
}

/* The service of which a lane asks a unicast address the question that is
 * compared there; -1: none. */
static int32_t
anycast_of(const struct inflations *in, const struct lane *lane)
{
	const struct catalog *c = &in->run->catalog;
	const struct methods *m = &in->servings.walk.methods;

	for (int32_t i = 0; i < (int32_t)c->service_count; i++) {
		if (m->of_service[i].question == lane->question &&
		    m->of_service[i].proto == lane->proto &&
		    site_of_unicast(c, &c->services[i],
			&c->services[lane->service]) != NULL)
			return i;
	}
	return -1;
}

static void
add_unicast(
    struct inflations *in, int32_t vp, int32_t service, struct values *rtts)
{
	if (rtts->count == 0)
		return;
	if (in->unicast_count == in->unicast_room)
		in->unicast = memory_grow(
		    in->unicast, &in->unicast_room, sizeof(*in->unicast));
	quantile_sort(rtts->items, rtts->count);
	in->unicast[in->unicast_count++] = (struct unicast){ vp, service,
		quantile_median(rtts->items, rtts->count) };
	rtts->count = 0;
}

/* Lanes of a service lie together. */
static void
read_unicast_vp(struct inflations *in, const struct samples *samples)
{
	const struct catalog *c = &in->run->catalog;
	const struct lane *lane = NULL, *before;
	struct values rtts = { 0 };

	for (size_t from = 0, end; from < samples->count; from = end) {
		end = samples_lane_end(samples, from);
		before = lane;
		lane = &c->lanes[samples->items[from].lane];
		if (before != NULL && before->service != lane->service)
			add_unicast(in, before->vp, before->service, &rtts);
		if (anycast_of(in, lane) < 0)
			continue;
		for (size_t i = from; i < end; i++) {
			if (samples->items[i].rtt_us != SAMPLE_NO_RTT)
				values_add(&rtts, samples->items[i].rtt_us);
		}
	}
	if (lane != NULL)
		add_unicast(in, lane->vp, lane->service, &rtts);
	values_clear(&rtts);
}

static bool
is_unicast(const struct inflations *in, int32_t service)
{
	const struct catalog *c = &in->run->catalog;

	for (size_t i = 0; i < c->service_count; i++) {
		if (site_of_unicast(
			c, &c->services[i], &c->services[service]) != NULL)
			return true;
	}
	return false;
}

static void
read_unicast(struct inflations *in)
{
	const struct options *o = in->run->options;
	const struct catalog *c = &in->run->catalog;
	struct samples samples = { 0 };
	bool any = false;

	for (size_t i = 0; i < c->service_count; i++)
		any |= is_unicast(in, (int32_t)i);
	for (size_t i = 0; any && i < c->vp_count; i++) {
		samples_read(&in->run->sampler, &samples, (int32_t)i,
		    o->since_us, o->until_us);
		read_unicast_vp(in, &samples);
	}
	samples_clear(&samples);
}

static void
set_regret(const struct inflations *in, struct inflation *is)
{
	const struct catalog *c = &in->run->catalog;
	const struct service *any = service_of(in, is);

	for (size_t i = 0; i < in->unicast_count; i++) {
		const struct unicast *u = &in->unicast[i];
		const char *site =
		    site_of_unicast(c, any, &c->services[u->service]);

		if (u->vp != is->served->vp || site == NULL ||
		    (is->compared && u->median_us >= is->best_us))
			continue;
		is->compared = true;
		is->best_us = u->median_us;
		is->best_site = site;
		is->regret_us = is->median_us - u->median_us;
	}
}

/* --- polarisation --- */

static const char *
continent_of_vp(const struct inflations *in, const struct inflation *is)
{
	const struct place *place = place_of(in, is);

	return place == NULL
		   ? ""
		   : continent_of(in->regions,
			 names_text(&in->run->catalog.names, place->country));
}

static const char *
continent_of_site(const struct inflations *in, const struct site *site)
{
	return site == NULL ? "" : continent_of(in->regions, site->country);
}

static void
set_polarised(const struct inflations *in, struct inflation *is)
{
	const char *own = continent_of_vp(in, is);
	const char *its =
	    is->main == NULL ? "" : continent_of_site(in, is->main->place);

	if (own[0] == '\0' || its[0] == '\0')
		return;
	for (size_t i = 0; i < in->servings.offer_count; i++) {
		const struct offer *offer = &in->servings.offers[i];

		is->polarisable |= offer->service == is->served->service &&
				   continent_of_site(in, offer->place) == own;
	}
	is->polarised = is->polarisable && its != own;
}

/* The best median of anybody on a continent who is served there; -1. */
static int64_t
best_there(const struct inflations *in, const struct inflation *is)
{
	const char *own = continent_of_vp(in, is);
	int64_t best_us = -1;

	for (size_t i = 0; i < in->count; i++) {
		const struct inflation *other = &in->items[i];

		if (other->served->service == is->served->service &&
		    other->polarisable && !other->polarised &&
		    other->median_us >= 0 &&
		    continent_of_vp(in, other) == own &&
		    (best_us < 0 || other->median_us < best_us))
			best_us = other->median_us;
	}
	return best_us;
}

static void
set_severity(const struct inflations *in, struct inflation *is)
{
	int64_t best_us;

	if (!is->polarised || is->median_us < 0)
		return;
	best_us = best_there(in, is);
	is->severity_known = best_us >= 0;
	is->severity_us = is->median_us - best_us;
}

/* --- who first --- */

static void
set_priority(const struct inflations *in, struct inflation *is)
{
	int64_t us = 0;

	is->basis = "";
	if (is->compared) {
		us = is->regret_us;
		is->basis = "regret";
	} else if (is->placed) {
		us = is->latency_us;
		is->basis = "latency";
	}
	if (us > 0)
		is->priority = (double)us / 1000.0 *
			       weights_of(&in->run->weights, is->served->vp);
}

static int
compare(const void *left, const void *right)
{
	const struct inflation *a = left, *b = right;

	if (a->served->service != b->served->service)
		return a->served->service < b->served->service ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? 1 : -1;
	return (a->served->vp > b->served->vp) -
	       (a->served->vp < b->served->vp);
}

int
inflations_read(struct inflations *in, struct run *run)
{
	char error[512];

	*in = (struct inflations){ .run = run };
	in->regions = regions_read(NULL, error, sizeof(error));
	if (in->regions == NULL) {
		log_warnx("%s", error);
		return -1;
	}
	servings_read(&in->servings, run);
	read_unicast(in);
	in->items = memory_zeroed(in->servings.count, sizeof(*in->items));
	for (size_t i = 0; i < in->servings.count; i++) {
		const struct served *served = &in->servings.items[i];
		struct inflation *is = &in->items[in->count];

		if (served->rtts.count == 0 || is_unicast(in, served->service))
			continue;
		in->count++;
		is->served = served;
		is->main = served_main(served, &run->catalog);
		is->median_us = served_median_us(served);
		is->nearest_site = -1;
		is->group = group_put(&in->groups, &run->catalog,
		    (struct group_of){ run->options->by, served->vp,
			run->options->until_us - 1 });
		set_distances(in, is);
		set_regret(in, is);
		set_polarised(in, is);
	}
	for (size_t i = 0; i < in->count; i++) {
		set_severity(in, &in->items[i]);
		set_priority(in, &in->items[i]);
	}
	if (in->count > 1)
		qsort(in->items, in->count, sizeof(*in->items), compare);
	return 0;
}

void
inflations_clear(struct inflations *in)
{
	servings_clear(&in->servings);
	regions_free(in->regions);
	names_clear(&in->groups);
	free(in->unicast);
	free(in->items);
}
