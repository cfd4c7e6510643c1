/*
 * Identities: every name that answered, those first that nobody can place.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "analysis/identities.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/tallies.h"
#include "lib/sphere.h"
#include "lib/text.h"

/* From when on an old version is stale: RSSAC047v2's publication latency of a
 * server. */
#define STALE_US (65 * 60 * 1000000LL)
#define SAME_KM 150.0
#define NOTE_TEXT 80
#define GAP "; "
#define OTHERS 64 /* names of a row; "..." stands for the rest */

static const struct column columns[] = {
	{ "target", COLUMN_TEXT },
	{ "state", COLUMN_TEXT },
	{ "instance", COLUMN_TEXT },
	{ "method", COLUMN_TEXT },
	{ "site", COLUMN_TEXT },
	{ "country", COLUMN_TEXT },
	{ "confidence", COLUMN_INTEGER },
	{ "rule", COLUMN_TEXT },
	{ "first_seen", COLUMN_TIME },
	{ "last_seen", COLUMN_TIME },
	{ "vantage_points", COLUMN_INTEGER },
	{ "countries", COLUMN_TEXT },
	{ "note", COLUMN_TEXT },
#define TABLE_COLUMNS 13
	{ "regions", COLUMN_TEXT },
	{ "vp", COLUMN_TEXT },
	{ "addresses", COLUMN_INTEGER },
	{ "answers", COLUMN_INTEGER },
	{ "city", COLUMN_TEXT },
	{ "other_names", COLUMN_TEXT },
	{ "agreement", COLUMN_TEXT },
	{ "serial", COLUMN_INTEGER },
	{ "newest_serial", COLUMN_INTEGER },
	{ "behind", COLUMN_INTEGER },
	{ "behind_s", COLUMN_SECONDS },
	{ "serial_at", COLUMN_TIME },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

enum state { STATE_UNKNOWN, STATE_GUESS, STATE_KNOWN };
enum agreement { AGREE_NONE, AGREE_SAME, AGREE_SITE, AGREE_UNCLEAR, AGREE_NOT };

struct line {
	const struct identity *id;
	struct site site;
	enum state state;
	bool outside; /* the service's scheme */
	enum agreement agreement;
};

struct page {
	struct run *run;
	struct identities ids;
	struct line *lines;
	struct list regions, countries, names;
	struct tallies by_region, by_country;
	int32_t others[OTHERS]; /* listed in names */
	size_t other_count;
	size_t *pairs_by_nsid; /* indexes, by target and NSID */
};

/* --- places --- */

static bool
place_of(const struct page *page, int32_t target, const char *text,
    struct site *site)
{
	const struct catalog *c = &page->run->catalog;

	return site_map_find_at(c->map,
	    &(struct site_name){
		.service = names_text(&c->names, c->services[target].target),
		.instance = text,
		.time_us = c->map_us,
	    },
	    site);
}

static void
judge_place(struct page *page, struct line *line)
{
	struct catalog *c = &page->run->catalog;
	const struct identity *id = line->id;
	const char *text =
	    names_text(&c->names, c->instances[id->instance].text);

	(void)catalog_site(c, id->target, id->instance); /* counts it */
	line->state = STATE_KNOWN;
	if (!place_of(page, id->target, text, &line->site)) {
		line->state = STATE_UNKNOWN;
		line->site = (struct site){ .confidence = -1 };
	} else if (strncmp(line->site.rule, "hint:", 5) == 0) {
		line->state = STATE_GUESS;
	}
	line->outside =
	    line->state != STATE_KNOWN &&
	    site_map_declares(
		c->map, names_text(&c->names, c->services[id->target].target));
}

/* --- two names of one server --- */

/* "fra1" and "fra1.example.net". */
static bool
is_beginning(const char *text, const char *of)
{
	const size_t len = strlen(text);

	return len > 0 && strncasecmp(text, of, len) == 0 &&
	       (of[len] == '\0' || of[len] == '.');
}

static enum agreement
compare_names(const struct page *page, const struct identity_pair *pair)
{
	const struct catalog *c = &page->run->catalog;
	const char *nsid = names_text(&c->names, pair->nsid);
	const char *other =
	    names_text(&c->names, c->instances[pair->instance].text);
	struct site a, b;

	if (is_beginning(nsid, other) || is_beginning(other, nsid))
		return AGREE_SAME;
	if (!place_of(page, pair->target, nsid, &a) ||
	    !place_of(page, pair->target, other, &b))
		return AGREE_UNCLEAR;
	if (strcasecmp(a.name, b.name) == 0 ||
	    (a.has_position && b.has_position &&
		sphere_km((struct sphere_point){ a.lat, a.lon },
		    (struct sphere_point){ b.lat, b.lon }) <= SAME_KM))
		return AGREE_SITE;
	return AGREE_NOT;
}

/* Each once: several questions may have the same answer. */
static void
list_other(struct page *page, int32_t name)
{
	if (page->other_count > OTHERS)
		return;
	for (size_t i = 0; i < page->other_count; i++) {
		if (page->others[i] == name)
			return;
	}
	if (page->other_count == OTHERS) {
		list_add(&page->names, GAP, "...");
	} else {
		page->others[page->other_count] = name;
		list_add(&page->names, GAP,
		    names_text(&page->run->catalog.names, name));
	}
	page->other_count++;
}

static void
add_pair(struct page *page, struct line *line, const struct identity_pair *pair,
    int32_t other)
{
	const enum agreement agreement = compare_names(page, pair);

	if (agreement > line->agreement)
		line->agreement = agreement;
	list_other(page, other);
}

/* The first pair whose target and name are not before these. */
static size_t
lower_bound(const struct page *page, const struct identity *id, int32_t nsid)
{
	const struct identity_pair *pairs = page->ids.pairs;
	size_t low = 0, high = page->ids.pair_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct identity_pair *pair =
		    &pairs[nsid < 0 ? middle : page->pairs_by_nsid[middle]];
		const int32_t name = nsid < 0 ? pair->instance : pair->nsid;
		const int32_t wanted = nsid < 0 ? id->instance : nsid;

		if (pair->target < id->target ||
		    (pair->target == id->target && name < wanted))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What else the servers of a line called themselves. */
static void
list_names(struct page *page, struct line *line)
{
	const struct catalog *c = &page->run->catalog;
	const struct identities *ids = &page->ids;
	const struct identity *id = line->id;
	const struct instance *instance = &c->instances[id->instance];
	const bool is_nsid =
	    strcmp(names_text(&c->names, instance->method), "nsid") == 0;
	const int32_t nsid = is_nsid ? instance->text : -1;

	list_begin(&page->names);
	page->other_count = 0;
	line->agreement = AGREE_NONE;
	for (size_t i = lower_bound(page, id, nsid); i < ids->pair_count; i++) {
		const struct identity_pair *pair =
		    &ids->pairs[is_nsid ? page->pairs_by_nsid[i] : i];

		if (pair->target != id->target ||
		    (is_nsid ? pair->nsid != nsid
			     : pair->instance != id->instance))
			break;
		add_pair(page, line, pair,
		    is_nsid ? c->instances[pair->instance].text : pair->nsid);
	}
}

static int
compare_by_nsid(const void *left, const void *right, void *ids)
{
	const struct identity_pair *pairs = ((struct identities *)ids)->pairs;
	const size_t i = *(const size_t *)left, j = *(const size_t *)right;

	if (pairs[i].target != pairs[j].target)
		return pairs[i].target < pairs[j].target ? -1 : 1;
	if (pairs[i].nsid != pairs[j].nsid)
		return pairs[i].nsid < pairs[j].nsid ? -1 : 1;
	return (i > j) - (i < j);
}

static void
sort_by_nsid(struct page *page)
{
	const size_t count = page->ids.pair_count;

	page->pairs_by_nsid =
	    memory_zeroed(count, sizeof(*page->pairs_by_nsid));
	for (size_t i = 0; i < count; i++)
		page->pairs_by_nsid[i] = i;
	if (count > 1)
		qsort_r(page->pairs_by_nsid, count,
		    sizeof(*page->pairs_by_nsid), compare_by_nsid, &page->ids);
}

/* --- rows --- */

/* Who saw it, and where they were when they saw it last. */
struct seen_by {
	size_t vps, addresses;
	int32_t newest;   /* vantage point */
	bool intercepted; /* one of them was */
};

static struct seen_by
count_vps(struct page *page, const struct identity *id)
{
	const struct catalog *c = &page->run->catalog;
	const struct identity_sight *sights =
	    page->ids.sights.items + id->sight;
	struct seen_by by = { .newest = -1 };
	struct tallies addresses = { 0 };

	for (size_t i = 0; i < id->sight_count; i++) {
		const struct lane *lane = &c->lanes[sights[i].lane];
		const struct place *place;

		tallies_add(&addresses, lane->service);
		by.intercepted =
		    by.intercepted ||
		    judge_marks_name(c, sights[i].lane, sights[i].instance);
		if (by.newest < 0 && sights[i].last_us == id->last_us)
			by.newest = lane->vp;
		if (i > 0 && c->lanes[sights[i - 1].lane].vp == lane->vp)
			continue;
		by.vps++;
		place = catalog_place(&c->vps[lane->vp], sights[i].last_us);
		if (place != NULL) {
			tallies_add(&page->by_region, place->region);
			tallies_add(&page->by_country, place->country);
		}
	}
	by.addresses = addresses.count;
	free(addresses.items);
	return by;
}

static void
list_names_of(struct list *list, struct tallies *t, struct names *names)
{
	list_begin(list);
	tallies_sort(t, names);
	for (size_t i = 0; i < t->count; i++)
		list_add(list, GAP, names_text(names, t->items[i].name));
	t->count = 0;
}

static void
write_note(
    char *note, size_t size, const struct line *line, const struct seen_by *by)
{
	const struct {
		bool holds;
		const char *text;
	} notes[] = {
		{ line->id->is_new, "new" },
		{ line->outside, "outside scheme" },
		{ by->intercepted, "intercepted" },
		{ line->agreement == AGREE_NOT, "names differ" },
		{ line->id->behind_us >= STALE_US, "stale" },
	};
	size_t len = 0;

	note[0] = '\0';
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		if (notes[i].holds)
			(void)text_print(note + len, size - len, "%s%s",
			    len > 0 ? "; " : "", notes[i].text);
		len = strlen(note);
	}
}

static void
put_serial(struct cell *cells, const struct identity *id)
{
	const bool known = id->serial >= 0;

	cells[20] = cell_number_if(known, id->serial);
	cells[21] = cell_number_if(known, id->newest_serial);
	cells[22] = cell_number_if(known,
	    (int64_t)((uint32_t)id->newest_serial - (uint32_t)id->serial));
	cells[23] = cell_number_if(known, id->behind_us);
	cells[24] = cell_number_if(known, id->serial_us);
}

static int
write_line(struct page *page, struct line *line)
{
	static const char *const states[] = { "unknown", "guess", "known" };
	static const char *const agreements[] = { "", "same", "same site",
		"unclear", "other site" };
	struct run *run = page->run;
	struct catalog *c = &run->catalog;
	const struct identity *id = line->id;
	const struct instance *instance = &c->instances[id->instance];
	const struct seen_by by = count_vps(page, id);
	struct cell cells[COLUMNS] = { 0 };
	char note[NOTE_TEXT];

	list_names(page, line);
	list_names_of(&page->regions, &page->by_region, &c->names);
	list_names_of(&page->countries, &page->by_country, &c->names);
	write_note(note, sizeof(note), line, &by);
	cells[0] = run_text(run, c->services[id->target].target);
	cells[1] = cell_text(states[line->state]);
	cells[2] = run_text(run, instance->text);
	cells[3] = run_text(run, instance->method);
	cells[4] = cell_text(line->site.name);
	cells[5] = cell_text(line->site.country);
	cells[6] =
	    cell_number_if(line->site.confidence >= 0, line->site.confidence);
	cells[7] = cell_text(line->site.rule);
	cells[8] = cell_number(id->first_us);
	cells[9] = cell_number(id->last_us);
	cells[10] = cell_number((int64_t)by.vps);
	cells[11] = cell_text(page->countries.text);
	cells[12] = cell_text(note);
	cells[13] = cell_text(page->regions.text);
	cells[14] = run_text(run, c->vps[by.newest].name);
	cells[15] = cell_number((int64_t)by.addresses);
	cells[16] = cell_number(id->answers);
	cells[17] = cell_text(line->site.city);
	cells[18] = cell_text(page->names.text);
	cells[19] = cell_text(agreements[line->agreement]);
	put_serial(cells, id);
	return report_row(&run->report, cells);
}

/* In the order of identities, which is that of target, method and name, but
 * the unknown ones first. */
static int
write_lines(struct page *page)
{
	int status = 0;

	for (int state = STATE_UNKNOWN; state <= STATE_KNOWN; state++) {
		for (size_t i = 0; status == 0 && i < page->ids.count; i++) {
			if ((int)page->lines[i].state == state)
				status = write_line(page, &page->lines[i]);
		}
	}
	return status;
}

static void
page_clear(struct page *page)
{
	identities_clear(&page->ids);
	free(page->lines);
	free(page->regions.text);
	free(page->countries.text);
	free(page->names.text);
	free(page->by_region.items);
	free(page->by_country.items);
	free(page->pairs_by_nsid);
}

int
identities_report(struct run *run)
{
	struct page page = { .run = run };
	int status;

	run->report.table_columns = TABLE_COLUMNS;
	status = report_begin(&run->report, columns, COLUMNS);
	identities_read(&page.ids, run);
	sort_by_nsid(&page);
	page.lines = memory_zeroed(page.ids.count, sizeof(*page.lines));
	for (size_t i = 0; i < page.ids.count; i++) {
		page.lines[i].id = &page.ids.items[i];
		judge_place(&page, &page.lines[i]);
	}
	if (status == 0)
		status = write_lines(&page);
	if (report_end(&run->report) == -1)
		status = -1;
	page_clear(&page);
	return status;
}
