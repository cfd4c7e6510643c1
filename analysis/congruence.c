/*
 * Congruence (FIELD.md F12): whether vantage points are served by one site in
 * IPv4 and IPv6, or over UDP and TCP, as the catchment of a time says. One
 * with several flows counts by how likely a flow of each ends at the same
 * site. Echoes name nobody: whether they come from where DNS is answered is
 * judged by the least round trips of the window.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/catchment.h"
#include "analysis/memory.h"

/* Least round trips that are no farther apart are of one place. */
#define ALIKE_US 2000
#define ALIKE_PART 0.1

/* What the columns are called that are not the same in all comparisons. */
static const struct {
	struct column second, third;
	const char *a_ms, *b_ms;
} headings[] = {
	[OF_FAMILY] = { { "address_v4", COLUMN_TEXT },
	    { "address_v6", COLUMN_TEXT }, "rtt_v4_p50_ms", "rtt_v6_p50_ms" },
	[OF_TRANSPORT] = { { "address", COLUMN_TEXT }, { "af", COLUMN_INTEGER },
	    "rtt_udp_p50_ms", "rtt_tcp_p50_ms" },
	[OF_ICMP] = { { "address", COLUMN_TEXT }, { "af", COLUMN_INTEGER },
	    "rtt_dns_p50_ms", "rtt_icmp_p50_ms" },
};

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "", COLUMN_TEXT },
	{ "", COLUMN_TEXT },
	{ "vantage_points", COLUMN_INTEGER },
	{ "both_known", COLUMN_INTEGER },
	{ "same_site", COLUMN_COUNT },
	{ "same_site_pct", COLUMN_PERCENT },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "", COLUMN_MS },
	{ "", COLUMN_MS },
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
	struct values a, b, change;
};

/* What is compared with what. */
struct side {
	const struct catchment *catchment;
	int32_t service;
};

static struct flows
flows_of(const struct side *side, int32_t vp)
{
	const struct catchment *c = side->catchment;
	int32_t service = side->service;
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
add_times(struct comparison *to, int64_t a_us, int64_t b_us)
{
	values_add(&to->a, a_us);
	values_add(&to->b, b_us);
	values_add(&to->change, b_us - a_us);
}

static void
compare_vp(struct comparison *to, int32_t vp, const struct side side[2])
{
	const struct run *run = side[0].catchment->run;
	const struct flows a = flows_of(&side[0], vp);
	const struct flows b = flows_of(&side[1], vp);
	bool both = a.known > 0 && b.known > 0;
	double same = both ? likeness(&a, &b) : 0;
	int64_t a_us, b_us;

	if (a.count == 0 && b.count == 0)
		return;
	count(&to->plain, 1, both, same);
	count(&to->weighted, weights_of(&run->weights, vp), both, same);
	if (!both || same > 1 - 1e-9)
		return;
	a_us = median_of(side[0].catchment, &a);
	b_us = median_of(side[1].catchment, &b);
	if (a_us >= 0 && b_us >= 0)
		add_times(to, a_us, b_us);
}

static struct cell
third_cell(const struct run *run, int32_t a, int32_t b)
{
	const struct service *services = run->catalog.services;

	return run->options->of == OF_FAMILY
		   ? run_text(run, services[b].address)
		   : cell_number(services[a].af);
}

static int
write_row(struct run *run, struct comparison *is, const int32_t service[2],
    const char *note)
{
	const struct service *first = &run->catalog.services[service[0]];
	const struct cell cells[COLUMNS] = {
		run_text(run, first->target),
		run_text(run, first->address),
		third_cell(run, service[0], service[1]),
		cell_number(llround(is->plain.all)),
		cell_number(llround(is->plain.both)),
		cell_number(llround(100 * is->plain.same)),
		cell_percent(is->plain.same, is->plain.both),
		cell_percent(is->plain.both, is->plain.all),
		run_median(&is->a),
		run_median(&is->b),
		run_median(&is->change),
		cell_text(note),
		cell_percent(is->weighted.same, is->weighted.both),
		cell_percent(is->weighted.both, is->weighted.all),
	};

	values_clear(&is->a);
	values_clear(&is->b);
	values_clear(&is->change);
	return report_row(&run->report, cells);
}

static int
write_pair(const struct side side[2])
{
	const struct catchment *c = side[0].catchment;
	const struct choice *of = c->methods->of_service;
	const int32_t services[2] = { side[0].service, side[1].service };
	struct comparison is = { 0 };

	for (size_t i = 0; i < c->run->catalog.vp_count; i++)
		compare_vp(&is, (int32_t)i, side);
	return write_row(c->run, &is, services,
	    of[services[0]].method == of[services[1]].method
		? ""
		: "methods differ");
}

/* Every address of IPv4 beside every one of IPv6, of each target. */
static int
write_families(struct run *run, const struct methods *methods)
{
	const struct service *services = run->catalog.services;
	int32_t count = (int32_t)run->catalog.service_count;
	struct catchment c;
	int status = 0;

	catchment_init(&c, run, methods);
	catchment_read(&c, run->options->since_us, run->options->until_us);
	for (int32_t i = 0; i < count; i++) {
		for (int32_t j = 0; status == 0 && j < count; j++) {
			if (services[i].af == 4 && services[j].af == 6 &&
			    services[i].target == services[j].target)
				status = write_pair((const struct side[2]){
				    { &c, i }, { &c, j } });
		}
	}
	catchment_clear(&c);
	return status;
}

/* --- UDP and TCP --- */

static bool
has_lane(const struct catalog *c, int32_t service, const struct choice *choice)
{
	for (size_t i = 0; i < c->lane_count; i++) {
		const struct lane *lane = &c->lanes[i];

		if (lane->service == service &&
		    lane->question == choice->question &&
		    lane->proto == choice->proto && lane->port == choice->port)
			return true;
	}
	return false;
}

/* The same comparison, over another transport; the caller frees of_service. */
static struct methods
methods_over(
    const struct run *run, const struct methods *methods, const char *transport)
{
	size_t count = run->catalog.service_count;
	int32_t proto = names_find(&run->catalog.names, transport);
	struct methods over = *methods;

	over.of_service = memory_zeroed(count, sizeof(*over.of_service));
	for (size_t i = 0; i < count; i++) {
		over.of_service[i] = methods->of_service[i];
		over.of_service[i].proto = proto;
	}
	return over;
}

static int
write_transports(struct run *run, const struct methods *methods)
{
	static const char *const transports[2] = { "udp", "tcp" };
	int32_t services = (int32_t)run->catalog.service_count;
	struct methods over[2];
	struct catchment c[2];
	int status = 0;

	for (int k = 0; k < 2; k++) {
		over[k] = methods_over(run, methods, transports[k]);
		catchment_init(&c[k], run, &over[k]);
		catchment_read(
		    &c[k], run->options->since_us, run->options->until_us);
	}
	for (int32_t i = 0; status == 0 && i < services; i++) {
		if (has_lane(&run->catalog, i, &over[0].of_service[i]) &&
		    has_lane(&run->catalog, i, &over[1].of_service[i]))
			status = write_pair((const struct side[2]){
			    { &c[0], i }, { &c[1], i } });
	}
	for (int k = 0; k < 2; k++) {
		catchment_clear(&c[k]);
		free(over[k].of_service);
	}
	return status;
}

/* --- DNS and ICMP --- */

/* The least round trips of a vantage point and a service; -1: none. */
struct least {
	int64_t dns_us, icmp_us;
};

static void
take_least(int64_t *least_us, uint32_t rtt_us)
{
	if (rtt_us != SAMPLE_NO_RTT &&
	    (*least_us < 0 || (int64_t)rtt_us < *least_us))
		*least_us = rtt_us;
}

static void
read_least(struct run *run, const struct methods *methods,
    const struct samples *samples, struct least *least)
{
	const struct catalog *c = &run->catalog;
	int32_t echo = names_find(&c->names, "echo");

	for (size_t i = 0; i < c->service_count; i++)
		least[i] = (struct least){ -1, -1 };
	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *s = &samples->items[i];
		const struct lane *lane = &c->lanes[s->lane];

		if (lane->question == echo)
			take_least(&least[lane->service].icmp_us, s->rtt_us);
		else if (methods_compares(methods, c, s->lane))
			take_least(&least[lane->service].dns_us, s->rtt_us);
	}
}

static bool
alike(const struct least *l)
{
	double apart = fabs((double)(l->dns_us - l->icmp_us));
	double small =
	    (double)(l->dns_us < l->icmp_us ? l->dns_us : l->icmp_us);

	return apart <= ALIKE_US || apart <= ALIKE_PART * small;
}

static void
compare_least(
    struct comparison *to, struct run *run, int32_t vp, const struct least *l)
{
	bool both = l->dns_us >= 0 && l->icmp_us >= 0;
	bool same = both && alike(l);

	if (l->dns_us < 0 && l->icmp_us < 0)
		return;
	count(&to->plain, 1, both, same);
	count(&to->weighted, weights_of(&run->weights, vp), both, same);
	if (both && !same)
		add_times(to, l->dns_us, l->icmp_us);
}

static bool
asks_echo(const struct catalog *c, int32_t service)
{
	int32_t echo = names_find(&c->names, "echo");

	for (size_t i = 0; echo >= 0 && i < c->lane_count; i++) {
		if (c->lanes[i].service == service &&
		    c->lanes[i].question == echo)
			return true;
	}
	return false;
}

static int
write_icmp(struct run *run, const struct methods *methods)
{
	const struct catalog *c = &run->catalog;
	size_t services = c->service_count;
	struct comparison *is = memory_zeroed(services, sizeof(*is));
	struct least *least = memory_zeroed(services, sizeof(*least));
	struct samples samples = { 0 };
	int status = 0;

	for (int32_t vp = 0; vp < (int32_t)c->vp_count; vp++) {
		samples_read(&run->sampler, &samples, vp,
		    run->options->since_us, run->options->until_us);
		read_least(run, methods, &samples, least);
		for (size_t i = 0; i < services; i++)
			compare_least(&is[i], run, vp, &least[i]);
	}
	for (int32_t i = 0; status == 0 && i < (int32_t)services; i++) {
		if (asks_echo(c, i))
			status = write_row(run, &is[i],
			    (const int32_t[2]){ i, i }, "by round trips");
	}
	samples_clear(&samples);
	free(least);
	free(is);
	return status;
}

int
congruence_report(struct run *run)
{
	static int (*const write[])(struct run *, const struct methods *) = {
		[OF_FAMILY] = write_families,
		[OF_TRANSPORT] = write_transports,
		[OF_ICMP] = write_icmp,
	};
	const struct options *o = run->options;
	struct column named[COLUMNS];
	struct methods methods;
	int status;

	memcpy(named, columns, sizeof(columns));
	named[1] = headings[o->of].second;
	named[2] = headings[o->of].third;
	named[8].name = headings[o->of].a_ms;
	named[9].name = headings[o->of].b_ms;
	methods_choose(
	    &methods, &run->catalog, run->query, o->since_us, o->until_us);
	status = report_begin(
	    &run->report, named, weights_columns(&run->weights, COLUMNS));
	if (status == 0)
		status = write[o->of](run, &methods);
	if (report_end(&run->report) == -1)
		status = -1;
	methods_clear(&methods);
	return status;
}
