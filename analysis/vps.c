/*
 * Vantage points and how they do: when each reported, how many of its rounds
 * came, what its questions met, and what is known against it.
 */
#include <stdlib.h>
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "analysis/places.h"
#include "analysis/reports.h"
#include "analysis/rounds.h"
#include "analysis/run_hours.h"

#define ROUNDS_LATE 3
#define EVIDENCE_TEXT 512

static const struct column columns[] = {
	{ "vp", COLUMN_TEXT },
	{ "state", COLUMN_TEXT },
	{ "region", COLUMN_TEXT },
	{ "country", COLUMN_TEXT },
	{ "asn", COLUMN_INTEGER },
	{ "first", COLUMN_TIME },
	{ "last", COLUMN_TIME },
	{ "every_s", COLUMN_INTEGER },
	{ "rounds", COLUMN_INTEGER },
	{ "missed", COLUMN_INTEGER },
	{ "coverage_pct", COLUMN_PERCENT },
	{ "skipped", COLUMN_INTEGER },
	{ "lost_batches", COLUMN_INTEGER },
	{ "asked", COLUMN_INTEGER },
	{ "answered", COLUMN_INTEGER },
	{ "unsent", COLUMN_INTEGER },
	{ "loss_pct", COLUMN_PERCENT },
	{ "city", COLUMN_TEXT },
	{ "as_name", COLUMN_TEXT },
	{ "place_by", COLUMN_TEXT },
	{ "asn_by", COLUMN_TEXT },
	{ "reported", COLUMN_TEXT },
	{ "seen", COLUMN_TEXT },
	{ "intercepted", COLUMN_INTEGER },
	{ "finding", COLUMN_TEXT },
	{ "evidence", COLUMN_TEXT },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct counts {
	int64_t asked, answered, unsent, intercepted;
};

struct vps {
	struct run *run;
	struct rounds_reader rounds;
	struct places_reader places;
	struct query_rows *ends, *sums;
	struct samples samples;
	/* Of very many records, what whole hours came to. */
	bool many;
	struct run_hours hours;
	struct counts *of_hours; /* by vantage point */
};

struct health {
	bool any; /* a batch before the window's end */
	int64_t first_us, last_us, every_s;
	int64_t skipped, lost;
	struct counts counts;
	struct rounds rounds;
};

/* silent: nothing for over three rounds before the end; gaps: not each round
 * came. */
static const char *
state_of(const struct vps *v, const struct health *h)
{
	const struct options *o = v->run->options;
	int64_t end_us = o->until_us < o->now_us ? o->until_us : o->now_us;

	if (!h->any)
		return "never";
	if (h->every_s <= 0)
		return h->rounds.came > 0 ? "" : "silent";
	if (end_us - h->last_us > ROUNDS_LATE * h->every_s * 1000000)
		return "silent";
	return h->rounds.known && h->rounds.missed > 0 ? "gaps" : "ok";
}

static void
count_run(void *context, const struct run_row *run)
{
	struct vps *v = context;
	const struct catalog *c = &v->run->catalog;
	struct counts *counts = &v->of_hours[c->lanes[run->lane].vp];

	counts->asked += run->asked;
	counts->answered += run->answered;
	counts->unsent += run->unsent;
	if (!run->lost && judge_marks_name(c, run->lane, run->instance))
		counts->intercepted += run->answered;
}

static void
count_hours(struct vps *v)
{
	struct run *run = v->run;
	const struct options *o = run->options;

	v->of_hours =
	    memory_zeroed(run->catalog.vp_count, sizeof(*v->of_hours));
	v->many = run_hours_many(run->query, o->since_us, o->until_us);
	if (!v->many)
		return;
	run_hours_init(&v->hours, run->query, &run->catalog,
	    (const int64_t[2]){ o->since_us, o->until_us });
	run_hours_read(&v->hours, count_run, v);
}

static void
count_samples(struct vps *v, struct counts *counts, int32_t vp,
    const int64_t window_us[2])
{
	if (window_us[0] >= window_us[1])
		return;
	samples_read(
	    &v->run->sampler, &v->samples, vp, window_us[0], window_us[1]);
	for (size_t i = 0; i < v->samples.count; i++) {
		const struct sample *sample = &v->samples.items[i];

		counts->asked++;
		counts->answered += sample_answered(sample);
		counts->intercepted += sample->verdict == VERDICT_INTERCEPTED;
		counts->unsent += sample->outcome == OUTCOME_UNSENT;
	}
}

static void
count_all(struct vps *v, struct counts *counts, int32_t vp)
{
	const struct options *o = v->run->options;
	int64_t from_us, to_us;

	*counts = v->of_hours[vp];
	if (!v->many || !run_hours_cover(&v->hours, vp, &from_us, &to_us))
		from_us = to_us = o->until_us;
	count_samples(
	    v, counts, vp, (const int64_t[2]){ o->since_us, from_us });
	count_samples(v, counts, vp, (const int64_t[2]){ to_us, o->until_us });
}

static void
read_health(struct vps *v, struct health *h, int32_t vp)
{
	const struct options *o = v->run->options;
	int64_t id = v->run->catalog.vps[vp].id;

	*h = (struct health){ 0 };
	query_bind(v->ends, 1, id);
	query_bind(v->ends, 2, o->until_us);
	if (query_next(v->ends) && !query_null(v->ends, 0)) {
		h->any = true;
		h->first_us = query_int(v->ends, 0);
		h->last_us = query_int(v->ends, 1);
	}
	query_reset(v->ends);
	query_bind(v->sums, 1, id);
	query_bind(v->sums, 2, o->since_us);
	query_bind(v->sums, 3, o->until_us);
	if (query_next(v->sums)) {
		h->skipped = query_int(v->sums, 0);
		h->lost = query_int(v->sums, 1);
	}
	query_reset(v->sums);
	h->every_s = samples_every_s(&v->run->sampler, vp, o->until_us);
	rounds_read(&v->rounds, &h->rounds, id,
	    &(struct rounds_window){
		.since_us = o->since_us,
		.until_us = o->until_us,
		.now_us = o->now_us,
		.alive_us = o->since_us - (o->until_us - o->since_us),
	    });
	count_all(v, &h->counts, vp);
}

/* Whose word a fact is. */
static const char *
by_whom(bool known, bool by_address)
{
	if (!known)
		return "";
	return by_address ? "address" : "configuration";
}

/* As acreport plausibility names it and says. */
static const char *
finding_of(const struct health *h, const struct suspect *s, char *evidence)
{
	*evidence = '\0';
	if (s != NULL) {
		suspect_evidence(s, evidence, EVIDENCE_TEXT);
		return h->counts.intercepted > 0 ? "misplaced, intercepted"
						 : "misplaced";
	}
	return h->counts.intercepted > 0 ? "intercepted" : "";
}

static int
write_vp(struct vps *v, int32_t vp)
{
	static const struct place nowhere = { .region = -1,
		.country = -1,
		.city = -1,
		.asn = -1,
		.as_name = -1 };
	struct run *run = v->run;
	const int64_t at_us = run->options->until_us - 1;
	const struct vantage *vantage = &run->catalog.vps[vp];
	const struct place *place = catalog_place(vantage, at_us);
	struct places_addresses addresses;
	const struct suspect *suspect = judge_suspect(&run->catalog, vp);
	char evidence[EVIDENCE_TEXT];
	const char *finding;
	struct health h;
	int64_t sent;

	if (place == NULL)
		place = &nowhere;
	read_health(v, &h, vp);
	places_addresses(&v->places, vantage->id, at_us, &addresses);
	finding = finding_of(&h, suspect, evidence);
	sent = h.counts.asked - h.counts.unsent;
	return report_row(&run->report,
	    (const struct cell[COLUMNS]){
		run_text(run, vantage->name),
		cell_text(state_of(v, &h)),
		run_text(run, place->region),
		run_text(run, place->country),
		cell_number_if(place->asn >= 0, place->asn),
		cell_number_if(h.any, h.first_us),
		cell_number_if(h.any, h.last_us),
		cell_number_if(h.every_s > 0, h.every_s),
		cell_number(h.rounds.came),
		cell_number_if(h.rounds.known, h.rounds.missed),
		h.rounds.known ? cell_percent((double)h.rounds.came,
				     (double)(h.rounds.came + h.rounds.missed))
			       : cell_unknown(),
		cell_number(h.skipped),
		cell_number(h.lost),
		cell_number(h.counts.asked),
		cell_number(h.counts.answered),
		cell_number(h.counts.unsent),
		cell_percent((double)(sent - h.counts.answered), (double)sent),
		run_text(run, place->city),
		run_text(run, place->as_name),
		cell_text(by_whom(place->country >= 0 || place->city >= 0 ||
				      place->has_position,
		    place->by_address)),
		cell_text(by_whom(place->asn >= 0, place->asn_by_address)),
		cell_text(addresses.reported),
		cell_text(addresses.seen),
		cell_number_if(
		    run->catalog.judge != NULL, h.counts.intercepted),
		cell_text(finding),
		cell_text(evidence),
	    });
}

int
vps_report(struct run *run)
{
	struct vps v = { .run = run };
	int status;

	rounds_init(&v.rounds, run->query);
	places_reader_init(&v.places, run->query);
	v.ends = query_prepare(run->query,
	    "SELECT (SELECT min(t0) FROM batch WHERE vp = ?1 AND t0 < ?2),"
	    " (SELECT max(t0) FROM batch WHERE vp = ?1 AND t0 < ?2)");
	v.sums = query_prepare(run->query,
	    "SELECT total(skipped), total(lost) FROM batch"
	    " WHERE vp = ?1 AND t0 >= ?2 AND t0 < ?3");
	count_hours(&v);
	status = report_begin(&run->report, columns, COLUMNS);
	for (size_t i = 0; status == 0 && i < run->catalog.vp_count; i++)
		status = write_vp(&v, (int32_t)i);
	if (report_end(&run->report) == -1)
		status = -1;
	samples_clear(&v.samples);
	run_hours_clear(&v.hours);
	free(v.of_hours);
	rounds_clear(&v.rounds);
	places_reader_clear(&v.places);
	query_finish(v.ends);
	query_finish(v.sums);
	return status;
}
