/*
 * Congruence (FIELD.md F12): whether vantage points are served by one site in
 * IPv4 and IPv6, as the catchment of a time says. One with several flows
 * counts by how likely a flow of each family ends at the same site.
 */
#include <math.h>
#include <stdlib.h>
#include "analysis/catchment.h"

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "address_v4", COLUMN_TEXT },
	{ "address_v6", COLUMN_TEXT },
	{ "vantage_points", COLUMN_INTEGER },
	{ "both_known", COLUMN_INTEGER },
	{ "same_site", COLUMN_COUNT },
	{ "same_site_pct", COLUMN_PERCENT },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "rtt_v4_p50_ms", COLUMN_MS },
	{ "rtt_v6_p50_ms", COLUMN_MS },
	{ "rtt_change_p50_ms", COLUMN_MS },
	{ "note", COLUMN_TEXT },
	{ "weight_same_pct", COLUMN_PERCENT }, /* of --weights alone */
	{ "weight_coverage_pct", COLUMN_PERCENT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Rows of one vantage point and service. */
struct flows {
	const struct catchment_row *rows;
	size_t count, known;
};

struct tally {
	double all, both, same;
};

struct comparison {
	struct tally plain, weighted;
	/* of vantage points that are not at one site, each its median */
	struct values v4, v6, change;
};

static struct flows
flows_of(const struct catchment *c, int32_t service, int32_t vp)
{
	struct flows flows = { 0 };

	for (size_t i = 0; i < c->count; i++) {
		if (c->rows[i].service != service || c->rows[i].vp != vp)
			continue;
		if (flows.count++ == 0)
			flows.rows = &c->rows[i];
		flows.known += c->rows[i].state == STATE_KNOWN;
	}
	return flows;
}

static double
likeness(const struct flows *a, const struct flows *b)
{
	size_t same = 0;

	for (size_t i = 0; i < a->count; i++) {
		for (size_t j = 0; j < b->count; j++)
			same += a->rows[i].state == STATE_KNOWN &&
				b->rows[j].state == STATE_KNOWN &&
				a->rows[i].site == b->rows[j].site;
	}
	return (double)same / ((double)a->known * (double)b->known);
}

/* The median of all round trips of the known flows; -1: none. */
static int64_t
median_of(const struct catchment *c, const struct flows *flows)
{
	struct values all = { 0 };
	int64_t median = -1;

	for (size_t i = 0; i < flows->count; i++) {
		const struct catchment_row *row = &flows->rows[i];

		for (size_t k = 0;
		     row->state == STATE_KNOWN && k < row->samples; k++)
			values_add(&all, c->rtts.items[row->rtts_first + k]);
	}
	if (all.count > 0) {
		quantile_sort(all.items, all.count);
		median = quantile_median(all.items, all.count);
	}
	values_clear(&all);
	return median;
}

static void
count(struct tally *tally, double amount, bool both, double same)
{
	tally->all += amount;
	if (both)
		tally->both += amount;
	tally->same += amount * same;
}

static void
compare_vp(struct comparison *to, const struct catchment *c, int32_t vp,
    const int32_t service[2])
{
	const struct flows v4 = flows_of(c, service[0], vp);
	const struct flows v6 = flows_of(c, service[1], vp);
	bool both = v4.known > 0 && v6.known > 0;
	double same = both ? likeness(&v4, &v6) : 0;
	int64_t v4_us, v6_us;

	if (v4.count == 0 && v6.count == 0)
		return;
	count(&to->plain, 1, both, same);
	count(&to->weighted, weights_of(&c->run->weights, vp), both, same);
	if (!both || same > 1 - 1e-9)
		return;
	v4_us = median_of(c, &v4);
	v6_us = median_of(c, &v6);
	if (v4_us < 0 || v6_us < 0)
		return;
	values_add(&to->v4, v4_us);
	values_add(&to->v6, v6_us);
	values_add(&to->change, v6_us - v4_us);
}

static struct cell
median_cell(struct values *values)
{
	if (values->count == 0)
		return cell_unknown();
	quantile_sort(values->items, values->count);
	return cell_number(quantile_median(values->items, values->count));
}

static int
write_pair(const struct catchment *c, const int32_t service[2])
{
	struct run *run = c->run;
	const struct service *v4 = &run->catalog.services[service[0]];
	const struct service *v6 = &run->catalog.services[service[1]];
	struct comparison is = { 0 };
	int status;

	for (size_t i = 0; i < run->catalog.vp_count; i++)
		compare_vp(&is, c, (int32_t)i, service);
	status = report_row(&run->report,
	    (const struct cell[COLUMNS]){
		run_text(run, v4->target),
		run_text(run, v4->address),
		run_text(run, v6->address),
		cell_number(llround(is.plain.all)),
		cell_number(llround(is.plain.both)),
		cell_number(llround(100 * is.plain.same)),
		cell_percent(is.plain.same, is.plain.both),
		cell_percent(is.plain.both, is.plain.all),
		median_cell(&is.v4),
		median_cell(&is.v6),
		median_cell(&is.change),
		cell_text(c->methods->of_service[service[0]].method ==
				  c->methods->of_service[service[1]].method
			      ? ""
			      : "methods differ"),
		cell_percent(is.weighted.same, is.weighted.both),
		cell_percent(is.weighted.both, is.weighted.all),
	    });
	values_clear(&is.v4);
	values_clear(&is.v6);
	values_clear(&is.change);
	return status;
}

/* Every address of IPv4 beside every one of IPv6, of each target. */
static int
write_pairs(const struct catchment *c)
{
	const struct catalog *catalog = &c->run->catalog;
	int32_t services = (int32_t)catalog->service_count;
	int status = 0;

	for (int32_t i = 0; i < services; i++) {
		for (int32_t j = 0; status == 0 && j < services; j++) {
			if (catalog->services[i].af == 4 &&
			    catalog->services[j].af == 6 &&
			    catalog->services[i].target ==
				catalog->services[j].target)
				status =
				    write_pair(c, (const int32_t[2]){ i, j });
		}
	}
	return status;
}

int
congruence_report(struct run *run)
{
	const struct options *o = run->options;
	struct methods methods;
	struct catchment c;
	int status;

	methods_choose(
	    &methods, &run->catalog, run->query, o->since_us, o->until_us);
	catchment_init(&c, run, &methods);
	catchment_read(&c, o->since_us, o->until_us);
	status = report_begin(
	    &run->report, columns, weights_columns(&run->weights, COLUMNS));
	if (status == 0)
		status = write_pairs(&c);
	if (report_end(&run->report) == -1)
		status = -1;
	catchment_clear(&c);
	methods_clear(&methods);
	return status;
}
