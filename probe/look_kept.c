#include "probe/look_kept.h"

#include <stdlib.h>

#include "probe/packed.h"

/* A record, and whose it is: look_address.name, told by its address. */
struct kept {
	const char *owner;
	struct packed *record;
	struct wall t;
	int32_t retry_of;
	uint32_t emitted; /* its place in the order in which they came */
	enum record_type type;
};

int
look_kept_init(struct look_kept *look, size_t most)
{
	*look = (struct look_kept){ .items =
					calloc(most + 1, sizeof(struct kept)) };
	return look->items == NULL ? -1 : 0;
}

void
look_kept_clear(struct look_kept *look)
{
	size_t i;

	for (i = 0; i < look->count; i++)
		free(look->items[i].record);
	free(look->items);
	*look = (struct look_kept){ 0 };
}

void
look_keep(void *arg, const struct ask *ask, const struct record *record)
{
	struct look_kept *look = arg;
	struct kept *kept = &look->items[look->count];

	*kept = (struct kept){ .owner = ask->target,
		.record = packed_new(record),
		.t = record->t,
		.retry_of = record->retry_of,
		.emitted = (uint32_t)look->count,
		.type = record->type };
	if (kept->record == NULL)
		look->failed = true;
	else
		look->count++;
}

static int
compare_owners(const char *a, const char *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int
earlier(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int order = compare_owners(x->owner, y->owner);

	if (order != 0)
		return order;
	return (x->t.ns > y->t.ns) - (x->t.ns < y->t.ns);
}

/* Those of an address lie together. */
static struct kept *
first_of(const struct look_kept *look, const char *owner, size_t *count)
{
	size_t low = 0, high = look->count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_owners(look->items[middle].owner, owner) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < look->count && look->items[end].owner == owner;
	     end++)
		;
	*count = end - low;
	return &look->items[low];
}

int
look_kept_sort(struct look_kept *look, const struct look_address *addresses,
    size_t address_count)
{
	int32_t *place = calloc(look->count + 1, sizeof(*place));
	int32_t next = 0;
	size_t i, j, count;

	if (place == NULL)
		return -1;
	qsort(look->items, look->count, sizeof(struct kept), earlier);
	for (i = 0; i < address_count; i++) {
		const struct kept *kept =
		    first_of(look, addresses[i].name, &count);

		for (j = 0; j < count; j++)
			place[kept[j].emitted] = next++;
	}
	for (i = 0; i < look->count; i++) {
		if (look->items[i].retry_of != -1)
			look->items[i].retry_of =
			    place[look->items[i].retry_of];
	}
	free(place);
	return 0;
}

const struct kept *
look_kept_of(const struct look_kept *look, const struct look_address *address,
    size_t *count)
{
	return first_of(look, address->name, count);
}

void
look_kept_restore(const struct kept *kept, size_t count, struct record *records)
{
	size_t i;

	for (i = 0; i < count; i++) {
		packed_restore(&records[i], kept[i].record);
		records[i].retry_of = kept[i].retry_of;
	}
}

size_t
look_kept_hops(const struct look_kept *look, struct addr *hops, size_t size)
{
	struct record r;
	size_t i, count = 0;
	int j;

	for (i = 0; i < look->count && count < size; i++) {
		if (look->items[i].type != RECORD_TRACE)
			continue;
		packed_restore(&r, look->items[i].record);
		for (j = 0; j < r.hop_count && count < size; j++) {
			if (addr_is_set(&r.hop[j].addr))
				hops[count++] = r.hop[j].addr;
		}
	}
	return count;
}
