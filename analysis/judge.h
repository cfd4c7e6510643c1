/*
 * What is known against samples, from all of the store: the filters of a
 * report say what is shown, not who may give evidence.
 */
#ifndef ANALYSIS_JUDGE_H
#define ANALYSIS_JUDGE_H

#include "analysis/catalog.h"
#include "analysis/options.h"
#include "analysis/plausibility.h"
#include "analysis/query.h"
#include "analysis/samples.h"

struct judge {
	struct catalog catalog; /* without filter */
	struct sampler sampler;
	struct plausibility plausibility;
};

/* Over the window of the options; the map is borrowed and may be NULL. */
void judge_init(struct judge *, struct query *, const struct options *,
    const struct site_map *);
void judge_clear(struct judge *);

#endif
