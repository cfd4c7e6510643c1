/*
 * A run's histogram says how long the quickest of its answers took, to 1 %.
 * Where even that is enough for light, nothing of the run is impossible; where
 * all runs of a target are such, its samples need not be read at all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/plausibility.h"
#include "analysis/run_hours.h"
#include "lib/histogram.h"

/* What a lane's name at hand needs at least. */
struct need {
	int32_t instance;
	const struct claim *claim; /* NULL: it proves nothing */
	int64_t least_us;
};

struct screening {
	struct screen *screen;
	struct plausibility *p;
	bool guesses;
	struct need *needs;                  /* by lane */
	bool *targets;                       /* by service; all of a target's */
	int64_t quickest[HISTOGRAM_BUCKETS]; /* no time of the bucket is less */
};

/* Whether a claim can prove anything that is wanted. */
static bool
counts(const struct screening *s, const struct claim *claim)
{
	return claim->placed && (s->guesses || !claim->guess);
}

static void
see(struct screening *s, int32_t lane, const struct claim *claim, bool suspect)
{
	const struct claim **seen = &s->screen->seen[lane];

	/* Of a vantage point it is counted where it saw what is no guess. */
	if (*seen == NULL || (*seen)->guess)
		*seen = claim;
	if (suspect)
		s->targets[s->p->catalog->lanes[lane].service] = true;
}

/* Of a vantage point that never moved, so a sample at any time will do. */
static void
find_need(struct screening *s, const struct run_row *run)
{
	struct need *need = &s->needs[run->lane];
	const struct sample sample = {
		.t_us = run->first_us,
		.lane = run->lane,
		.instance = run->instance,
	};
	struct proof proof;

	*need = (struct need){ .instance = run->instance };
	if (s->p->catalog->instances[run->instance].method < 0 ||
	    !plausibility_measure(&s->p->claims, &sample, &proof) ||
	    !counts(s, proof.claim))
		return;
	need->claim = proof.claim;
	need->least_us = proof.least_us;
}

static void
add_run(void *context, const struct run_row *run)
{
	struct screening *s = context;
	struct need *need = &s->needs[run->lane];
	struct histogram_kept kept = { .bytes = run->hist,
		.len = run->hist_len };

	if (run->lost || run->instance < 0 || histogram_kept_next(&kept) != 1)
		return;
	if (need->instance != run->instance)
		find_need(s, run);
	if (need->claim != NULL)
		see(s, run->lane, need->claim,
		    kept.bucket >= HISTOGRAM_BUCKETS ||
			s->quickest[kept.bucket] < need->least_us);
}

/* Hours that are not read from runs. */
static void
add_samples(struct screening *s, const struct plausibility_window *w,
    int32_t vp, const int64_t window_us[2])
{
	struct samples samples = { 0 };
	struct proof proof;

	if (window_us[0] < window_us[1])
		samples_read(
		    w->sampler, &samples, vp, window_us[0], window_us[1]);
	for (size_t i = 0; i < samples.count; i++) {
		if (plausibility_measure(
			&s->p->claims, &samples.items[i], &proof) &&
		    counts(s, proof.claim))
			see(s, proof.lane, proof.claim,
			    proof.rtt_us < proof.least_us);
	}
	samples_clear(&samples);
}

static void
read_hours(struct screening *s, const struct plausibility_window *w)
{
	const struct catalog *c = s->p->catalog;
	struct run_hours hours;
	int64_t from_us, to_us;

	run_hours_init(&hours, w->sampler->query, c,
	    (const int64_t[2]){ w->since_us, w->until_us });
	for (size_t i = 0; i < c->vp_count; i++) {
		if (!plausibility_has_position(&c->vps[i]) ||
		    c->vps[i].place_count > 1)
			hours.end_hour[i] = hours.from_hour;
		if (!plausibility_has_position(&c->vps[i]))
			continue;
		if (!run_hours_cover(&hours, (int32_t)i, &from_us, &to_us))
			from_us = to_us = w->until_us;
		add_samples(s, w, (int32_t)i,
		    (const int64_t[2]){ w->since_us, from_us });
		add_samples(
		    s, w, (int32_t)i, (const int64_t[2]){ to_us, w->until_us });
	}
	run_hours_read(&hours, add_run, s);
	run_hours_clear(&hours);
}

/* Services of a target lie together. */
static void
choose_lanes(struct screening *s)
{
	const struct catalog *c = s->p->catalog;
	struct screen *screen = s->screen;

	for (size_t i = 1; i < c->service_count; i++)
		s->targets[i] |=
		    c->services[i].target == c->services[i - 1].target &&
		    s->targets[i - 1];
	for (size_t i = c->service_count; i-- > 1;)
		s->targets[i - 1] |=
		    c->services[i].target == c->services[i - 1].target &&
		    s->targets[i];
	for (size_t i = 0; i < c->lane_count; i++) {
		screen->wanted[i] =
		    screen->seen[i] != NULL && s->targets[c->lanes[i].service];
		screen->any |= screen->wanted[i];
	}
}

void
screen_read(struct screen *screen, struct plausibility *p,
    const struct plausibility_window *w)
{
	const struct catalog *c = p->catalog;
	struct screening *s;

	*screen = (struct screen){ .any = true };
	if (!run_hours_many(w->sampler->query, w->since_us, w->until_us))
		return;
	*screen = (struct screen){
		.wanted = memory_zeroed(c->lane_count, sizeof(bool)),
		.seen = memory_zeroed(c->lane_count, sizeof(*screen->seen)),
	};
	s = memory_zeroed(1, sizeof(*s));
	*s = (struct screening){
		.screen = screen,
		.p = p,
		.guesses = w->guesses,
		.needs = memory_zeroed(c->lane_count, sizeof(*s->needs)),
		.targets = memory_zeroed(c->service_count, sizeof(bool)),
	};
	for (size_t i = 0; i < c->lane_count; i++)
		s->needs[i].instance = -1;
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		s->quickest[b] = (int64_t)floor(pow(1.02, b)) - 1;
	read_hours(s, w);
	choose_lanes(s);
	free(s->needs);
	free(s->targets);
	free(s);
}

void
screen_clear(struct screen *screen)
{
	free(screen->wanted);
	free(screen->seen);
	*screen = (struct screen){ 0 };
}
