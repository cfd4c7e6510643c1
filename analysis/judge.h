/*
 * What is known against answers, from all of the store: the filters of a
 * report say what is shown, not who may give evidence.
 */
#ifndef ANALYSIS_JUDGE_H
#define ANALYSIS_JUDGE_H

#include "analysis/catalog.h"
#include "analysis/interception.h"
#include "analysis/options.h"
#include "analysis/plausibility.h"
#include "analysis/query.h"
#include "analysis/samples.h"

enum verdict {
	VERDICT_NONE,
	VERDICT_INTERCEPTED, /* somebody else answered */
	VERDICT_IMPOSSIBLE,  /* not from the site that the name claims */
	VERDICT_MISPLACED,   /* the vantage point is not where it says */
};

/* What there is against a lane, worked out once: nearly always nothing. */
enum doubt {
	DOUBT_NAME = 1,   /* against a name that it saw */
	DOUBT_CANARY = 2, /* a canary answered its vantage point */
	DOUBT_LIGHT = 4,  /* light is to be asked */
};

struct judge {
	const struct catalog *catalog; /* without filter */
	struct catalog own;            /* unless it is borrowed */
	struct interception interception;
	bool plausible; /* the rest is there */
	struct plausibility plausibility;
	/* Of the catalog that is judged: */
	int32_t *own_lane; /* in the judge's catalog */
	uint8_t *doubts;   /* enum doubt, by lane */
};

/* Over the window of the options; plausible: light is asked, too, which takes
 * another reading of all samples. The map is borrowed and may be NULL. */
struct judge_of {
	struct query *query;
	const struct options *options;
	const struct site_map *map;
	struct geo *geo; /* networks of vantage points; NULL: as said */
	/* Of that query and map, with places filled in; borrowed, and used
	 * where it was read without a filter. NULL: another is read. */
	const struct catalog *catalog;
	bool plausible;
	bool guesses; /* of it: sites that were a guess, too */
};
void judge_init(struct judge *, const struct judge_of *);
void judge_clear(struct judge *);

/* From now on what is read of a catalog is judged; until judge_clear. */
void judge_attach(struct judge *, struct catalog *);

/* By the catalog's judge, of an answered sample of that catalog with instance
 * set: set said and verdict; if there is one, the instance is then -1, and
 * somebody else's round trip is none. */
void judge_sample_closely(const struct catalog *, struct sample *);

static inline void
judge_sample(const struct catalog *c, struct sample *sample)
{
	sample->said = sample->instance;
	sample->verdict = VERDICT_NONE;
	if (c->judge != NULL && sample_answered(sample) &&
	    c->judge->doubts[sample->lane] != 0)
		judge_sample_closely(c, sample);
}

/* Whether it was somebody else who gave this name in this lane (indexes). */
bool judge_marks_name(const struct catalog *, int32_t lane, int32_t instance);

/* Whether there is anything against a vantage point's answers (index), so that
 * they have to be judged one by one. */
bool judge_doubts(const struct catalog *, int32_t vp);

/* Whether there is nothing against what a lane says but such names. */
bool judge_asks_names_only(const struct catalog *, int32_t lane);

/* Whether a canary answered a vantage point (index): then it takes a time to
 * judge its answers. */
bool judge_has_songs(const struct catalog *, int32_t vp);

/* What is said of a vantage point (index) that is not where it says; NULL:
 * nothing. */
const struct suspect *judge_suspect(const struct catalog *, int32_t vp);

/* How many vantage points somebody else answered in the window. */
size_t judge_intercepted(const struct judge *, int64_t since_us);

#endif
