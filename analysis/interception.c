#include "analysis/interception.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/intervals.h"
#include "analysis/judge.h"
#include "analysis/memory.h"
#include "lib/times.h"

#define EMPTY_ROUNDS "24"
#define BEFORE_US DAY_US /* who gives evidence, too */

static const char *const naming[] = { "nsid", "hostname.bind", "id.server" };

static bool
is_naming(const char *method)
{
	for (size_t i = 0; i < sizeof(naming) / sizeof(naming[0]); i++) {
		if (strcmp(method, naming[i]) == 0)
			return true;
	}
	return false;
}

/* Neither an echo nor a trace is a question to which a name is an answer. */
static bool
could_be_named(const struct catalog *c, const struct lane *lane)
{
	const char *question = names_text(&c->names, lane->question);

	return strcmp(question, "echo") != 0 && strcmp(question, "trace") != 0;
}

/* Samples come by lane and time: the same again is the same sight. */
static bool
is_last_sight(struct interception *in, int32_t lane, int32_t instance,
    const int64_t seen_us[2])
{
	struct sight *last;

	if (in->count == 0)
		return false;
	last = &in->sights[in->count - 1];
	if (last->lane != lane || last->instance != instance ||
	    seen_us[0] < last->last_us)
		return false;
	last->last_us = seen_us[1];
	return true;
}

static void
add_sight(struct interception *in, int32_t lane, int32_t instance,
    const int64_t seen_us[2])
{
	const struct catalog *c = in->catalog;
	const struct lane *l = &c->lanes[lane];
	struct sight *s;

	if (is_last_sight(in, lane, instance, seen_us))
		return;
	if (in->count == in->room)
		in->sights =
		    memory_grow(in->sights, &in->room, sizeof(*in->sights));
	s = &in->sights[in->count++];
	*s = (struct sight){
		.lane = lane,
		.instance = instance,
		.vp = l->vp,
		.target = c->services[l->service].target,
		.text = c->instances[instance].text,
		.method = c->instances[instance].method,
		.first_us = seen_us[0],
		.last_us = seen_us[1],
	};
	s->named = is_naming(names_text(&c->names, s->method));
}

/* What a lane saw in the window and a while before, and the last thing before
 * that: what it is found at when the window begins. */
static void
read_lane(struct interception *in, const struct interception_window *w,
    struct intervals *intervals, int32_t lane)
{
	const struct catalog *c = in->catalog;
	int64_t seen_us[2] = { w->until_us, w->until_us };
	const struct interval_row *row;

	intervals_begin(intervals, c->lanes[lane].id, w->until_us);
	while (seen_us[1] >= w->since_us - BEFORE_US &&
	       (row = intervals_next(intervals)) != NULL) {
		int32_t instance = catalog_instance(c, row->instance);

		seen_us[0] = row->first_us;
		seen_us[1] = row->last_us;
		/* When it was seen after the window is not known in it. */
		if (seen_us[1] >= w->until_us)
			seen_us[1] = w->until_us - 1;
		if (instance >= 0)
			add_sight(in, lane, instance, seen_us);
	}
	intervals_end(intervals);
}

static void
read_intervals(struct interception *in, const struct interception_window *w)
{
	const struct catalog *c = in->catalog;
	struct intervals *intervals = intervals_new(w->query);

	for (size_t i = 0; i < c->lane_count; i++) {
		if (could_be_named(c, &c->lanes[i]))
			read_lane(in, w, intervals, (int32_t)i);
	}
	intervals_free(intervals);
}

/* Hours of which there are no intervals yet. */
static void
read_unsettled(struct interception *in, const struct interception_window *w)
{
	const struct catalog *c = in->catalog;
	int32_t nameless = catalog_instance(c, 1);
	struct samples samples = { 0 };

	for (size_t i = 0; i < c->vp_count; i++) {
		int64_t from_us =
		    samples_settled_before(w->sampler, (int32_t)i, w->until_us);

		if (from_us >= w->until_us)
			continue;
		samples_read(
		    w->sampler, &samples, (int32_t)i, from_us, w->until_us);
		for (size_t k = 0; k < samples.count; k++) {
			const struct sample *s = &samples.items[k];
			int32_t instance =
			    s->instance >= 0 ? s->instance : nameless;

			if (sample_answered(s) && instance >= 0 &&
			    could_be_named(c, &c->lanes[s->lane]))
				add_sight(in, s->lane, instance,
				    (const int64_t[2]){ s->t_us, s->t_us });
		}
	}
	samples_clear(&samples);
}

static int
compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
compare_sights(const void *left, const void *right)
{
	const struct sight *a = left, *b = right;
	int order = compare_numbers(a->lane, b->lane);

	return order != 0 ? order : compare_numbers(a->instance, b->instance);
}

/* They nearly always come by lane already. */
static void
sort_sights(struct interception *in)
{
	struct sight *sights = in->sights;

	for (size_t from = 0, end; from < in->count; from = end) {
		bool in_order = true;

		for (end = from + 1;
		     end < in->count && sights[end].lane == sights[from].lane;
		     end++)
			in_order &=
			    compare_sights(&sights[end - 1], &sights[end]) <= 0;
		if (end < in->count && sights[end].lane < sights[from].lane) {
			qsort(
			    sights, in->count, sizeof(*sights), compare_sights);
			return;
		}
		if (!in_order)
			qsort(sights + from, end - from, sizeof(*sights),
			    compare_sights);
	}
}

static void
merge_sights(struct interception *in)
{
	size_t kept = 0;

	if (in->count == 0)
		return;
	sort_sights(in);
	for (size_t i = 1; i < in->count; i++) {
		struct sight *s = &in->sights[i], *last = &in->sights[kept];

		if (compare_sights(s, last) != 0) {
			in->sights[++kept] = *s;
			continue;
		}
		if (s->first_us < last->first_us)
			last->first_us = s->first_us;
		if (s->last_us > last->last_us)
			last->last_us = s->last_us;
	}
	in->count = kept + 1;
}

size_t
interception_networks(
    const struct catalog *c, const struct sight *const *sights, size_t count)
{
	int64_t known[INTERCEPTION_NETWORKS];
	size_t networks = 0;

	for (size_t i = 0; i < count; i++) {
		const struct place *place =
		    catalog_place(&c->vps[sights[i]->vp], sights[i]->last_us);
		size_t k = 0;

		if (place == NULL || place->asn < 0)
			continue;
		while (k < networks && known[k] != place->asn)
			k++;
		if (k < networks)
			continue;
		known[networks++] = place->asn;
		if (networks == INTERCEPTION_NETWORKS)
			break;
	}
	return networks;
}

/* By the rules that were valid when it was seen. */
static bool
is_in_scheme(const struct catalog *c, const struct sight *s)
{
	const int64_t times[] = { s->last_us, s->first_us };
	struct site site;

	if (c->map == NULL)
		return false;
	for (size_t i = 0; i < 2; i++) {
		const struct site_name name = {
			.service = names_text(&c->names, s->target),
			.instance = names_text(&c->names, s->text),
			.time_us = times[i],
		};

		if (site_map_find_at(c->map, &name, &site) &&
		    strncmp(site.rule, "hint:", 5) != 0)
			return true;
	}
	return false;
}

/* Whether a name that is empty can be told from none. */
static bool
could_be_empty(const struct interception *in, const struct sight *s)
{
	const struct catalog *c = in->catalog;
	const char *question =
	    names_text(&c->names, c->lanes[s->lane].question);

	return s->method < 0 && is_naming(question) &&
	       site_map_declares(c->map, names_text(&c->names, s->target));
}

static void
mark_empty(struct interception *in, int32_t lane)
{
	const struct catalog *c = in->catalog;
	const struct sight key = {
		.lane = lane,
		.instance = catalog_instance(c, 1),
	};
	struct sight *s = bsearch(
	    &key, in->sights, in->count, sizeof(*in->sights), compare_sights);

	if (s == NULL || !could_be_empty(in, s))
		return;
	s->named = s->empty = true;
	s->method = c->lanes[lane].question;
}

/* Whose answers without a name may hold an empty one. */
static bool *
could_give_empty(const struct interception *in)
{
	bool *could = memory_zeroed(in->catalog->vp_count, sizeof(*could));

	for (size_t i = 0; i < in->count; i++) {
		if (could_be_empty(in, &in->sights[i]))
			could[in->sights[i].vp] = true;
	}
	return could;
}

/* Answers that hold an empty name and nothing else have no instance. Who gives
 * it gives it to the newest rounds of the window, too. */
static void
find_empty(struct interception *in, const struct interception_window *w)
{
	const struct catalog *c = in->catalog;
	bool *could = could_give_empty(in);
	struct query_rows *rows = query_prepare(w->query,
	    "SELECT DISTINCT m.lane FROM"
	    " (SELECT t0, first_row, rows FROM batch WHERE vp = ?1"
	    "  AND t0 >= ?2 AND t0 < ?3 AND too_late = 0"
	    "  ORDER BY t0 DESC LIMIT " EMPTY_ROUNDS ") b"
	    " CROSS JOIN measurement m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " CROSS JOIN detail d ON d.id = m.reply"
	    " WHERE m.instance = 1 AND b.t0 + m.dt_us < ?3"
	    " AND d.json LIKE '%\"answer\":[\"\"]%'");

	for (size_t i = 0; i < c->vp_count; i++) {
		if (!could[i])
			continue;
		query_bind(rows, 1, c->vps[i].id);
		query_bind(rows, 2, w->since_us);
		query_bind(rows, 3, w->until_us);
		while (query_next(rows)) {
			int32_t lane = catalog_lane(c, query_int(rows, 0));

			if (lane >= 0)
				mark_empty(in, lane);
		}
		query_reset(rows);
	}
	query_finish(rows);
	free(could);
}

static void
add_song(struct interception *in, const struct song *song)
{
	if (in->song_count == in->song_room)
		in->songs =
		    memory_grow(in->songs, &in->song_room, sizeof(*in->songs));
	in->songs[in->song_count++] = *song;
}

/* Which vantage points a canary ever answered. */
static bool *
answered_by_canary(const struct interception *in)
{
	const struct catalog *c = in->catalog;
	bool *answered = memory_zeroed(c->vp_count, sizeof(*answered));

	for (size_t i = 0; i < in->count; i++) {
		const struct sight *s = &in->sights[i];

		if (site_map_is_canary(
			c->map, names_text(&c->names, s->target)))
			answered[s->vp] = true;
	}
	return answered;
}

static void
read_songs_of(struct interception *in, struct samples *samples)
{
	const struct catalog *c = in->catalog;

	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *s = &samples->items[i];
		const struct lane *l = &c->lanes[s->lane];
		const struct service *service = &c->services[l->service];

		if (!site_map_is_canary(
			c->map, names_text(&c->names, service->target)) ||
		    s->outcome == OUTCOME_UNSENT)
			continue;
		add_song(in, &(struct song){
				 .vp = l->vp,
				 .af = service->af,
				 .proto = l->proto,
				 .t_us = s->t_us,
				 .patience_us = samples_patience_us(s->every_s),
				 .answered = sample_answered(s),
				 .lane = s->lane,
			     });
	}
}

static int
compare_songs(const void *left, const void *right)
{
	const struct song *a = left, *b = right;
	int order;

	if ((order = compare_numbers(a->vp, b->vp)) != 0 ||
	    (order = compare_numbers(a->af, b->af)) != 0 ||
	    (order = compare_numbers(a->proto, b->proto)) != 0 ||
	    (order = compare_numbers(a->t_us, b->t_us)) != 0)
		return order;
	return compare_numbers(a->answered, b->answered);
}

static void
read_songs(struct interception *in, const struct interception_window *w)
{
	const struct catalog *c = in->catalog;
	bool *answered = answered_by_canary(in);
	struct samples samples = { 0 };

	for (size_t i = 0; i < c->vp_count; i++) {
		if (!answered[i])
			continue;
		samples_read(w->sampler, &samples, (int32_t)i,
		    w->since_us - samples_patience_us(0), w->until_us);
		read_songs_of(in, &samples);
	}
	if (in->song_count > 1)
		qsort(in->songs, in->song_count, sizeof(*in->songs),
		    compare_songs);
	samples_clear(&samples);
	free(answered);
}

void
interception_read(struct interception *in, const struct catalog *catalog,
    const struct interception_window *window)
{
	*in = (struct interception){ .catalog = catalog };
	read_intervals(in, window);
	read_unsettled(in, window);
	merge_sights(in);
	find_empty(in, window);
	for (size_t i = 0; i < in->count; i++) {
		struct sight *s = &in->sights[i];

		s->in_scheme =
		    s->named && !s->empty && is_in_scheme(catalog, s);
	}
	interception_judge_schemes(in);
	interception_judge_shared(in);
	sort_sights(in);
	read_songs(in, window);
}

void
interception_clear(struct interception *in)
{
	for (size_t i = 0; i < in->count; i++)
		free(in->sights[i].evidence);
	free(in->sights);
	free(in->songs);
	*in = (struct interception){ 0 };
}

/* The sample of a canary that is nearest in time decides. */
static bool
heard(const struct interception *in, const struct sample *s)
{
	const struct catalog *c = in->catalog;
	const struct lane *l = &c->lanes[s->lane];
	struct song key = {
		.vp = l->vp,
		.af = c->services[l->service].af,
		.proto = l->proto,
		.t_us = s->t_us,
	};
	const struct song *best = NULL;
	size_t low = 0, high = in->song_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_songs(&in->songs[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low > 0 ? low - 1 : 0; i <= low && i < in->song_count;
	     i++) {
		const struct song *song = &in->songs[i];

		if (song->vp != key.vp || song->af != key.af ||
		    song->proto != key.proto ||
		    llabs(song->t_us - s->t_us) > song->patience_us)
			continue;
		if (best == NULL ||
		    llabs(song->t_us - s->t_us) + !song->answered <=
			llabs(best->t_us - s->t_us))
			best = song;
	}
	return best != NULL && best->answered;
}

bool
interception_marks_name(
    const struct interception *in, int32_t lane, int32_t instance)
{
	const struct sight key = { .lane = lane, .instance = instance };
	const struct sight *sight;

	if (in->count == 0)
		return false;
	sight = bsearch(
	    &key, in->sights, in->count, sizeof(*in->sights), compare_sights);
	return sight != NULL && sight->evidence != NULL;
}

bool
interception_marks(const struct interception *in, const struct sample *s)
{
	int32_t instance = s->instance;

	if (!sample_answered(s))
		return false;
	if (instance < 0)
		instance = catalog_instance(in->catalog, 1);
	return interception_marks_name(in, s->lane, instance) || heard(in, s);
}

void
interception_doubts(const struct interception *in, uint8_t *doubts)
{
	const struct catalog *c = in->catalog;

	for (size_t i = 0; i < in->count; i++) {
		if (in->sights[i].evidence != NULL)
			doubts[in->sights[i].lane] |= DOUBT_NAME;
	}
	for (size_t i = 0; i < in->song_count; i++) {
		const struct vantage *vp = &c->vps[in->songs[i].vp];

		if (i > 0 && in->songs[i].vp == in->songs[i - 1].vp)
			continue;
		for (size_t k = 0; k < vp->lane_count; k++)
			doubts[vp->lanes[k]] |= DOUBT_CANARY;
	}
}
