#include "analysis/judge.h"

void
judge_init(struct judge *judge, struct query *q, const struct options *o,
    const struct site_map *map)
{
	static const struct names all;
	const struct catalog_filter filter = {
		.targets = &all,
		.vps = &all,
		.questions = &all,
	};

	catalog_read(&judge->catalog, q, &filter, map);
	judge->catalog.map_us = o->until_us - 1;
	sampler_init(&judge->sampler, q, &judge->catalog);
	plausibility_read(&judge->plausibility, &judge->catalog,
	    &(struct plausibility_window){
		.sampler = &judge->sampler,
		.since_us = o->since_us,
		.until_us = o->until_us,
	    });
}

void
judge_clear(struct judge *judge)
{
	plausibility_clear(&judge->plausibility);
	sampler_clear(&judge->sampler);
	catalog_clear(&judge->catalog);
}
