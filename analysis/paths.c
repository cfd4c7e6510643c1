/*
 * Paths: the distinct ones of every vantage point and flow, how often and how
 * long each was taken, through which networks, and where it parts from the one
 * before it or from another vantage point's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/reports.h"
#include "analysis/tallies.h"
#include "analysis/traces.h"
#include "lib/log.h"
#include "lib/text.h"

#define TABLE_COLUMNS 24 /* the hops themselves are long */

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "vp", COLUMN_TEXT },
	{ "proto", COLUMN_TEXT },
	{ "flow", COLUMN_INTEGER },
	{ "path", COLUMN_INTEGER },
	{ "share_pct", COLUMN_PERCENT },
	{ "first", COLUMN_TIME },
	{ "last", COLUMN_TIME },
	{ "held_s", COLUMN_SECONDS },
	{ "traces", COLUMN_INTEGER },
	{ "answered", COLUMN_INTEGER },
	{ "hop_count", COLUMN_INTEGER },
	{ "silent", COLUMN_INTEGER },
	{ "rtt_p50_ms", COLUMN_MS },
	{ "sites", COLUMN_TEXT },
	{ "against", COLUMN_TEXT },
	{ "parts_at", COLUMN_INTEGER },
	{ "parts_from", COLUMN_TEXT },
	{ "parts_to", COLUMN_TEXT },
	{ "parts_from_asn", COLUMN_INTEGER },
	{ "parts_to_asn", COLUMN_INTEGER },
	{ "as_path", COLUMN_TEXT },
	{ "hops", COLUMN_TEXT },
	{ "asns", COLUMN_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* The newest path of a lane that others are compared with. */
struct reference {
	int32_t lane;
	size_t number;
	struct path path;
};

struct paths {
	struct run *run;
	struct traces_reader reader;
	int32_t against_vp; /* -1: none */
	struct reference *references;
	size_t count, room;
	int status;
	char *text; /* grows */
	size_t size;
	struct list sites; /* of the path at hand */
};

/* --- what a path is compared with --- */

static void
keep_reference(struct lane_paths *lane, void *context)
{
	struct paths *p = context;
	struct reference *reference;
	size_t newest = lane->traces[lane->trace_count - 1].number;

	if (p->count == p->room)
		p->references = memory_grow(
		    p->references, &p->room, sizeof(*p->references));
	reference = &p->references[p->count++];
	*reference =
	    (struct reference){ .lane = lane->lane, .number = newest + 1 };
	path_join(&reference->path, &lane->items[newest].path);
}

static const struct reference *
find_reference(const struct paths *p, int32_t of)
{
	const struct lane *lanes = p->run->catalog.lanes;
	const struct lane *lane = &lanes[of];
	const int64_t wanted = p->run->options->against_flow;
	int64_t flow = wanted < 0 ? lane->flow : wanted;

	for (size_t i = 0; i < p->count; i++) {
		const struct lane *other = &lanes[p->references[i].lane];

		if (other->service == lane->service &&
		    other->proto == lane->proto && other->port == lane->port &&
		    other->flow == flow)
			return &p->references[i];
	}
	return NULL;
}

/* --- texts of a path --- */

static const char *
networks(struct paths *p, const struct path *path)
{
	size_t len = path_networks(p->text, p->size, path);

	if (len < p->size)
		return p->text;
	free(p->text);
	p->size = len + 256;
	p->text = memory_zeroed(1, p->size);
	(void)path_networks(p->text, p->size, path);
	return p->text;
}

static void
print_hops(char *text, size_t size, const struct path *path)
{
	char addr[ADDR_TEXT];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < path->count; i++) {
		const struct hop *hop = &path->hops[i];

		(void)text_print(text + len, size - len, "%s%s",
		    i == 0 ? "" : " ",
		    addr_is_set(&hop->addr) ? addr_format(addr, &hop->addr)
					    : "*");
		len += strlen(text + len);
	}
}

static void
print_asns(char *text, size_t size, const struct path *path)
{
	bool known = false;
	size_t len = 0;

	for (size_t i = 0; i < path->count; i++) {
		const int64_t asn = path->hops[i].asn;

		known |= asn >= 0;
		if (asn >= 0)
			(void)text_print(text + len, size - len, "%s%" PRId64,
			    i == 0 ? "" : " ", asn);
		else
			(void)text_print(
			    text + len, size - len, "%s", i == 0 ? "*" : " *");
		len += strlen(text + len);
	}
	if (!known)
		text[0] = '\0';
}

/* The sites that answered the traces of a path. */
static void
list_sites(struct list *list, struct paths *p, const struct lane_paths *lane,
    size_t number)
{
	struct catalog *c = &p->run->catalog;
	struct tallies tallies = { 0 };

	for (size_t i = 0; i < lane->trace_count; i++) {
		const struct trace *t = &lane->traces[i];

		if (t->number == number && t->instance >= 0)
			tallies_add(&tallies,
			    catalog_site(
				c, c->lanes[lane->lane].service, t->instance));
	}
	list_begin(list);
	tallies_list(list, &tallies, &c->sites);
	free(tallies.items);
}

/* --- rows --- */

struct comparison {
	bool made;
	char name[LIMIT_VP_NAME + 40];
	struct parting parting;
	char from[ADDR_TEXT], to[ADDR_TEXT];
};

static void
compare_with(
    struct comparison *c, const struct path *other, const struct path *path)
{
	c->made = true;
	c->parting = path_part(other, path);
	if (c->parting.distance == 0)
		return;
	if (c->parting.from != NULL)
		(void)addr_format(c->from, &c->parting.from->addr);
	if (c->parting.to != NULL)
		(void)addr_format(c->to, &c->parting.to->addr);
}

static void
compare_path(struct comparison *c, const struct paths *p,
    const struct lane_paths *lane, size_t number)
{
	const struct traced_path *is = &lane->items[number];
	const struct catalog *catalog = &p->run->catalog;
	const struct reference *reference;

	*c = (struct comparison){ .parting = { .from_asn = -1, .to_asn = -1 } };
	if (p->against_vp < 0 && is->before >= 0) {
		(void)text_print(
		    c->name, sizeof(c->name), "%" PRId64, is->before + 1);
		compare_with(c, &lane->items[is->before].path, &is->path);
	}
	if (p->against_vp < 0 ||
	    (reference = find_reference(p, lane->lane)) == NULL)
		return;
	(void)text_print(c->name, sizeof(c->name), "%s/%d/%zu",
	    names_text(&catalog->names, catalog->vps[p->against_vp].name),
	    catalog->lanes[reference->lane].flow, reference->number);
	compare_with(c, &reference->path, &is->path);
}

static size_t
count_silent(const struct path *path)
{
	size_t silent = 0;

	for (size_t i = 0; i < path->count; i++)
		silent += !addr_is_set(&path->hops[i].addr);
	return silent;
}

static struct cell
asn_cell(int64_t asn)
{
	return cell_number_if(asn >= 0, asn);
}

static int
write_path(struct paths *p, struct lane_paths *lane, size_t number)
{
	struct run *run = p->run;
	const struct catalog *c = &run->catalog;
	const struct lane *l = &c->lanes[lane->lane];
	const struct service *service = &c->services[l->service];
	struct traced_path *is = &lane->items[number];
	char hops[PATH_HOPS * (ADDR_TEXT + 1)], asns[PATH_HOPS * 12];
	struct comparison compared;

	compare_path(&compared, p, lane, number);
	print_hops(hops, sizeof(hops), &is->path);
	print_asns(asns, sizeof(asns), &is->path);
	list_sites(&p->sites, p, lane, number);
	quantile_sort(is->rtts.items, is->rtts.count);
	return report_row(&run->report,
	    (const struct cell[COLUMNS]){
		run_text(run, service->target),
		run_text(run, service->address),
		cell_number(service->af),
		run_text(run, c->vps[l->vp].name),
		run_text(run, l->proto),
		cell_number(l->flow),
		cell_number((int64_t)number + 1),
		cell_percent((double)is->traces, (double)lane->trace_count),
		cell_number(is->first_us),
		cell_number(is->last_us),
		cell_number(is->held_us),
		cell_number((int64_t)is->traces),
		cell_number((int64_t)is->answered),
		cell_number((int64_t)is->path.count),
		cell_number((int64_t)count_silent(&is->path)),
		is->rtts.count == 0 ? cell_unknown()
				    : cell_number(quantile_median(
					  is->rtts.items, is->rtts.count)),
		cell_text(p->sites.text),
		cell_text(compared.name),
		cell_number_if(
		    compared.made, (int64_t)compared.parting.distance),
		cell_text(compared.from),
		cell_text(compared.to),
		asn_cell(compared.parting.from_asn),
		asn_cell(compared.parting.to_asn),
		cell_text(networks(p, &is->path)),
		cell_text(hops),
		cell_text(asns),
	    });
}

static void
write_lane(struct lane_paths *lane, void *context)
{
	struct paths *p = context;

	for (size_t i = 0; p->status == 0 && i < lane->count; i++)
		p->status = write_path(p, lane, i);
}

static void
read_vp(struct paths *p, int32_t vp, traces_fn *fn)
{
	const struct options *o = p->run->options;

	traces_read(&p->reader,
	    &(struct traces_window){ vp, o->since_us, o->until_us }, fn, p);
}

static void
find_against(struct paths *p)
{
	const struct catalog *c = &p->run->catalog;
	const char *name = p->run->options->against;

	for (size_t i = 0; name[0] != '\0' && i < c->vp_count; i++) {
		if (strcmp(names_text(&c->names, c->vps[i].name), name) == 0)
			p->against_vp = (int32_t)i;
	}
	if (p->against_vp >= 0)
		read_vp(p, p->against_vp, keep_reference);
	else if (name[0] != '\0')
		log_warnx("--against %s: no such vantage point", name);
}

static void
clear(struct paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		path_clear(&p->references[i].path);
	free(p->references);
	free(p->text);
	free(p->sites.text);
	traces_clear(&p->reader);
}

int
paths_report(struct run *run)
{
	struct paths p = { .run = run, .against_vp = -1 };

	traces_init(&p.reader, run->query, &run->catalog, run->geo);
	run->report.table_columns = TABLE_COLUMNS;
	find_against(&p);
	p.status = report_begin(&run->report, columns, COLUMNS);
	for (size_t i = 0; p.status == 0 && i < run->catalog.vp_count; i++) {
		if (!run->options->against_hidden || (int32_t)i != p.against_vp)
			read_vp(&p, (int32_t)i, write_lane);
	}
	if (report_end(&run->report) == -1)
		p.status = -1;
	clear(&p);
	return p.status;
}
