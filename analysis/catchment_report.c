/*
 * The report of the catchment: at a time, or once a step.
 */
#include <stdlib.h>
#include "analysis/catchment.h"

static const struct column columns[] = {
	{ "time", COLUMN_TIME }, /* of --step alone */
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "vp", COLUMN_TEXT },
	{ "region", COLUMN_TEXT },
	{ "country", COLUMN_TEXT },
	{ "asn", COLUMN_INTEGER },
	{ "flow", COLUMN_INTEGER },
	{ "instance", COLUMN_TEXT },
	{ "site", COLUMN_TEXT },
	{ "method", COLUMN_TEXT },
	{ "state", COLUMN_TEXT },
	{ "since", COLUMN_TIME },
	{ "last_seen", COLUMN_TIME },
	{ "samples", COLUMN_INTEGER },
	{ "rtt_p50_ms", COLUMN_MS },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int
write_row(struct catchment *c, const struct catchment_row *row)
{
	struct run *run = c->run;
	const struct service *service = &run->catalog.services[row->service];
	const struct vantage *vp = &run->catalog.vps[row->vp];
	const struct place *place = catalog_place(vp, c->until_us - 1);
	const struct cell cells[COLUMNS] = {
		cell_number(c->since_us),
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		run_region(run, place),
		run_country(run, place),
		run_asn(place),
		cell_number_if(row->flow >= 0, row->flow),
		run_text(run, row->label),
		run_site(run, row->site),
		run_text(run, c->methods->of_service[row->service].method),
		cell_text(catchment_state_name(row->state)),
		cell_number_if(row->since_us >= 0, row->since_us),
		cell_number_if(row->last_seen_us >= 0, row->last_seen_us),
		cell_number((int64_t)row->samples),
		cell_number_if(row->median_us >= 0, row->median_us),
	};

	return report_row(&run->report, cells + (run->options->step_us == 0));
}

static int
write_rows(struct catchment *c)
{
	int status = 0;

	if (c->run->options->by != BY_DEFAULT)
		return catchment_write_shares(c);
	for (size_t i = 0; status == 0 && i < c->count; i++)
		status = write_row(c, &c->rows[i]);
	return status;
}

/* Steps are compared with one another: the methods are those of all. */
static int
write_steps(struct catchment *c)
{
	int64_t since_us, until_us;
	int status = 0;

	catchment_hold(c);
	for (size_t k = 0; status == 0 && options_step(c->run->options, k,
					      &since_us, &until_us);
	     k++) {
		catchment_read(c, since_us, until_us);
		status = write_rows(c);
	}
	return status;
}

int
catchment_report(struct run *run)
{
	const struct options *o = run->options;
	size_t first = o->step_us == 0, count = COLUMNS;
	const struct column *shown = columns;
	struct column shares[SHARE_COLUMNS];
	struct methods methods;
	struct catchment c;
	int status;

	if (o->by != BY_DEFAULT) {
		count = catchment_share_columns(shares, run);
		shown = shares;
	}
	methods_choose(
	    &methods, &run->catalog, run->query, o->since_us, o->until_us);
	catchment_init(&c, run, &methods);
	status = report_begin(&run->report, shown + first, count - first);
	if (status == 0)
		status = write_steps(&c);
	if (report_end(&run->report) == -1)
		status = -1;
	catchment_clear(&c);
	methods_clear(&methods);
	return status;
}
