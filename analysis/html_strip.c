/*
 * The strip: the window in steps, and for each vantage point who served it in
 * each, as runs of equal steps. A step without a sample keeps what was before
 * as long as the catchment report would (DESIGN.md 9), and then is a gap.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include "analysis/html.h"
#include "analysis/judge.h"
#include "analysis/locate.h"
#include "analysis/memory.h"
#include "analysis/methods.h"
#include "analysis/quantile.h"
#include "analysis/run_hours.h"
#include "lib/text.h"
#include "lib/times.h"

#define STEPS 168
#define RUNS_MAX 12000 /* then the steps are made wider: the page is small */
#define STEPS_MIN 12   /* but not beyond */
#define WIDTHS 6
#define STATE_TEXT 32

enum { GAP = -1, NO_ANSWER = -2, NO_IDENTITY = -3, INTERCEPTED = -4 };

struct cell_run {
	int64_t steps;
	int32_t code, instance; /* a site, or one of those above */
};

/* One width of the steps; all are made of one reading of the samples. */
struct width {
	int64_t first_us, step_us, count; /* steps */
	json_t *rows;
	size_t runs;
};

/* Of one lane. */
struct row {
	struct width *width;
	json_t *runs;
};

struct strip {
	struct run *run;
	struct methods methods;
	bool *wanted; /* lanes: those that are compared */
	struct samples samples;
	struct cell_run *seen; /* by sample of the lane at hand */
	size_t seen_room;
	struct values rtts;
	struct width widths[WIDTHS]; /* from the narrowest */
	size_t width_count;
	struct names names;  /* of instances */
	struct names states; /* "CODE,NAME" of what was seen */
	json_t *state_list;
};

int64_t
html_step_us(int64_t window_us, int64_t least_us)
{
	static const int64_t seconds[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300,
		600, 900, 1800, 3600, 7200, 10800, 21600, 43200 };
	int64_t days;

	if (window_us / STEPS > least_us)
		least_us = (window_us + STEPS - 1) / STEPS;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		if (seconds[i] * SECOND_US >= least_us)
			return seconds[i] * SECOND_US;
	}
	days = (least_us + DAY_US - 1) / DAY_US;
	return days * DAY_US;
}

static void
code_of(struct strip *s, const struct sample *sample, struct cell_run *cell)
{
	struct catalog *c = &s->run->catalog;
	int32_t service = c->lanes[sample->lane].service;
	int32_t method = s->methods.of_service[service].method;

	cell->instance = -1;
	if (!sample_answered(sample)) {
		cell->code = NO_ANSWER;
	} else if (sample->verdict == VERDICT_INTERCEPTED) {
		cell->code = INTERCEPTED;
		cell->instance = sample->said;
	} else if (sample->instance < 0 || method < 0 ||
		   c->instances[sample->instance].method != method) {
		cell->code = NO_IDENTITY;
	} else {
		cell->code = catalog_site(c, service, sample->instance);
		cell->instance = sample->instance;
	}
}

/* Samples [from, end), all of one lane: for all widths once. */
static void
code_all(struct strip *s, size_t from, size_t end)
{
	while (s->seen_room < end - from)
		s->seen = memory_grow(s->seen, &s->seen_room, sizeof(*s->seen));
	for (size_t i = from; i < end; i++)
		code_of(s, &s->samples.items[i], &s->seen[i - from]);
}

/* The number of a code and the name of an instance. */
static int32_t
put_state(struct strip *s, const struct cell_run *run)
{
	const struct catalog *c = &s->run->catalog;
	const size_t known = s->states.count;
	char text[STATE_TEXT];
	int32_t name = -1, number;
	json_t *state;

	if (run->instance >= 0)
		name = names_put(&s->names,
		    names_text(&c->names, c->instances[run->instance].text));
	(void)text_print(
	    text, sizeof(text), "%" PRId32 ",%" PRId32, run->code, name);
	number = names_put(&s->states, text);
	if (s->states.count > known) {
		state = json_array();
		json_array_append_new(state, json_integer(run->code));
		json_array_append_new(state, json_integer(name));
		json_array_append_new(s->state_list, state);
	}
	return number;
}

static void
end_run(struct strip *s, struct row *row, const struct cell_run *run)
{
	if (run->steps == 0)
		return;
	json_array_append_new(row->runs, json_integer(run->steps));
	json_array_append_new(row->runs, json_integer(put_state(s, run)));
	if (s->rtts.count > 0) {
		quantile_sort(s->rtts.items, s->rtts.count);
		json_array_append_new(row->runs,
		    json_real(
			(double)quantile_median(s->rtts.items, s->rtts.count) /
			1000.0));
	} else {
		json_array_append_new(row->runs, json_null());
	}
	s->rtts.count = 0;
	row->width->runs++;
}

/* One step's cell joins the run at hand or begins the next. */
static void
put_cell(struct strip *s, struct row *row, struct cell_run *run,
    const struct cell_run *cell)
{
	if (run->steps > 0 && run->code == cell->code &&
	    run->instance == cell->instance) {
		run->steps++;
		return;
	}
	end_run(s, row, run);
	*run = *cell;
	run->steps = 1;
}

static int64_t
keeps_until(const struct sample *sample)
{
	return sample->t_us + samples_patience_us(sample->every_s);
}

/* The runs of samples[from, end), all of one lane. A step shows its last
 * answer with a name, else its last sample. */
static json_t *
runs_of(struct strip *s, struct width *width, size_t from, size_t end)
{
	struct row row = { width, json_array() };
	struct cell_run run = { 0 }, cell = { 0, GAP, -1 };
	const size_t lane = from;
	int64_t kept_us = INT64_MIN;

	for (int64_t step = 0; step < width->count; step++) {
		int64_t begin_us = width->first_us + step * width->step_us;
		size_t first = from;
		bool named = false;

		for (; from < end &&
		       s->samples.items[from].t_us < begin_us + width->step_us;
		     from++) {
			kept_us = keeps_until(&s->samples.items[from]);
			if (s->seen[from - lane].code < 0 && named)
				continue;
			named |= s->seen[from - lane].code >= 0;
			cell = s->seen[from - lane];
		}
		if (first == from && kept_us < begin_us)
			cell = (struct cell_run){ 0, GAP, -1 };
		put_cell(s, &row, &run, &cell);
		for (; first < from; first++) {
			const uint32_t rtt_us = s->samples.items[first].rtt_us;

			if (rtt_us != SAMPLE_NO_RTT &&
			    s->seen[first - lane].code == cell.code)
				values_add(&s->rtts, rtt_us);
		}
	}
	end_run(s, &row, &run);
	return row.runs;
}

static void
add_lane(struct strip *s, struct width *width, size_t from, size_t end)
{
	const struct catalog *c = &s->run->catalog;
	const struct lane *lane = &c->lanes[s->samples.items[from].lane];
	json_t *row = json_array();

	json_array_append_new(row, json_integer(lane->service));
	json_array_append_new(row, json_integer(lane->vp));
	json_array_append_new(row, json_integer(lane->flow));
	json_array_append_new(row, runs_of(s, width, from, end));
	json_array_append_new(width->rows, row);
}

/* Whether a wider one is needed, whatever follows. */
static bool
is_too_narrow(const struct width *width)
{
	return width->runs > RUNS_MAX && width->count > STEPS_MIN;
}

/* The narrowest gives names and sites their numbers, and so is made to its
 * end. */
static void
add_vp(struct strip *s, int32_t vp)
{
	struct run *run = s->run;
	const struct catalog *c = &run->catalog;

	run->sampler.wanted = s->wanted;
	samples_read(&run->sampler, &s->samples, vp, run->options->since_us,
	    run->options->until_us);
	run->sampler.wanted = NULL;
	for (size_t from = 0, end; from < s->samples.count; from = end) {
		end = samples_lane_end(&s->samples, from);
		if (!methods_compares(
			&s->methods, c, s->samples.items[from].lane))
			continue;
		code_all(s, from, end);
		for (size_t i = 0; i < s->width_count; i++) {
			if (i == 0 || !is_too_narrow(&s->widths[i]))
				add_lane(s, &s->widths[i], from, end);
		}
	}
}

static json_t *
rounded(double degrees)
{
	return json_real(round(degrees * 10) / 10);
}

/* Each with its position, and how sure that is, where it is known. */
static json_t *
sites(const struct catalog *c)
{
	struct site *found = locate_sites(c);
	json_t *list = json_array();

	for (size_t i = 0; i < c->sites.count; i++) {
		const struct site *site = &found[i];
		json_t *entry = json_array();

		json_array_append_new(
		    entry, json_string(names_text(&c->sites, (int32_t)i)));
		if (site->has_position) {
			json_array_append_new(entry, rounded(site->lat));
			json_array_append_new(entry, rounded(site->lon));
			json_array_append_new(
			    entry, json_integer(site->confidence));
		}
		json_array_append_new(list, entry);
	}
	free(found);
	return list;
}

static void
set_widths(struct strip *s)
{
	const struct options *o = s->run->options;
	int64_t step_us = html_step_us(o->until_us - o->since_us, 0);
	struct width *width;

	do {
		width = &s->widths[s->width_count++];
		width->step_us = step_us;
		width->first_us = html_first_us(o, step_us);
		width->count =
		    (o->until_us - width->first_us + step_us - 1) / step_us;
		width->rows = json_array();
		step_us *= 2;
	} while (width->count > STEPS_MIN && s->width_count < WIDTHS);
}

/* The narrowest that is not too much for a page. */
static struct width *
make_rows(struct strip *s)
{
	size_t best = 0;

	set_widths(s);
	for (size_t i = 0; i < s->run->catalog.vp_count; i++)
		add_vp(s, (int32_t)i);
	while (best + 1 < s->width_count && is_too_narrow(&s->widths[best]))
		best++;
	for (size_t i = 0; i < s->width_count; i++) {
		if (i != best)
			json_decref(s->widths[i].rows);
	}
	return &s->widths[best];
}

void
html_add_strip(json_t *page, struct run *run)
{
	const struct options *o = run->options;
	const int64_t window_us[] = { o->since_us, o->until_us };
	struct strip s = { .run = run, .state_list = json_array() };
	json_t *texts = json_array();
	const struct width *width;

	methods_choose(
	    &s.methods, &run->catalog, run->query, o->since_us, o->until_us);
	s.wanted = methods_lanes(&s.methods, &run->catalog);
	/* Of very many records the other reports read runs. */
	sampler_keep(&run->sampler, window_us,
	    run_hours_many(run->query, o->since_us, o->until_us) ? s.wanted
								 : NULL);
	width = make_rows(&s);
	for (size_t i = 0; i < s.names.count; i++)
		json_array_append_new(texts, json_string(s.names.texts[i]));
	json_object_set_new(page, "strip", width->rows);
	json_object_set_new(page, "instances", texts);
	json_object_set_new(page, "states", s.state_list);
	json_object_set_new(page, "sites", sites(&run->catalog));
	json_object_set_new(
	    page, "first", json_integer(width->first_us / 1000));
	json_object_set_new(page, "step", json_integer(width->step_us / 1000));
	json_object_set_new(page, "steps", json_integer(width->count));
	methods_clear(&s.methods);
	free(s.wanted);
	samples_clear(&s.samples);
	values_clear(&s.rtts);
	names_clear(&s.names);
	names_clear(&s.states);
	free(s.seen);
}
