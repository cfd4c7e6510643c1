/*
 * What differs between the catchments of two times: who moved, from where to
 * where; with --matrix how many, and how similar the two are (FIELD.md F7).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/catchment.h"
#include "analysis/memory.h"
#include "analysis/weights.h"
#include "lib/times.h"

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "vp", COLUMN_TEXT },
	{ "region", COLUMN_TEXT },
	{ "country", COLUMN_TEXT },
	{ "asn", COLUMN_INTEGER },
	{ "flow", COLUMN_INTEGER },
	{ "change", COLUMN_TEXT },
	{ "from_instance", COLUMN_TEXT },
	{ "from_site", COLUMN_TEXT },
	{ "from_state", COLUMN_TEXT },
	{ "to_instance", COLUMN_TEXT },
	{ "to_site", COLUMN_TEXT },
	{ "to_state", COLUMN_TEXT },
	{ "rtt_before_ms", COLUMN_MS },
	{ "rtt_after_ms", COLUMN_MS },
	{ "rtt_change_ms", COLUMN_MS },
	{ "method", COLUMN_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const struct column matrix_columns[] = {
	{ "from_site", COLUMN_TEXT },
	{ "to_site", COLUMN_TEXT },
	{ "vantage_points", COLUMN_COUNT },
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "share_pct", COLUMN_PERCENT },
	{ "rtt_before_ms", COLUMN_MS },
	{ "rtt_after_ms", COLUMN_MS },
	{ "similarity_pct", COLUMN_PERCENT },
	{ "similarity_known_pct", COLUMN_PERCENT },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "from_instance", COLUMN_TEXT },
	{ "to_instance", COLUMN_TEXT },
	{ "weight", COLUMN_COUNT }, /* of --weights alone */
	{ "weight_share_pct", COLUMN_PERCENT },
};
#define MATRIX_COLUMNS (sizeof(matrix_columns) / sizeof(matrix_columns[0]))

/* A lane at both times. */
struct pair {
	const struct catchment_row *from, *to; /* not both NULL */
	int32_t vp, service;
	int flow;
};

/* From one place to another: sites, or at instance level labels too. */
struct move {
	int32_t from_site, to_site, from_label, to_label;
	double count, weight;
	struct values before, after;
};

struct matrix {
	struct move *items;
	size_t count, room;
	/* vantage points of the service, and of them known at both times */
	struct tally {
		double all, known, same;
	} plain, weighted;
};

struct diff {
	struct run *run;
	struct methods methods;
	struct catchment from, to;
	struct pair *pairs;
	size_t count;
};

static int
compare_rows(const struct catchment_row *a, const struct catchment_row *b)
{
	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->vp != b->vp)
		return a->vp < b->vp ? -1 : 1;
	return (a->flow > b->flow) - (a->flow < b->flow);
}

/* Both are in that order. A row without a flow stands for a service of which
 * there is no lane that is compared: it is dropped where there is one at the
 * other time. */
static void
pair_rows(struct diff *d)
{
	size_t i = 0, j = 0;

	d->pairs =
	    memory_zeroed(d->from.count + d->to.count, sizeof(*d->pairs));
	while (i < d->from.count || j < d->to.count) {
		const struct catchment_row *a = NULL, *b = NULL, *any;
		int order = i == d->from.count ? 1
			    : j == d->to.count ? -1
					       : compare_rows(&d->from.rows[i],
						     &d->to.rows[j]);

		if (order <= 0)
			a = &d->from.rows[i++];
		if (order >= 0)
			b = &d->to.rows[j++];
		any = a != NULL ? a : b;
		if (d->count > 0 && d->pairs[d->count - 1].flow == -1 &&
		    d->pairs[d->count - 1].vp == any->vp &&
		    d->pairs[d->count - 1].service == any->service)
			d->count--;
		d->pairs[d->count++] = (struct pair){ .from = a,
			.to = b,
			.vp = any->vp,
			.service = any->service,
			.flow = any->flow };
	}
}

static bool
known(const struct catchment_row *row)
{
	return row != NULL && row->state == STATE_KNOWN;
}

static bool
same(const struct diff *d, const struct pair *p)
{
	return known(p->from) && known(p->to) && p->from->site == p->to->site &&
	       (d->run->options->level == LEVEL_SITE ||
		   p->from->label == p->to->label);
}

static struct cell
state_cell(const struct catchment_row *row)
{
	return cell_text(
	    catchment_state_name(row == NULL ? STATE_NO_DATA : row->state));
}

static int64_t
median_of(const struct catchment_row *row)
{
	return known(row) ? row->median_us : -1;
}

static int
write_pair(const struct diff *d, const struct pair *p)
{
	struct run *run = d->run;
	const struct service *service = &run->catalog.services[p->service];
	const struct vantage *vp = &run->catalog.vps[p->vp];
	const struct place *place =
	    catalog_place(vp, run->options->until_us - 1);
	int64_t before_us = median_of(p->from), after_us = median_of(p->to);
	const struct cell cells[COLUMNS] = {
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, vp->name),
		run_region(run, place),
		run_country(run, place),
		run_asn(place),
		cell_number(p->flow),
		cell_text(!known(p->from) ? "new"
			  : !known(p->to) ? "gone"
					  : "moved"),
		run_text(run, known(p->from) ? p->from->label : -1),
		run_site(run, known(p->from) ? p->from->site : -1),
		state_cell(p->from),
		run_text(run, known(p->to) ? p->to->label : -1),
		run_site(run, known(p->to) ? p->to->site : -1),
		state_cell(p->to),
		cell_number_if(before_us >= 0, before_us),
		cell_number_if(after_us >= 0, after_us),
		cell_number_if(
		    before_us >= 0 && after_us >= 0, after_us - before_us),
		run_text(run, d->methods.of_service[p->service].method),
	};

	return report_row(&run->report, cells);
}

static int
write_pairs(const struct diff *d)
{
	int status = report_begin(&d->run->report, columns, COLUMNS);

	for (size_t i = 0; status == 0 && i < d->count; i++) {
		const struct pair *p = &d->pairs[i];

		if (!same(d, p) && (known(p->from) || known(p->to)))
			status = write_pair(d, p);
	}
	return status;
}

/* --- matrix --- */

static struct move *
find_move(struct matrix *m, const struct diff *d, const struct pair *p)
{
	bool labels = d->run->options->level == LEVEL_INSTANCE;
	const struct move wanted = {
		.from_site = known(p->from) ? p->from->site : -1,
		.to_site = known(p->to) ? p->to->site : -1,
		.from_label = labels && known(p->from) ? p->from->label : -1,
		.to_label = labels && known(p->to) ? p->to->label : -1,
	};

	for (size_t i = 0; i < m->count; i++) {
		if (m->items[i].from_site == wanted.from_site &&
		    m->items[i].to_site == wanted.to_site &&
		    m->items[i].from_label == wanted.from_label &&
		    m->items[i].to_label == wanted.to_label)
			return &m->items[i];
	}
	if (m->count == m->room)
		m->items = memory_grow(m->items, &m->room, sizeof(*m->items));
	m->items[m->count] = wanted;
	return &m->items[m->count++];
}

static void
count(struct tally *tally, double amount, bool both, bool same_place)
{
	tally->all += amount;
	if (both)
		tally->known += amount;
	if (same_place)
		tally->same += amount;
}

/* The flows of one vantage point, which count one together. */
static void
add_vp(struct matrix *m, const struct diff *d, const struct pair *pairs,
    size_t flows)
{
	double weight = weights_of(&d->run->weights, pairs[0].vp);

	for (size_t i = 0; i < flows; i++) {
		const struct pair *p = &pairs[i];
		struct move *move = find_move(m, d, p);
		bool both = known(p->from) && known(p->to);

		move->count += 1.0 / (double)flows;
		move->weight += weight / (double)flows;
		count(&m->plain, 1.0 / (double)flows, both, same(d, p));
		count(&m->weighted, weight / (double)flows, both, same(d, p));
		if (median_of(p->from) >= 0)
			values_add(&move->before, median_of(p->from));
		if (median_of(p->to) >= 0)
			values_add(&move->after, median_of(p->to));
	}
}

static int
compare_sites(const struct run *run, int32_t a, int32_t b)
{
	if (a < 0 || b < 0)
		return (a < 0) - (b < 0);
	return strcmp(names_text(&run->catalog.sites, a),
	    names_text(&run->catalog.sites, b));
}

/* The largest first, unknown ones last. */
static int
compare_moves(const void *left, const void *right, void *context)
{
	const struct move *a = left, *b = right;
	const struct run *run = context;
	int order;

	if ((a->from_site < 0 || a->to_site < 0) !=
	    (b->from_site < 0 || b->to_site < 0))
		return a->from_site < 0 || a->to_site < 0 ? 1 : -1;
	if (fabs(a->count - b->count) > 1e-9)
		return a->count < b->count ? 1 : -1;
	if ((order = compare_sites(run, a->from_site, b->from_site)) != 0 ||
	    (order = compare_sites(run, a->to_site, b->to_site)) != 0)
		return order;
	if ((order = strcmp(names_text(&run->catalog.names, a->from_label),
		 names_text(&run->catalog.names, b->from_label))) != 0)
		return order;
	return strcmp(names_text(&run->catalog.names, a->to_label),
	    names_text(&run->catalog.names, b->to_label));
}

static int
write_move(const struct diff *d, const struct matrix *m, struct move *move,
    const struct service *service)
{
	struct run *run = d->run;
	bool both = move->from_site >= 0 && move->to_site >= 0;
	bool weighted = weights_given(&run->weights);
	const struct cell cells[MATRIX_COLUMNS] = {
		run_site(run, move->from_site),
		run_site(run, move->to_site),
		cell_number(llround(100 * move->count)),
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		both ? cell_percent(move->count, m->plain.known)
		     : cell_unknown(),
		run_median(&move->before),
		run_median(&move->after),
		cell_percent(m->plain.same, m->plain.all),
		cell_percent(m->plain.same, m->plain.known),
		cell_percent(m->plain.known, m->plain.all),
		run_text(run, move->from_label),
		run_text(run, move->to_label),
		cell_number_if(weighted, llround(100 * move->weight)),
		weighted && both ? cell_percent(move->weight, m->weighted.known)
				 : cell_unknown(),
	};

	return report_row(&run->report, cells);
}

/* The pairs of one service. */
static int
write_matrix_of(const struct diff *d, const struct pair *pairs, size_t n)
{
	struct matrix m = { 0 };
	int status = 0;

	for (size_t first = 0, end; first < n; first = end) {
		for (end = first + 1;
		     end < n && pairs[end].vp == pairs[first].vp; end++)
			continue;
		add_vp(&m, d, pairs + first, end - first);
	}
	qsort_r(m.items, m.count, sizeof(*m.items), compare_moves, d->run);
	for (size_t i = 0; i < m.count; i++) {
		if (status == 0)
			status = write_move(d, &m, &m.items[i],
			    &d->run->catalog.services[pairs[0].service]);
		values_clear(&m.items[i].before);
		values_clear(&m.items[i].after);
	}
	free(m.items);
	return status;
}

static int
write_matrix(const struct diff *d)
{
	int status = report_begin(&d->run->report, matrix_columns,
	    weights_columns(&d->run->weights, MATRIX_COLUMNS));

	for (size_t first = 0, end; status == 0 && first < d->count;
	     first = end) {
		for (end = first + 1;
		     end < d->count &&
		     d->pairs[end].service == d->pairs[first].service;
		     end++)
			continue;
		status = write_matrix_of(d, d->pairs + first, end - first);
	}
	return status;
}

int
diff_report(struct run *run)
{
	const struct options *o = run->options;
	struct diff d = { .run = run };
	int64_t after_us = o->until_us - DAY_US;
	int status;

	if (after_us < o->from_us + 1)
		after_us = o->from_us + 1;
	methods_choose(
	    &d.methods, &run->catalog, run->query, o->since_us, o->until_us);
	catchment_init(&d.from, run, &d.methods);
	catchment_init(&d.to, run, &d.methods);
	catchment_read(&d.from, o->since_us, o->from_us + 1);
	catchment_read(&d.to, after_us, o->until_us);
	pair_rows(&d);
	status = o->matrix ? write_matrix(&d) : write_pairs(&d);
	if (report_end(&run->report) == -1)
		status = -1;
	free(d.pairs);
	catchment_clear(&d.from);
	catchment_clear(&d.to);
	methods_clear(&d.methods);
	return status;
}
