#include "analysis/plausibility.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/times.h"

void
claims_init(struct claims *claims, const struct catalog *catalog)
{
	claims->catalog = catalog;
	claims->of_service =
	    memory_zeroed(catalog->service_count, sizeof(*claims->of_service));
}

void
claims_clear(struct claims *claims)
{
	const struct catalog *c = claims->catalog;

	for (size_t i = 0; c != NULL && i < c->service_count; i++) {
		struct claim **of = claims->of_service[i];

		for (size_t k = 0; of != NULL && k < c->instance_count; k++)
			free(of[k]);
		free(of);
	}
	free(claims->of_service);
	*claims = (struct claims){ 0 };
}

static void
ask_map(const struct catalog *c, struct claim *claim, int32_t service,
    int32_t instance)
{
	const struct site_name name = {
		.service = names_text(&c->names, c->services[service].target),
		.instance = names_text(&c->names, c->instances[instance].text),
		.time_us = c->map_us,
	};

	claim->known = site_map_find_at(c->map, &name, &claim->site);
	if (!claim->known)
		return;
	claim->guess = strncmp(claim->site.rule, "hint:", 5) == 0;
	claim->placed = claim->site.has_position;
}

static struct claim *
find_claim(struct claims *claims, int32_t service, int32_t instance)
{
	const struct catalog *c = claims->catalog;
	struct claim **of = claims->of_service[service];

	if (of == NULL) {
		of = memory_zeroed(c->instance_count, sizeof(struct claim *));
		claims->of_service[service] = of;
	}
	if (of[instance] == NULL) {
		of[instance] = memory_zeroed(1, sizeof(**of));
		ask_map(c, of[instance], service, instance);
	}
	return of[instance];
}

const struct claim *
claims_find(struct claims *claims, int32_t service, int32_t instance)
{
	return find_claim(claims, service, instance);
}

int64_t
plausibility_least_us(double km)
{
	double far_km = SPHERE_AT_LEAST * km - PLAUSIBILITY_MARGIN_KM;

	return far_km > 0 ? (int64_t)ceil(2e6 * far_km / SPHERE_FIBRE_KM_S) : 0;
}

/* One vantage point after the other asks for the same. */
static double
km_from(struct claim *claim, struct sphere_point from)
{
	if (!claim->measured || claim->from.lat != from.lat ||
	    claim->from.lon != from.lon) {
		claim->km = sphere_km(from,
		    (struct sphere_point){ claim->site.lat, claim->site.lon });
		claim->from = from;
		claim->measured = true;
	}
	return claim->km;
}

bool
plausibility_measure(
    struct claims *claims, const struct sample *s, struct proof *p)
{
	const struct catalog *c = claims->catalog;
	const struct lane *lane = &c->lanes[s->lane];
	const struct place *place = catalog_place(&c->vps[lane->vp], s->t_us);
	struct claim *claim;

	if (s->instance < 0 || s->rtt_us == SAMPLE_NO_RTT || place == NULL ||
	    !place->has_position)
		return false;
	claim = find_claim(claims, lane->service, s->instance);
	if (!claim->placed)
		return false;
	p->claim = claim;
	p->lane = s->lane;
	p->instance = s->instance;
	p->t_us = s->t_us;
	p->rtt_us = s->rtt_us;
	p->vp = (struct sphere_point){ place->lat, place->lon };
	p->km = km_from(claim, p->vp);
	p->reach_km = sphere_reach_km(s->rtt_us);
	p->least_us = plausibility_least_us(p->km);
	return true;
}

bool
plausibility_refutes(
    struct claims *claims, const struct sample *sample, struct proof *proof)
{
	struct proof p;

	if (!plausibility_measure(claims, sample, &p) || p.rtt_us >= p.least_us)
		return false;
	*proof = p;
	return true;
}

static void
add_proof(struct plausibility *p, const struct proof *proof)
{
	if (p->count == p->room)
		p->proofs =
		    memory_grow(p->proofs, &p->room, sizeof(*p->proofs));
	p->proofs[p->count++] = *proof;
}

/* The name that a lane gives again and again. */
struct same {
	int32_t lane, instance;
	int64_t enough_us; /* a round trip of so much says nothing new */
};

/* Where a vantage point never moved, a longer round trip than is possible and
 * was seen already makes no disc smaller. */
static void
remember(
    struct same *same, const struct plausibility *p, const struct proof *proof)
{
	const struct lane *lane = &p->catalog->lanes[proof->lane];
	const int64_t enough_us =
	    proof->rtt_us > proof->least_us ? proof->rtt_us : proof->least_us;

	if (p->catalog->vps[lane->vp].place_count == 1)
		*same =
		    (struct same){ proof->lane, proof->instance, enough_us };
}

static void
read_sample(struct plausibility *p, struct views *views, struct same *same,
    const struct sample *sample)
{
	const struct lane *lane = &p->catalog->lanes[sample->lane];
	struct proof proof;
	struct view view = { .vp = lane->vp };

	if (sample->lane == same->lane && sample->instance == same->instance &&
	    sample->rtt_us >= same->enough_us)
		return;
	if (!plausibility_measure(&p->claims, sample, &proof))
		return;
	remember(same, p, &proof);
	view.target = p->catalog->services[lane->service].target;
	view.claim = proof.claim;
	view.disc.centre = proof.vp;
	view.disc.km =
	    (proof.reach_km + PLAUSIBILITY_MARGIN_KM) / SPHERE_AT_LEAST;
	view.violated = proof.rtt_us < proof.least_us;
	view.worst = proof;
	views_add(views, &view);
	if (view.violated && !proof.claim->guess)
		add_proof(p, &proof);
}

bool
plausibility_has_position(const struct vantage *vp)
{
	for (size_t i = 0; i < vp->place_count; i++) {
		if (vp->places[i].has_position)
			return true;
	}
	return false;
}

/* What was seen at a target of which nothing can be impossible: that it was
 * seen is all that counts. */
static void
add_seen(struct plausibility *p, struct views *views,
    const struct screen *screen, int32_t vp)
{
	const struct catalog *c = p->catalog;
	const struct vantage *v = &c->vps[vp];

	for (size_t i = 0; screen->seen != NULL && i < v->lane_count; i++) {
		const int32_t lane = v->lanes[i];

		if (screen->seen[lane] != NULL && !screen->wanted[lane])
			views_add(views,
			    &(struct view){
				.vp = vp,
				.target =
				    c->services[c->lanes[lane].service].target,
				.claim = screen->seen[lane],
			    });
	}
}

/* What is read at once of a vantage point. */
struct reading {
	const struct plausibility_window *window;
	const struct screen *screen;
	bool *raw; /* by lane: of hours that blocks tell of, too */
	struct samples samples, part;
};

static void
add_window(struct reading *r, int32_t vp, const bool *lanes,
    const int64_t window_us[2])
{
	struct sampler *sampler = r->window->sampler;

	if (window_us[0] >= window_us[1])
		return;
	sampler->wanted = lanes;
	samples_read(sampler, &r->part, vp, window_us[0], window_us[1]);
	sampler->wanted = NULL;
	for (size_t i = 0; i < r->part.count; i++) {
		if (lanes == NULL || lanes[r->part.items[i].lane])
			samples_add(&r->samples, &r->part.items[i]);
	}
}

/* Whole hours: the quickest answers, or all where those do not tell. */
static void
add_hours(struct reading *r, const struct catalog *c, int32_t vp,
    const int64_t window_us[2])
{
	const struct vantage *v = &c->vps[vp];
	const struct screen *screen = r->screen;
	bool any = false;

	for (size_t i = 0; i < v->lane_count; i++) {
		const int32_t lane = v->lanes[i];

		if (screen->told[lane])
			continue;
		r->raw[lane] = screen->wanted[lane];
		any |= r->raw[lane];
	}
	if (any)
		add_window(r, vp, r->raw, window_us);
	for (size_t i = 0; i < v->lane_count; i++) {
		const int32_t lane = v->lanes[i];
		const struct screen_part *part = &screen->of_lane[lane];

		for (size_t k = part->from;
		     screen->told[lane] && screen->wanted[lane] &&
		     k < part->end;
		     k++)
			samples_add(&r->samples, &screen->least.items[k]);
	}
}

/* By lane, and in each in the order of time. */
static void
read_vp(struct reading *r, const struct catalog *c, int32_t vp)
{
	const struct plausibility_window *w = r->window;
	const struct screen *screen = r->screen;
	int64_t around_us[2];

	r->samples.count = 0;
	if (screen->wanted == NULL) {
		samples_read(
		    w->sampler, &r->samples, vp, w->since_us, w->until_us);
		return;
	}
	screen_around(screen, w, vp, around_us);
	add_window(r, vp, screen->wanted,
	    (const int64_t[2]){ w->since_us, around_us[0] });
	if (around_us[0] < around_us[1])
		add_hours(r, c, vp, around_us);
	add_window(r, vp, screen->wanted,
	    (const int64_t[2]){ around_us[1], w->until_us });
	samples_by_lane(w->sampler, &r->samples, vp);
}

/* Of a sample that stands for its hour: the first that is as bad. */
static void
find_time(struct plausibility *p, struct reading *r, struct proof *worst)
{
	const struct lane *lane = &p->catalog->lanes[worst->lane];
	const struct proof bad = *worst;
	struct proof proof;

	r->raw[worst->lane] = true;
	r->samples.count = 0;
	add_window(r, lane->vp, r->raw,
	    (const int64_t[2]){ bad.t_us, bad.t_us + HOUR_US });
	r->raw[worst->lane] = false;
	for (size_t i = 0; i < r->samples.count; i++) {
		if (plausibility_measure(
			&p->claims, &r->samples.items[i], &proof) &&
		    proof.rtt_us == bad.rtt_us && proof.km == bad.km) {
			*worst = proof;
			return;
		}
	}
}

static void
read_vps(struct plausibility *p, const struct plausibility_window *window,
    const struct screen *screen)
{
	const struct catalog *c = p->catalog;
	struct reading r = { .window = window, .screen = screen };
	struct views views = { 0 };
	struct same same = { .lane = -1 };

	r.raw = memory_zeroed(c->lane_count, sizeof(*r.raw));
	for (size_t i = 0; i < c->vp_count; i++) {
		if (!plausibility_has_position(&c->vps[i]))
			continue;
		read_vp(&r, c, (int32_t)i);
		views.vp_first = views.count;
		for (size_t k = 0; k < r.samples.count; k++)
			read_sample(p, &views, &same, &r.samples.items[k]);
		add_seen(p, &views, screen, (int32_t)i);
	}
	views_blame(&views, p);
	for (size_t i = 0; i < c->lane_count; i++)
		r.raw[i] = false;
	for (size_t i = 0; i < p->suspect_count; i++) {
		struct proof *worst = &p->suspects[i].worst;

		if (screen->told != NULL && screen->told[worst->lane] &&
		    worst->t_us % HOUR_US == 0)
			find_time(p, &r, worst);
	}
	samples_clear(&r.samples);
	samples_clear(&r.part);
	free(r.raw);
	free(views.items);
}

void
plausibility_read(struct plausibility *p, const struct catalog *catalog,
    const struct plausibility_window *window)
{
	struct screen screen;

	*p = (struct plausibility){ .catalog = catalog };
	p->misplaced = memory_zeroed(catalog->vp_count, sizeof(*p->misplaced));
	claims_init(&p->claims, catalog);
	screen_read(&screen, p, window);
	if (screen.any)
		read_vps(p, window, &screen);
	screen_clear(&screen);
}

void
plausibility_clear(struct plausibility *p)
{
	for (size_t i = 0; i < p->suspect_count; i++)
		free(p->suspects[i].targets);
	free(p->suspects);
	free(p->proofs);
	free(p->misplaced);
	claims_clear(&p->claims);
	*p = (struct plausibility){ 0 };
}
