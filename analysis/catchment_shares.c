/*
 * Shares: of the vantage points of a region, country, network or of all that
 * are known, how many a site serves. Those that are not are a row of their
 * own without a share. A vantage point whose flows end at several sites
 * counts in fractions (FIELD.md F1).
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/catchment.h"
#include "analysis/compare.h"
#include "analysis/groups.h"
#include "analysis/memory.h"

#define GROUP_COLUMN 4

static const struct column columns[SHARE_COLUMNS] = {
	{ "time", COLUMN_TIME }, /* of --step alone */
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "", COLUMN_TEXT }, /* what --by says */
	{ "site", COLUMN_TEXT },
	{ "vantage_points", COLUMN_COUNT },
	{ "share_pct", COLUMN_PERCENT },
	{ "rtt_p50_ms", COLUMN_MS },
	{ "samples", COLUMN_INTEGER },
	{ "instance", COLUMN_TEXT },
	{ "weight", COLUMN_COUNT }, /* of --weights alone */
	{ "weight_share_pct", COLUMN_PERCENT },
	{ "weight_coverage_pct", COLUMN_PERCENT },
};
#define LOAD_COLUMNS 3

/* A row and the group that it falls in. */
struct member {
	const struct catchment_row *row;
	const char *group;
};

struct share {
	int32_t site, label;
	const char *name;   /* of the site, to sort */
	double count, load; /* vantage points, and what they weigh */
	struct values rtts;
};

struct shares {
	struct share *items;
	size_t count, room;
	size_t known, unknown; /* vantage points */
	double known_load, unknown_load;
};

static int
compare_members(const void *left, const void *right, void *run)
{
	const struct member *a = left, *b = right;
	const enum group_by by = ((const struct run *)run)->options->by;
	int order;

	if ((order = compare_int(a->row->service, b->row->service)) != 0 ||
	    (order = group_compare(by, a->group, b->group)) != 0 ||
	    (order = compare_int(a->row->vp, b->row->vp)) != 0)
		return order;
	return compare_int(a->row->flow, b->row->flow);
}

static int
compare_shares(const void *left, const void *right)
{
	const struct share *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->name, b->name);
}

static struct share *
find_share(struct shares *shares, const struct catchment *c,
    const struct catchment_row *row)
{
	int32_t label =
	    c->run->options->level == LEVEL_INSTANCE ? row->label : -1;

	for (size_t i = 0; i < shares->count; i++) {
		if (shares->items[i].site == row->site &&
		    shares->items[i].label == label)
			return &shares->items[i];
	}
	if (shares->count == shares->room)
		shares->items = memory_grow(
		    shares->items, &shares->room, sizeof(*shares->items));
	shares->items[shares->count] = (struct share){
		.site = row->site,
		.label = label,
		.name = label >= 0
			    ? names_text(&c->run->catalog.names, label)
			    : names_text(&c->run->catalog.sites, row->site),
	};
	return &shares->items[shares->count++];
}

/* The flows of one vantage point. */
static void
add_vp(struct shares *shares, const struct catchment *c,
    const struct member *flows, size_t count)
{
	double load = weights_of(&c->run->weights, flows[0].row->vp);
	size_t known = 0;

	for (size_t i = 0; i < count; i++)
		known += flows[i].row->state == STATE_KNOWN;
	if (known == 0) {
		shares->unknown++;
		shares->unknown_load += load;
		return;
	}
	shares->known++;
	shares->known_load += load;
	for (size_t i = 0; i < count; i++) {
		const struct catchment_row *row = flows[i].row;
		struct share *share;

		if (row->state != STATE_KNOWN)
			continue;
		share = find_share(shares, c, row);
		share->count += 1.0 / (double)known;
		share->load += load / (double)known;
		for (size_t j = 0; j < row->samples; j++)
			values_add(
			    &share->rtts, c->rtts.items[row->rtts_first + j]);
	}
}

static int64_t
hundredths(double value)
{
	return (int64_t)(value * 100.0 + 0.5);
}

/* share NULL: the unknown ones. */
static int
write_share(const struct catchment *c, const struct member *member,
    const struct shares *shares, struct share *share)
{
	struct run *run = c->run;
	const struct service *service =
	    &run->catalog.services[member->row->service];
	size_t first = run->options->step_us == 0;
	struct cell cells[SHARE_COLUMNS] = {
		cell_number(c->since_us),
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
	};

	cells[GROUP_COLUMN] = group_cell(run->options->by, member->group);
	cells[13] = cell_percent(
	    shares->known_load, shares->known_load + shares->unknown_load);
	if (share == NULL) {
		cells[6] = cell_number((int64_t)shares->unknown * 100);
		cells[9] = cell_number(0);
		cells[11] = cell_number(hundredths(shares->unknown_load));
		return report_row(&run->report, cells + first);
	}
	quantile_sort(share->rtts.items, share->rtts.count);
	cells[5] = run_site(run, share->site);
	cells[6] = cell_number(hundredths(share->count));
	cells[7] = cell_number(
	    hundredths(100.0 * share->count / (double)shares->known));
	if (share->rtts.count > 0)
		cells[8] = cell_number(
		    quantile_median(share->rtts.items, share->rtts.count));
	cells[9] = cell_number((int64_t)share->rtts.count);
	cells[10] = run_text(run, share->label);
	cells[11] = cell_number(hundredths(share->load));
	cells[12] = cell_percent(share->load, shares->known_load);
	return report_row(&run->report, cells + first);
}

/* The members of one service and group. */
static int
write_group(
    const struct catchment *c, const struct member *members, size_t count)
{
	struct shares shares = { 0 };
	int status = 0;

	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && members[end].row->vp ==
							 members[first].row->vp;
		     end++)
			continue;
		add_vp(&shares, c, members + first, end - first);
	}
	if (shares.count > 1)
		qsort(shares.items, shares.count, sizeof(*shares.items),
		    compare_shares);
	for (size_t i = 0; i < shares.count; i++) {
		if (status == 0)
			status =
			    write_share(c, members, &shares, &shares.items[i]);
		values_clear(&shares.items[i].rtts);
	}
	if (status == 0)
		status = write_share(c, members, &shares, NULL);
	free(shares.items);
	return status;
}

static int
write_groups(
    const struct catchment *c, const struct member *members, size_t count)
{
	int status = 0;

	for (size_t first = 0, end; status == 0 && first < count; first = end) {
		for (end = first + 1;
		     end < count &&
		     members[end].row->service == members[first].row->service &&
		     members[end].group == members[first].group;
		     end++)
			continue;
		status = write_group(c, members + first, end - first);
	}
	return status;
}

size_t
catchment_share_columns(struct column *named, const struct run *run)
{
	memcpy(named, columns, sizeof(columns));
	named[GROUP_COLUMN] = group_column(run->options->by);
	return weights_given(&run->weights) ? SHARE_COLUMNS
					    : SHARE_COLUMNS - LOAD_COLUMNS;
}

int
catchment_write_shares(struct catchment *c)
{
	struct member *members = memory_zeroed(c->count, sizeof(*members));
	struct names groups = { 0 };
	int status;

	for (size_t i = 0; i < c->count; i++) {
		const struct catchment_row *row = &c->rows[i];
		const int32_t group = group_put(&groups, &c->run->catalog,
		    (struct group_of){
			c->run->options->by, row->vp, c->until_us - 1 });

		members[i] = (struct member){ row, names_text(&groups, group) };
	}
	qsort_r(members, c->count, sizeof(*members), compare_members, c->run);
	status = write_groups(c, members, c->count);
	names_clear(&groups);
	free(members);
	return status;
}
