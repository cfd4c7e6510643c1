/*
 * The report of inflation: who to fix first, or with --by the figures of
 * groups of vantage points.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/groups.h"
#include "analysis/inflation.h"

#define GROUP_COLUMN 3
#define SEVERE_US 100000 /* FIELD.md F11 */

static const struct column columns[] = {
	{ "target", COLUMN_TEXT }, { "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER }, { "vp", COLUMN_TEXT },
	{ "region", COLUMN_TEXT }, { "country", COLUMN_TEXT },
	{ "asn", COLUMN_INTEGER }, { "site", COLUMN_TEXT },
	{ "samples", COLUMN_INTEGER }, { "rtt_p50_ms", COLUMN_MS },
	{ "distance_km", COLUMN_KM }, { "nearest_site", COLUMN_TEXT },
	{ "nearest_km", COLUMN_KM }, { "geographic_ms", COLUMN_MS },
	{ "latency_ms", COLUMN_MS }, { "best_site", COLUMN_TEXT },
	{ "best_ms", COLUMN_MS }, { "regret_ms", COLUMN_MS },
	{ "polarised", COLUMN_FLAG }, { "severity_ms", COLUMN_MS },
	{ "placed_pct", COLUMN_PERCENT }, { "priority", COLUMN_COUNT },
	{ "basis", COLUMN_TEXT },
	{ "weight", COLUMN_COUNT }, /* of --weights alone */
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const struct column group_columns[] = {
	{ "target", COLUMN_TEXT }, { "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER }, { "", COLUMN_TEXT }, /* what --by says */
	{ "vantage_points", COLUMN_INTEGER }, { "placed", COLUMN_INTEGER },
	{ "geographic_p50_ms", COLUMN_MS }, { "geographic_p95_ms", COLUMN_MS },
	{ "latency_p50_ms", COLUMN_MS }, { "latency_p95_ms", COLUMN_MS },
	{ "compared", COLUMN_INTEGER }, { "regret_p50_ms", COLUMN_MS },
	{ "regret_p95_ms", COLUMN_MS }, { "polarisable", COLUMN_INTEGER },
	{ "polarised", COLUMN_INTEGER }, { "polarised_pct", COLUMN_PERCENT },
	{ "severe", COLUMN_INTEGER }, { "severity_p50_ms", COLUMN_MS },
	{ "priority", COLUMN_COUNT },
	{ "weight_polarised_pct", COLUMN_PERCENT }, /* of --weights alone */
};
#define GROUP_COLUMNS (sizeof(group_columns) / sizeof(group_columns[0]))

static int
write_one(struct inflations *in, const struct inflation *is)
{
	struct run *run = in->run;
	const struct catalog *c = &run->catalog;
	const struct service *service = &c->services[is->served->service];
	const struct vantage *vp = &c->vps[is->served->vp];
	const struct place *place =
	    catalog_place(vp, run->options->until_us - 1);
	double weight = weights_of(&run->weights, is->served->vp);
	const struct cell cells[COLUMNS] = {
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		run_region(run, place),
		run_country(run, place),
		run_asn(place),
		run_site(run, is->main == NULL ? -1 : is->main->site),
		cell_number((int64_t)is->served->rtts.count),
		cell_number_if(is->median_us >= 0, is->median_us),
		cell_number_if(is->placed, is->distance_m),
		run_site(run, is->placed ? is->nearest_site : -1),
		cell_number_if(is->placed, is->nearest_m),
		cell_number_if(is->placed, is->geographic_us),
		cell_number_if(is->placed, is->latency_us),
		cell_text(is->best_site),
		cell_number_if(is->compared, is->best_us),
		cell_number_if(is->compared, is->regret_us),
		cell_number_if(is->polarisable, is->polarised),
		cell_number_if(is->severity_known, is->severity_us),
		cell_percent(
		    (double)is->placed_count, (double)is->served->count),
		cell_number_if(
		    is->basis[0] != '\0', llround(100 * is->priority)),
		cell_text(is->basis),
		cell_number(llround(100 * weight)),
	};

	return report_row(&run->report, cells);
}

/* --- groups --- */

struct summary {
	struct values geographic, latency, regret, severity;
	int64_t vps, polarisable, polarised, severe;
	double priority, polarisable_weight, polarised_weight;
};

static void
add(struct summary *to, const struct inflations *in, const struct inflation *is)
{
	double weight = weights_of(&in->run->weights, is->served->vp);

	to->vps++;
	if (is->placed) {
		values_add(&to->geographic, is->geographic_us);
		values_add(&to->latency, is->latency_us);
	}
	if (is->compared)
		values_add(&to->regret, is->regret_us);
	if (is->severity_known) {
		values_add(&to->severity, is->severity_us);
		to->severe += is->severity_us >= SEVERE_US;
	}
	to->polarisable += is->polarisable;
	to->polarised += is->polarised;
	to->polarisable_weight += is->polarisable ? weight : 0;
	to->polarised_weight += is->polarised ? weight : 0;
	to->priority += is->priority;
}

static struct cell
percentile(struct values *values, unsigned percent)
{
	if (percent == 50) {
		quantile_sort(values->items, values->count);
		return values->count == 0 ? cell_unknown()
					  : cell_number(quantile_median(
						values->items, values->count));
	}
	return quantile_enough(values->count, percent)
		   ? cell_number(quantile_nearest(
			 values->items, values->count, percent))
		   : cell_unknown();
}

static int
write_summary(
    struct inflations *in, const struct inflation *first, struct summary *sum)
{
	struct run *run = in->run;
	const struct service *service =
	    &run->catalog.services[first->served->service];
	const struct cell cells[GROUP_COLUMNS] = {
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		group_cell(
		    run->options->by, names_text(&in->groups, first->group)),
		cell_number(sum->vps),
		cell_number((int64_t)sum->geographic.count),
		percentile(&sum->geographic, 50),
		percentile(&sum->geographic, 95),
		percentile(&sum->latency, 50),
		percentile(&sum->latency, 95),
		cell_number((int64_t)sum->regret.count),
		percentile(&sum->regret, 50),
		percentile(&sum->regret, 95),
		cell_number(sum->polarisable),
		cell_number(sum->polarised),
		cell_percent((double)sum->polarised, (double)sum->polarisable),
		cell_number(sum->severe),
		percentile(&sum->severity, 50),
		cell_number(llround(100 * sum->priority)),
		cell_percent(sum->polarised_weight, sum->polarisable_weight),
	};

	values_clear(&sum->geographic);
	values_clear(&sum->latency);
	values_clear(&sum->regret);
	values_clear(&sum->severity);
	return report_row(&run->report, cells);
}

/* Groups come in the order in which they have somebody to fix. */
static int
write_groups(struct inflations *in)
{
	bool *done = calloc(in->count + 1, sizeof(*done));
	int status = done == NULL ? -1 : 0;

	for (size_t i = 0; status == 0 && i < in->count; i++) {
		struct summary sum = { 0 };

		for (size_t k = i; k < in->count && !done[i]; k++) {
			const struct inflation *is = &in->items[k];

			if (is->served->service !=
				in->items[i].served->service ||
			    is->group != in->items[i].group)
				continue;
			add(&sum, in, is);
			done[k] = k > i;
		}
		if (sum.vps > 0)
			status = write_summary(in, &in->items[i], &sum);
	}
	free(done);
	return status;
}

static int
begin(struct run *run, struct column *named)
{
	bool given = weights_given(&run->weights);

	if (run->options->by == BY_DEFAULT)
		return report_begin(
		    &run->report, columns, given ? COLUMNS : COLUMNS - 1);
	memcpy(named, group_columns, sizeof(group_columns));
	named[GROUP_COLUMN] = group_column(run->options->by);
	return report_begin(
	    &run->report, named, given ? GROUP_COLUMNS : GROUP_COLUMNS - 1);
}

int
inflation_report(struct run *run)
{
	struct column named[GROUP_COLUMNS];
	struct inflations in;
	int status = begin(run, named);

	if (status == 0 && inflations_read(&in, run) == 0) {
		if (run->options->by != BY_DEFAULT)
			status = write_groups(&in);
		for (size_t i = 0; status == 0 && i < in.count &&
				   run->options->by == BY_DEFAULT;
		     i++)
			status = write_one(&in, &in.items[i]);
		inflations_clear(&in);
	}
	if (report_end(&run->report) == -1)
		status = -1;
	return status;
}
