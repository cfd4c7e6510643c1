/*
 * What cannot be as it was said, with the numbers or names that prove it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/reports.h"
#include "lib/text.h"

#define EVIDENCE_TEXT 512

static const struct column columns[] = {
	{ "kind", COLUMN_TEXT },
	{ "vp", COLUMN_TEXT },
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "time", COLUMN_TIME },
	{ "question", COLUMN_TEXT },
	{ "proto", COLUMN_TEXT },
	{ "flow", COLUMN_INTEGER },
	{ "method", COLUMN_TEXT },
	{ "instance", COLUMN_TEXT },
	{ "site", COLUMN_TEXT },
	{ "rtt_ms", COLUMN_MS },
	{ "least_ms", COLUMN_MS },
	{ "distance_km", COLUMN_KM },
	{ "reach_km", COLUMN_KM },
	{ "vp_lat", COLUMN_DEGREES },
	{ "vp_lon", COLUMN_DEGREES },
	{ "site_lat", COLUMN_DEGREES },
	{ "site_lon", COLUMN_DEGREES },
	{ "confidence", COLUMN_INTEGER },
	{ "rule", COLUMN_TEXT },
	{ "evidence", COLUMN_TEXT },
	{ "first", COLUMN_TIME }, /* of intercepted */
	{ "last", COLUMN_TIME },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct findings {
	struct run *run;
	struct judge judge;
};

static bool
among(const struct names *filter, const char *text)
{
	return filter->count == 0 || names_find(filter, text) >= 0;
}

/* Whether the filters of the report want to see it. */
static bool
wanted(const struct findings *f, int32_t lane)
{
	const struct options *o = f->run->options;
	const struct catalog *c = f->judge.catalog;
	const struct lane *l = &c->lanes[lane];
	const struct service *s = &c->services[l->service];

	return (o->af == 0 || o->af == s->af) &&
	       among(&o->vps, names_text(&c->names, c->vps[l->vp].name)) &&
	       among(&o->targets, names_text(&c->names, s->target)) &&
	       among(&o->questions, names_text(&c->names, l->question));
}

static struct cell
text_cell(const struct findings *f, int32_t name)
{
	return cell_text(names_text(&f->judge.catalog->names, name));
}

/* Where and what. */
static void
set_lane(const struct findings *f, struct cell *cells, int32_t lane)
{
	const struct catalog *c = f->judge.catalog;
	const struct lane *l = &c->lanes[lane];
	const struct service *s = &c->services[l->service];

	cells[1] = text_cell(f, c->vps[l->vp].name);
	cells[2] = text_cell(f, s->target);
	cells[3] = text_cell(f, s->address);
	cells[4] = cell_number(s->af);
	cells[6] = text_cell(f, l->question);
	cells[7] = text_cell(f, l->proto);
	cells[8] = cell_number(l->flow);
}

static struct cell
degrees(double value)
{
	return cell_number(llround(value * 1e6));
}

static void
set_proof(const struct findings *f, struct cell *cells, const struct proof *p)
{
	const struct catalog *c = f->judge.catalog;
	const struct instance *instance = &c->instances[p->instance];
	const struct site *site = &p->claim->site;

	set_lane(f, cells, p->lane);
	cells[5] = cell_number(p->t_us);
	cells[9] = text_cell(f, instance->method);
	cells[10] = text_cell(f, instance->text);
	cells[11] = cell_text(site->name);
	cells[12] = cell_number(p->rtt_us);
	cells[13] = cell_number(p->least_us);
	cells[14] = cell_number(llround(p->km * 1000));
	cells[15] = cell_number(llround(p->reach_km * 1000));
	cells[16] = degrees(p->vp.lat);
	cells[17] = degrees(p->vp.lon);
	cells[18] = degrees(site->lat);
	cells[19] = degrees(site->lon);
	cells[20] = cell_number(site->confidence);
	cells[21] = cell_text(site->rule);
}

/* A vantage point or a site, with its worst violation. */
static int
write_suspect(struct findings *f, const struct suspect *s)
{
	struct cell cells[COLUMNS] = { 0 };
	char text[EVIDENCE_TEXT];

	if (!wanted(f, s->worst.lane))
		return 0;
	set_proof(f, cells, &s->worst);
	suspect_evidence(s, text, sizeof(text));
	cells[0] = cell_text(s->vp >= 0 ? "misplaced" : "site");
	cells[22] = cell_text(text);
	return report_row(&f->run->report, cells);
}

static int
write_proof(struct findings *f, const struct proof *p)
{
	struct cell cells[COLUMNS] = { 0 };

	if (!wanted(f, p->lane))
		return 0;
	cells[0] = cell_text("impossible");
	set_proof(f, cells, p);
	return report_row(&f->run->report, cells);
}

/* A name that somebody else gave; of all time up to the window's end. */
static int
write_sight(struct findings *f, const struct sight *s)
{
	struct cell cells[COLUMNS] = { 0 };

	if (s->evidence == NULL || s->last_us < f->run->options->since_us ||
	    !wanted(f, s->lane))
		return 0;
	cells[0] = cell_text("intercepted");
	set_lane(f, cells, s->lane);
	cells[9] = text_cell(f, s->method);
	cells[10] = text_cell(f, s->text);
	cells[22] = cell_text(s->evidence);
	cells[23] = cell_number(s->first_us);
	cells[24] = cell_number(s->last_us);
	return report_row(&f->run->report, cells);
}

/* A stretch in which a canary answered, in one lane. */
static int
write_songs(
    struct findings *f, const struct song *first, const struct song *last)
{
	struct cell cells[COLUMNS] = { 0 };

	if (last->t_us < f->run->options->since_us || !wanted(f, first->lane))
		return 0;
	cells[0] = cell_text("intercepted");
	set_lane(f, cells, first->lane);
	cells[22] = cell_text("answered, where nothing does");
	cells[23] = cell_number(first->t_us);
	cells[24] = cell_number(last->t_us);
	return report_row(&f->run->report, cells);
}

static int
compare_songs(const void *left, const void *right)
{
	const struct song *a = left, *b = right;

	if (a->lane != b->lane)
		return a->lane < b->lane ? -1 : 1;
	return (a->t_us > b->t_us) - (a->t_us < b->t_us);
}

static int
write_canaries(struct findings *f)
{
	const struct interception *in = &f->judge.interception;
	struct song *songs = memory_zeroed(in->song_count, sizeof(*songs));
	int status = 0;

	for (size_t i = 0; i < in->song_count; i++)
		songs[i] = in->songs[i];
	if (in->song_count > 1)
		qsort(songs, in->song_count, sizeof(*songs), compare_songs);
	for (size_t i = 0, end; status == 0 && i < in->song_count; i = end) {
		for (end = i + 1;
		     end < in->song_count && songs[i].answered &&
		     songs[end].answered && songs[end].lane == songs[i].lane;
		     end++)
			continue;
		if (songs[i].answered)
			status = write_songs(f, &songs[i], &songs[end - 1]);
	}
	free(songs);
	return status;
}

static int
write_rows(struct findings *f)
{
	const struct plausibility *p = &f->judge.plausibility;
	const struct interception *in = &f->judge.interception;
	int status = write_canaries(f);

	for (size_t i = 0; status == 0 && i < in->count; i++)
		status = write_sight(f, &in->sights[i]);
	for (size_t i = 0; status == 0 && i < p->suspect_count; i++)
		status = write_suspect(f, &p->suspects[i]);
	for (size_t i = 0; status == 0 && i < p->count; i++)
		status = write_proof(f, &p->proofs[i]);
	return status;
}

int
plausibility_report(struct run *run)
{
	struct findings f = { .run = run };
	int status;

	judge_init(&f.judge, &(struct judge_of){
				 .query = run->query,
				 .options = run->options,
				 .map = run->catalog.map,
				 .geo = run->geo,
				 .catalog = &run->catalog,
				 .plausible = true,
				 .guesses = true,
			     });
	status = report_begin(&run->report, columns, COLUMNS);
	if (status == 0)
		status = write_rows(&f);
	if (report_end(&run->report) == -1)
		status = -1;
	judge_clear(&f.judge);
	return status;
}
