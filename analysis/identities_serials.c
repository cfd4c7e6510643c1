/* Which identities had an old version of the zone (FIELD.md F9), and since
 * when a newer one was out. */
#include <stdlib.h>
#include "analysis/identities.h"
#include "analysis/memory.h"
#include "analysis/soa.h"

/* A serial of a target, and when anybody said it first. */
struct version {
	int32_t target;
	int64_t serial, t_us;
};

struct versions {
	struct version *items;
	size_t count, room;
	uint32_t *slots; /* open addressing by target and serial; item + 1 */
	size_t slot_count;
};

static uint32_t *
find_slot(const struct versions *v, int32_t target, int64_t serial)
{
	const uint64_t key =
	    (uint64_t)(uint32_t)target << 32 ^ (uint64_t)serial;
	size_t i =
	    (size_t)(key * 0x9e3779b97f4a7c15u >> 24) & (v->slot_count - 1);

	while (
	    v->slots[i] != 0 && (v->items[v->slots[i] - 1].target != target ||
				    v->items[v->slots[i] - 1].serial != serial))
		i = (i + 1) & (v->slot_count - 1);
	return &v->slots[i];
}

static void
grow_slots(struct versions *v)
{
	v->slot_count = v->slot_count == 0 ? 1024 : v->slot_count * 2;
	free(v->slots);
	v->slots = memory_zeroed(v->slot_count, sizeof(*v->slots));
	for (size_t i = 0; i < v->count; i++)
		*find_slot(v, v->items[i].target, v->items[i].serial) =
		    (uint32_t)i + 1;
}

static void
add(struct versions *v, const struct version *version)
{
	uint32_t *slot;

	if (2 * (v->count + 1) > v->slot_count)
		grow_slots(v);
	slot = find_slot(v, version->target, version->serial);
	if (*slot == 0) {
		if (v->count == v->room)
			v->items =
			    memory_grow(v->items, &v->room, sizeof(*v->items));
		v->items[v->count++] = *version;
		*slot = (uint32_t)v->count;
	} else if (version->t_us < v->items[*slot - 1].t_us) {
		v->items[*slot - 1].t_us = version->t_us;
	}
}

static int
compare(const void *left, const void *right)
{
	const struct version *a = left, *b = right;

	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	if (a->t_us != b->t_us)
		return a->t_us < b->t_us ? -1 : 1;
	return (a->serial > b->serial) - (a->serial < b->serial);
}

static void
add_of_vp(
    struct versions *v, const struct identities *ids, const struct soas *soas)
{
	for (size_t i = 0; i < soas->count; i++) {
		const struct soa *soa = &soas->items[i];
		const struct lane *lane = &ids->run->catalog.lanes[soa->lane];

		if (soa->served && soa->serial >= 0 && soa->instance >= 0)
			add(v, &(struct version){ ids->target_of[lane->service],
				   soa->serial, soa->t_us });
	}
}

/* All that were said by name, by target and time; also by somebody else. */
static void
read_versions(struct versions *v, const struct identities *ids)
{
	struct run *run = ids->run;
	struct judge *judge = run->catalog.judge;
	struct soa_reader reader;
	struct soas soas = { 0 };

	run->catalog.judge = NULL;
	soa_reader_init(&reader, run);
	for (size_t i = 0; i < run->catalog.vp_count; i++) {
		soa_read(&reader, &soas, (int32_t)i);
		add_of_vp(v, ids, &soas);
	}
	soa_reader_clear(&reader);
	run->catalog.judge = judge;
	free(soas.items);
	if (v->count > 1)
		qsort(v->items, v->count, sizeof(*v->items), compare);
}

/* Keep of a target's versions, from items[first] on, those that were newer than
 * all before them and not newer than newest. They then lie in time and in
 * order. How many. */
static size_t
keep_steps(struct versions *v, size_t first, size_t end, int64_t newest)
{
	size_t kept = first;

	for (size_t i = first; i < end; i++) {
		const int64_t serial = v->items[i].serial;

		if (!soa_serial_after(serial, newest) &&
		    (kept == first ||
			soa_serial_after(serial, v->items[kept - 1].serial)))
			v->items[kept++] = v->items[i];
	}
	return kept - first;
}

/* What was out when an identity was seen last, and since when something newer
 * than what it had. */
static void
judge(struct identity *id, const struct version *steps, size_t count)
{
	size_t low = 0, high = count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (soa_serial_after(steps[middle].serial, id->serial))
			high = middle;
		else
			low = middle + 1;
	}
	if (low == count || steps[low].t_us > id->serial_us)
		return;
	id->behind_us = id->serial_us - steps[low].t_us;
	for (high = count; high > low + 1;) {
		const size_t middle = low + (high - low) / 2;

		if (steps[middle].t_us > id->serial_us)
			high = middle;
		else
			low = middle;
	}
	id->newest_serial = steps[low].serial;
}

/* Those of one target. */
static void
judge_all(
    struct identity *items, size_t count, struct versions *v, int64_t newest)
{
	size_t first = 0, end, steps;

	while (first < v->count && v->items[first].target != items->target)
		first++;
	for (end = first;
	     end < v->count && v->items[end].target == items->target;)
		end++;
	steps = keep_steps(v, first, end, newest);
	for (size_t i = 0; i < count; i++) {
		if (items[i].serial >= 0)
			judge(&items[i], v->items + first, steps);
	}
}

/* Of replies at the same time the newest serial. */
static void
put_serials(struct identities *ids, const struct identity_serials *serials)
{
	const struct catalog *c = &ids->run->catalog;

	for (size_t i = 0; i < serials->count; i++) {
		const struct identity_serial *s = &serials->items[i];
		struct identity *id = identities_find(ids,
		    ids->target_of[c->lanes[s->lane].service], s->instance);

		if (id == NULL || s->t_us < id->serial_us ||
		    (s->t_us == id->serial_us &&
			!soa_serial_after(s->serial, id->serial)))
			continue;
		id->serial = id->newest_serial = s->serial;
		id->serial_us = s->t_us;
		id->behind_us = 0;
	}
}

/* The newest of what was said last; -1: nothing. */
static int64_t
newest_of(const struct identity *items, size_t count, bool *differ)
{
	int64_t newest = -1;

	*differ = false;
	for (size_t i = 0; i < count; i++) {
		const int64_t serial = items[i].serial;

		if (serial < 0)
			continue;
		*differ = *differ || (newest >= 0 && newest != serial);
		if (newest < 0 || soa_serial_after(serial, newest))
			newest = serial;
	}
	return newest;
}

/* Where all say the same, nobody is behind, and nothing more is read. */
void
identities_judge_serials(
    struct identities *ids, const struct identity_serials *serials)
{
	struct versions versions = { 0 };
	bool differ, read = false;

	put_serials(ids, serials);
	for (size_t first = 0, end; first < ids->count; first = end) {
		int64_t newest;

		for (end = first + 1;
		     end < ids->count &&
		     ids->items[end].target == ids->items[first].target;
		     end++)
			continue;
		newest = newest_of(ids->items + first, end - first, &differ);
		if (!differ)
			continue;
		if (!read)
			read_versions(&versions, ids);
		read = true;
		judge_all(ids->items + first, end - first, &versions, newest);
	}
	free(versions.items);
	free(versions.slots);
}
