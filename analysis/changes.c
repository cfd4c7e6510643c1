/*
 * Changes: where a lane left one site (or instance) for another. The time is
 * the first sight of the new one; how uncertain it is, the time since the
 * last sight of the old one, across any gap.
 */
#include <stdlib.h>
#include "analysis/edges.h"
#include "analysis/compare.h"
#include "analysis/memory.h"
#include "analysis/stays.h"

static const struct column columns[] = {
	{ "time", COLUMN_TIME },
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "vp", COLUMN_TEXT },
	{ "region", COLUMN_TEXT },
	{ "flow", COLUMN_INTEGER },
	{ "method", COLUMN_TEXT },
	{ "from_instance", COLUMN_TEXT },
	{ "from_site", COLUMN_TEXT },
	{ "to_instance", COLUMN_TEXT },
	{ "to_site", COLUMN_TEXT },
	{ "rtt_before_ms", COLUMN_MS },
	{ "rtt_after_ms", COLUMN_MS },
	{ "uncertain_s", COLUMN_SECONDS },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* By time; lanes are in the order of what they are. */
static int
compare(const void *left, const void *right)
{
	const struct stay *a = *(const struct stay *const *)left;
	const struct stay *b = *(const struct stay *const *)right;
	int order = compare_int(a->first_us, b->first_us);

	return order != 0 ? order : compare_int(a->lane, b->lane);
}

static int
write_change(struct run *run, const struct stay *new)
{
	const struct catalog *c = &run->catalog;
	const struct stay *old = new - 1;
	const struct lane *lane = &c->lanes[new->lane];
	const struct service *service = &c->services[lane->service];
	const struct vantage *vp = &c->vps[lane->vp];
	const struct place *place = catalog_place(vp, new->first_us);
	const struct cell cells[COLUMNS] = {
		cell_number(new->first_us),
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		run_region(run, place),
		cell_number(lane->flow),
		run_text(run, new->method),
		run_text(run, old->to_label),
		run_site(run, old->site),
		run_text(run, new->from_label),
		run_site(run, new->site),
		cell_number_if(old->end_rtt_us >= 0, old->end_rtt_us),
		cell_number_if(new->begin_rtt_us >= 0, new->begin_rtt_us),
		cell_number(new->first_us - old->last_us),
	};

	return report_row(&run->report, cells);
}

static int
write_changes(struct run *run, const struct stays *stays)
{
	const struct stay **changes =
	    memory_zeroed(stays->count, sizeof(const struct stay *));
	size_t count = 0;
	int status;

	for (size_t i = 0; i < stays->count; i++) {
		if (stays_is_change(stays, i, run->options->since_us))
			changes[count++] = &stays->items[i];
	}
	if (count > 1)
		qsort(changes, count, sizeof(const struct stay *), compare);
	status = report_begin(&run->report, columns, COLUMNS);
	for (size_t i = 0; status == 0 && i < count; i++)
		status = write_change(run, changes[i]);
	if (report_end(&run->report) == -1)
		status = -1;
	free(changes);
	return status;
}

int
changes_report(struct run *run)
{
	struct walk walk;
	struct edges edges;
	struct stays stays;
	int status;

	walk_init(&walk, run);
	edges_init(&edges, &(struct edges_window){ run, &walk.methods,
			       &walk.historian, walk.wanted });
	walk.edges = &edges;
	stays_read(&stays, &walk);
	edges_clear(&edges);
	status = write_changes(run, &stays);
	stays_clear(&stays);
	walk_clear(&walk);
	return status;
}
