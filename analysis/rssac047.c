#include "analysis/rssac047.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/compare.h"
#include "analysis/memory.h"

/* RSSAC047_KINDS where it is none of them. */
static enum rssac047_kind
kind_of(const struct catalog *c, const struct lane *lane)
{
	const char *proto = names_text(&c->names, lane->proto);
	bool four = c->services[lane->service].af == 4;

	if (strcmp(proto, "udp") == 0)
		return four ? RSSAC047_V4_UDP : RSSAC047_V6_UDP;
	if (strcmp(proto, "tcp") == 0)
		return four ? RSSAC047_V4_TCP : RSSAC047_V6_TCP;
	return RSSAC047_KINDS;
}

static struct rssac047_figures *
figures_of(const struct rssac047 *r, int32_t target, enum rssac047_kind kind)
{
	return &r->figures[(size_t)target * RSSAC047_KINDS + kind];
}

/* Targets that are asked for the SOA, and over what. */
static void
find_targets(struct rssac047 *r)
{
	const struct catalog *c = &r->run->catalog;
	int32_t question = names_find(&c->names, "soa");
	bool *asked;

	r->target_of = memory_zeroed(c->service_count, sizeof(*r->target_of));
	for (size_t i = 0; i < c->service_count; i++)
		r->target_of[i] = -1;
	for (size_t i = 0; i < c->lane_count; i++) {
		int32_t service = c->lanes[i].service;

		if (c->lanes[i].question == question && question >= 0)
			r->target_of[service] = names_put(&r->targets,
			    names_text(&c->names, c->services[service].target));
	}
	asked =
	    memory_zeroed(r->targets.count * RSSAC047_KINDS, sizeof(*asked));
	for (size_t i = 0; i < c->lane_count; i++) {
		int32_t target = r->target_of[c->lanes[i].service];
		enum rssac047_kind kind = kind_of(c, &c->lanes[i]);
		bool *one;

		if (c->lanes[i].question != question ||
		    kind == RSSAC047_KINDS || target < 0)
			continue;
		one = &asked[(size_t)target * RSSAC047_KINDS + kind];
		r->asked[kind] += !*one;
		*one = true;
	}
	free(asked);
}

/* --- an interval of a vantage point --- */

static int64_t
interval_of(const struct soa *soa)
{
	return soa->round_us / RSSAC047_INTERVAL_US;
}

static int
compare_rounds(const void *left, const void *right)
{
	const struct soa *a = left, *b = right;

	return compare_int(interval_of(a), interval_of(b));
}

/* What one target did over one kind in the interval at hand. */
struct heard {
	bool sent;
	int64_t least_us; /* -1: no answer */
};

static void
note_serial(struct rssac047 *r, int32_t vp, const struct soa *soa)
{
	int32_t target = r->target_of[r->run->catalog.lanes[soa->lane].service];
	int64_t interval = interval_of(soa);

	for (size_t i = r->serial_count; i > 0; i--) {
		struct rssac047_serial *s = &r->serials[i - 1];

		if (s->vp != vp || s->interval != interval)
			break;
		if (s->target != target)
			continue;
		if (soa_serial_after(s->serial, soa->serial))
			s->serial = soa->serial;
		return;
	}
	if (r->serial_count == r->serial_room)
		r->serials = memory_grow(
		    r->serials, &r->serial_room, sizeof(*r->serials));
	r->serials[r->serial_count++] =
	    (struct rssac047_serial){ vp, target, interval, soa->serial };
}

static void
hear(struct rssac047 *r, int32_t vp, const struct soa *soa, struct heard *heard)
{
	const struct catalog *c = &r->run->catalog;
	const struct lane *lane = &c->lanes[soa->lane];
	enum rssac047_kind kind = kind_of(c, lane);
	int32_t target = r->target_of[lane->service];
	struct rssac047_figures *figures;
	struct heard *one;

	if (kind == RSSAC047_KINDS || target < 0 || !soa->sent)
		return;
	figures = figures_of(r, target, kind);
	one = &heard[(size_t)target * RSSAC047_KINDS + kind];
	one->sent = true;
	figures->sent++;
	figures->served += soa->served;
	if (!soa->served)
		return;
	if (soa->serial >= 0)
		note_serial(r, vp, soa);
	if (soa->total_us < 0)
		return;
	values_add(&figures->latency, soa->total_us);
	if (one->least_us < 0 || soa->total_us < one->least_us)
		one->least_us = soa->total_us;
}

/* The interval is over: how many answered, and the lowest of them. */
static void
close_interval(struct rssac047 *r, const struct heard *heard)
{
	for (int kind = 0; kind < RSSAC047_KINDS; kind++) {
		int64_t quorum = rssac047_quorum(r->asked[kind]);
		struct values least = { 0 };
		int64_t asked = 0;

		for (size_t i = 0; i < r->targets.count; i++) {
			const struct heard *one =
			    &heard[i * RSSAC047_KINDS + (size_t)kind];

			asked += one->sent;
			if (one->least_us >= 0)
				values_add(&least, one->least_us);
		}
		if (asked >= quorum && asked > 0)
			rssac047_count(
			    &r->system[kind], quorum, (int64_t)least.count);
		r->incomplete[kind] += asked > 0 && asked < quorum;
		quantile_sort(least.items, least.count);
		for (size_t i = 0;
		     asked >= quorum && i < least.count && (int64_t)i < quorum;
		     i++)
			values_add(&r->system_latency[kind], least.items[i]);
		values_clear(&least);
	}
}

static void
read_vp(struct rssac047 *r, struct soas *soas, int32_t vp)
{
	size_t count = r->targets.count * RSSAC047_KINDS;
	struct heard *heard = memory_zeroed(count, sizeof(*heard));

	if (soas->count > 1)
		qsort(soas->items, soas->count, sizeof(*soas->items),
		    compare_rounds);
	for (size_t first = 0, end; first < soas->count; first = end) {
		for (size_t i = 0; i < count; i++)
			heard[i] = (struct heard){ false, -1 };
		for (end = first;
		     end < soas->count && interval_of(&soas->items[end]) ==
					      interval_of(&soas->items[first]);
		     end++)
			hear(r, vp, &soas->items[end], heard);
		close_interval(r, heard);
	}
	free(heard);
}

void
rssac047_read(struct rssac047 *r, struct run *run)
{
	struct soa_reader reader;
	struct soas soas = { 0 };

	*r = (struct rssac047){ .run = run };
	find_targets(r);
	r->figures = memory_zeroed(
	    r->targets.count * RSSAC047_KINDS, sizeof(*r->figures));
	r->publication =
	    memory_zeroed(r->targets.count, sizeof(*r->publication));
	soa_reader_init(&reader, run);
	for (size_t vp = 0; vp < run->catalog.vp_count; vp++) {
		soa_read(&reader, &soas, (int32_t)vp);
		read_vp(r, &soas, (int32_t)vp);
	}
	rssac047_publish(r);
	soa_reader_clear(&reader);
	free(soas.items);
}

void
rssac047_clear(struct rssac047 *r)
{
	for (size_t i = 0; i < r->targets.count * RSSAC047_KINDS; i++)
		values_clear(&r->figures[i].latency);
	for (size_t i = 0; i < r->targets.count; i++)
		values_clear(&r->publication[i]);
	for (int kind = 0; kind < RSSAC047_KINDS; kind++)
		values_clear(&r->system_latency[kind]);
	values_clear(&r->system_publication);
	names_clear(&r->targets);
	free(r->target_of);
	free(r->figures);
	free(r->publication);
	free(r->serials);
}
