#include "analysis/pictures.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/bars.h"
#include "analysis/memory.h"
#include "analysis/trends.h"

struct pictures {
	bool blocks;
	struct trends *trends;
};

static void
draw_share(const struct report *report, const struct cell *cells,
    char out[REPORT_PICTURE])
{
	const struct run *run = report->owner;

	const size_t i = report_column(report, "share_pct");

	if (i < report->count && cells[i].known)
		bars_share(
		    out, (double)cells[i].value / 10000, run->pictures->blocks);
}

static void
draw_trend(const struct report *report, const struct cell *cells,
    char out[REPORT_PICTURE])
{
	const struct pictures *p =
	    ((const struct run *)report->owner)->pictures;

	trends_draw(p->trends, report, cells, p->blocks, out);
}

void
pictures_choose(struct run *run)
{
	const struct options *o = run->options;
	const char *name = run->report.name;
	struct pictures *p = memory_zeroed(1, sizeof(*p));

	run->pictures = p;
	p->blocks = bars_are_blocks();
	if (strcmp(name, "sites") == 0 ||
	    (strcmp(name, "catchment") == 0 && o->by != BY_DEFAULT)) {
		run->report.draw = draw_share;
		run->report.drawn = "share";
	} else if (strcmp(name, "latency") == 0 && o->step_us == 0 &&
		   !o->per_vp) {
		p->trends = trends_read(run);
		run->report.draw = draw_trend;
		run->report.drawn = "p50 over time";
	}
}

void
pictures_clear(struct run *run)
{
	if (run->pictures != NULL)
		trends_free(run->pictures->trends);
	free(run->pictures);
	run->pictures = NULL;
}
