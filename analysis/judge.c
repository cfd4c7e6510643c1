#include "analysis/judge.h"

#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/places.h"

static void
read_catalog(struct judge *judge, const struct judge_of *of)
{
	static const struct names all;
	const struct catalog_filter filter = {
		.targets = &all,
		.vps = &all,
		.questions = &all,
	};
	const struct options *o = of->options;

	if (of->catalog != NULL && of->catalog->whole) {
		judge->catalog = of->catalog;
		return;
	}
	judge->catalog = &judge->own;
	catalog_read(&judge->own, of->query, &filter, of->map);
	places_fill(&judge->own, of->query,
	    &(struct places_sources){ of->geo, o->regions });
	judge->own.map_us = o->until_us - 1;
}

void
judge_init(struct judge *judge, const struct judge_of *of)
{
	const struct options *o = of->options;
	struct sampler sampler;

	*judge = (struct judge){ .plausible = of->plausible };
	read_catalog(judge, of);
	sampler_init(&sampler, of->query, judge->catalog);
	interception_read(&judge->interception, judge->catalog,
	    &(struct interception_window){
		.query = of->query,
		.sampler = &sampler,
		.since_us = o->since_us,
		.until_us = o->until_us,
	    });
	if (of->plausible)
		plausibility_read(&judge->plausibility, judge->catalog,
		    &(struct plausibility_window){
			.sampler = &sampler,
			.since_us = o->since_us,
			.until_us = o->until_us,
			.guesses = of->guesses,
		    });
	sampler_clear(&sampler);
}

void
judge_clear(struct judge *judge)
{
	if (judge->plausible)
		plausibility_clear(&judge->plausibility);
	interception_clear(&judge->interception);
	if (judge->catalog == &judge->own)
		catalog_clear(&judge->own);
	free(judge->own_lane);
	free(judge->doubts);
}

void
judge_attach(struct judge *judge, struct catalog *c)
{
	const struct catalog *own = judge->catalog;
	uint8_t *doubts = memory_zeroed(own->lane_count, sizeof(*doubts));

	interception_doubts(&judge->interception, doubts);
	judge->own_lane =
	    memory_zeroed(c->lane_count, sizeof(*judge->own_lane));
	judge->doubts = memory_zeroed(c->lane_count, sizeof(*judge->doubts));
	for (size_t i = 0; i < c->lane_count; i++) {
		int32_t lane = catalog_lane(own, c->lanes[i].id);

		judge->own_lane[i] = lane;
		if (lane < 0)
			continue;
		judge->doubts[i] = doubts[lane];
		if (judge->plausible)
			judge->doubts[i] |= DOUBT_LIGHT;
	}
	free(doubts);
	c->judge = judge;
}

static enum verdict
verdict_of(struct judge *judge, const struct sample *s, uint8_t doubts)
{
	const struct lane *lane = &judge->catalog->lanes[s->lane];
	struct proof proof;

	if ((doubts & ~DOUBT_LIGHT) != 0 &&
	    interception_marks(&judge->interception, s))
		return VERDICT_INTERCEPTED;
	if (!judge->plausible)
		return VERDICT_NONE;
	if (judge->plausibility.misplaced[lane->vp])
		return VERDICT_MISPLACED;
	if (plausibility_refutes(&judge->plausibility.claims, s, &proof) &&
	    !proof.claim->guess)
		return VERDICT_IMPOSSIBLE;
	return VERDICT_NONE;
}

void
judge_sample_closely(const struct catalog *c, struct sample *sample)
{
	struct sample own = *sample;

	own.lane = c->judge->own_lane[sample->lane];
	sample->verdict =
	    (uint8_t)verdict_of(c->judge, &own, c->judge->doubts[sample->lane]);
	if (sample->verdict != VERDICT_NONE)
		sample->instance = -1;
	if (sample->verdict == VERDICT_INTERCEPTED)
		sample->rtt_us = SAMPLE_NO_RTT;
}

bool
judge_marks_name(const struct catalog *c, int32_t lane, int32_t instance)
{
	const struct judge *judge = c->judge;

	return judge != NULL && (judge->doubts[lane] & DOUBT_NAME) != 0 &&
	       interception_marks_name(
		   &judge->interception, judge->own_lane[lane], instance);
}

bool
judge_doubts(const struct catalog *c, int32_t vp)
{
	const struct vantage *v = &c->vps[vp];

	for (size_t i = 0; c->judge != NULL && i < v->lane_count; i++) {
		if (c->judge->doubts[v->lanes[i]] != 0)
			return true;
	}
	return false;
}

bool
judge_asks_names_only(const struct catalog *c, int32_t lane)
{
	return c->judge == NULL || (c->judge->doubts[lane] & ~DOUBT_NAME) == 0;
}

bool
judge_has_songs(const struct catalog *c, int32_t vp)
{
	const struct vantage *v = &c->vps[vp];

	return c->judge != NULL && v->lane_count > 0 &&
	       (c->judge->doubts[v->lanes[0]] & DOUBT_CANARY) != 0;
}

const struct suspect *
judge_suspect(const struct catalog *c, int32_t vp)
{
	const struct judge *judge = c->judge;

	if (judge == NULL || !judge->plausible)
		return NULL;
	for (size_t i = 0; i < judge->plausibility.suspect_count; i++) {
		const struct suspect *s = &judge->plausibility.suspects[i];

		if (s->vp >= 0 &&
		    judge->catalog->vps[s->vp].id == c->vps[vp].id)
			return s;
	}
	return NULL;
}

size_t
judge_intercepted(const struct judge *judge, int64_t since_us)
{
	const struct interception *in = &judge->interception;
	size_t vps = judge->catalog->vp_count, count = 0;
	bool *marked = memory_zeroed(vps, sizeof(*marked));

	for (size_t i = 0; i < in->count; i++) {
		if (in->sights[i].evidence != NULL &&
		    in->sights[i].last_us >= since_us)
			marked[in->sights[i].vp] = true;
	}
	for (size_t i = 0; i < in->song_count; i++) {
		if (in->songs[i].answered && in->songs[i].t_us >= since_us)
			marked[in->songs[i].vp] = true;
	}
	for (size_t i = 0; i < vps; i++)
		count += marked[i];
	free(marked);
	return count;
}
