#include "analysis/places.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "lib/batch.h"
#include "lib/text.h"

/* Rows of vp_address that follow each other and say the same. */
struct sight {
	struct addr addr[BATCH_ADDRESSES]; /* IPv4 first */
	size_t addr_count;
	int64_t first_us, last_us;
	bool asked; /* the databases */
	bool found;
	struct geo_place said;
};

/* By first_us. */
struct sights {
	struct sight *items;
	size_t count, room;
	int64_t until_us; /* the latest last_us */
};

struct addresses {
	struct sights reported, seen[2]; /* IPv4, IPv6 */
};

void
places_reader_init(struct places_reader *reader, struct query *q)
{
	reader->rows =
	    query_has_table(q, "vp_address")
		? query_prepare(q,
		      "SELECT af, addresses, first, last FROM vp_address"
		      " WHERE vp = ?1 ORDER BY first, addresses")
		: NULL;
}

void
places_reader_clear(struct places_reader *reader)
{
	if (reader->rows != NULL)
		query_finish(reader->rows);
}

static void
parse(struct sight *sight, const char *list)
{
	char text[BATCH_ADDRESSES * ADDR_TEXT], *rest = text, *word;

	(void)text_copy(text, sizeof(text), list);
	while ((word = strsep(&rest, " ")) != NULL &&
	       sight->addr_count < BATCH_ADDRESSES)
		if (addr_parse(&sight->addr[sight->addr_count], word) == 0)
			sight->addr_count++;
}

static bool
says_the_same(const struct sight *a, const struct sight *b)
{
	if (a->addr_count != b->addr_count)
		return false;
	for (size_t i = 0; i < a->addr_count; i++)
		if (!addr_equal(&a->addr[i], &b->addr[i]))
			return false;
	return true;
}

/* Two rows are one where no other reaches into the time between them. */
static void
add(struct sights *sights, const struct sight *sight)
{
	struct sight *last = sights->items + sights->count - 1;

	if (sights->count == 0 || last->last_us < sights->until_us ||
	    !says_the_same(last, sight)) {
		if (sights->count == sights->room)
			sights->items = memory_grow(sights->items,
			    &sights->room, sizeof(*sights->items));
		last = &sights->items[sights->count++];
		*last = *sight;
	}
	if (sight->last_us > last->last_us)
		last->last_us = sight->last_us;
	if (last->last_us > sights->until_us)
		sights->until_us = last->last_us;
}

static void
read_addresses(struct places_reader *reader, int64_t vp, struct addresses *a)
{
	struct sights *all[] = { &a->reported, &a->seen[0], &a->seen[1] };

	for (size_t i = 0; i < 3; i++) {
		all[i]->count = 0;
		all[i]->until_us = 0;
	}
	if (reader->rows == NULL)
		return;
	query_bind(reader->rows, 1, vp);
	while (query_next(reader->rows)) {
		const int64_t af = query_int(reader->rows, 0);
		struct sight sight = {
			.first_us = query_int(reader->rows, 2),
			.last_us = query_int(reader->rows, 3),
		};

		parse(&sight, query_text(reader->rows, 1));
		add(af == 0 ? &a->reported : &a->seen[af == 6], &sight);
	}
	query_reset(reader->rows);
}

static void
addresses_clear(struct addresses *a)
{
	free(a->reported.items);
	free(a->seen[0].items);
	free(a->seen[1].items);
}

/* How many begin at or before t. */
static size_t
begun(const struct sights *sights, int64_t t_us)
{
	size_t low = 0, high = sights->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (sights->items[middle].first_us <= t_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of what was seen the last at or before t, else the first; NULL: nothing. */
static struct sight *
seen_at(const struct sights *sights, int64_t t_us)
{
	const size_t count = begun(sights, t_us);

	if (sights->count == 0)
		return NULL;
	return &sights->items[count == 0 ? 0 : count - 1];
}

/* What the last batch at or before t reported, else the first. A row may lie
 * within another: then the host was there, and came back. */
static struct sight *
reported_at(const struct sights *sights, int64_t t_us)
{
	const size_t count = begun(sights, t_us);
	struct sight *best = seen_at(sights, t_us);

	for (size_t i = count; i-- > 0 && best->last_us < t_us;)
		if (sights->items[i].last_us > best->last_us)
			best = &sights->items[i];
	return best;
}

/* Blanks between them, nothing of one that does not fit. */
static void
append(char *text, const struct sight *sight)
{
	char one[ADDR_TEXT];

	for (size_t i = 0; sight != NULL && i < sight->addr_count; i++) {
		const size_t len = strlen(text);

		if (text_print(text + len, PLACES_TEXT - len, "%s%s",
			len == 0 ? "" : " ",
			addr_format(one, &sight->addr[i])) == -1)
			text[len] = '\0';
	}
}

void
places_addresses(struct places_reader *reader, int64_t vp, int64_t t_us,
    struct places_addresses *texts)
{
	struct addresses a = { 0 };

	*texts = (struct places_addresses){ 0 };
	read_addresses(reader, vp, &a);
	append(texts->reported, reported_at(&a.reported, t_us));
	append(texts->seen, seen_at(&a.seen[0], t_us));
	append(texts->seen, seen_at(&a.seen[1], t_us));
	addresses_clear(&a);
}

/* --- what the databases say --- */

struct filling {
	struct catalog *catalog;
	const struct places_sources *sources;
	struct addresses addresses;
};

/* The first of its addresses that is known. */
static const struct geo_place *
ask(const struct filling *f, struct sight *sight)
{
	if (sight == NULL)
		return NULL;
	for (size_t i = 0; !sight->asked && i < sight->addr_count; i++)
		sight->found =
		    sight->found ||
		    geo_find(f->sources->geo, &sight->addr[i], &sight->said);
	sight->asked = true;
	return sight->found ? &sight->said : NULL;
}

/* Reported before seen, IPv4 before IPv6. NULL: nothing is known. */
static const struct geo_place *
said_at(const struct filling *f, int64_t t_us)
{
	const struct addresses *a = &f->addresses;
	const struct geo_place *said = ask(f, reported_at(&a->reported, t_us));

	for (int i = 0; i < 2 && said == NULL; i++)
		said = ask(f, seen_at(&a->seen[i], t_us));
	return said;
}

static int32_t
put(struct filling *f, const char *text)
{
	return text[0] == '\0' ? -1 : names_put(&f->catalog->names, text);
}

static void
complete(struct filling *f, struct place *place, const struct geo_place *said)
{
	int32_t country;

	if (said != NULL && place->asn < 0) {
		place->asn = said->asn;
		place->asn_by_address = said->asn >= 0;
	}
	if (said != NULL && said->asn == place->asn)
		place->as_name = put(f, said->as_name);
	country = said == NULL ? -1 : put(f, said->country);
	if (place->country < 0 && country >= 0) {
		place->country = country;
		place->by_address = true;
	}
	if (said != NULL && place->city < 0 && place->country == country &&
	    (place->city = put(f, said->city)) >= 0)
		place->by_address = true;
	if (place->region < 0)
		place->region =
		    put(f, regions_of(f->sources->regions,
			       names_text(&f->catalog->names, place->country)));
}

static int
compare_times(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static size_t
put_times(int64_t *times, const struct sights *sights)
{
	for (size_t i = 0; i < sights->count; i++) {
		times[2 * i] = sights->items[i].first_us;
		times[2 * i + 1] = sights->items[i].last_us + 1;
	}
	return 2 * sights->count;
}

/* When something may change: the caller frees. */
static int64_t *
changes(const struct filling *f, const struct vantage *vp, size_t *count)
{
	const struct addresses *a = &f->addresses;
	int64_t *times = memory_zeroed(
	    vp->place_count + 1 +
		2 * (a->reported.count + a->seen[0].count + a->seen[1].count),
	    sizeof(*times));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < vp->place_count; i++)
		times[n++] = vp->places[i].since_us;
	n += put_times(times + n, &a->reported);
	n += put_times(times + n, &a->seen[0]);
	n += put_times(times + n, &a->seen[1]);
	qsort(times, n, sizeof(*times), compare_times);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || times[i] != times[kept - 1])
			times[kept++] = times[i];
	*count = kept;
	return times;
}

static bool
is_same(const struct place *a, const struct place *b)
{
	return a->region == b->region && a->country == b->country &&
	       a->city == b->city && a->asn == b->asn &&
	       a->as_name == b->as_name && a->by_address == b->by_address &&
	       a->asn_by_address == b->asn_by_address &&
	       a->has_position == b->has_position && a->lat == b->lat &&
	       a->lon == b->lon;
}

static void
fill(struct filling *f, struct vantage *vp)
{
	size_t count, kept = 0;
	int64_t *times = changes(f, vp, &count);
	struct place *places = memory_zeroed(count + 1, sizeof(*places));

	for (size_t i = 0; i < count; i++) {
		const struct place *said = catalog_place(vp, times[i]);
		struct place *place = &places[kept];

		*place = said != NULL ? *said
				      : (struct place){ .region = -1,
						.country = -1,
						.city = -1,
						.as_name = -1,
						.asn = -1 };
		place->since_us = times[i];
		complete(f, place, said_at(f, times[i]));
		kept += kept == 0 || !is_same(place, place - 1);
	}
	free(times);
	free(vp->places);
	vp->places = places;
	vp->place_count = kept;
}

void
places_fill(struct catalog *catalog, struct query *q,
    const struct places_sources *sources)
{
	struct filling f = { .catalog = catalog, .sources = sources };
	struct places_reader reader = { 0 };

	if (sources->geo != NULL)
		places_reader_init(&reader, q);
	for (size_t i = 0; i < catalog->vp_count; i++) {
		read_addresses(&reader, catalog->vps[i].id, &f.addresses);
		fill(&f, &catalog->vps[i]);
	}
	places_reader_clear(&reader);
	addresses_clear(&f.addresses);
}
