#include "collector/names.h"

#include <stdlib.h>
#include "lib/keyed_hash.h"

/* An open table of slots. */
struct slot {
	struct hash_128 name;
	int64_t id; /* 0: empty */
};

struct names {
	struct slot *slots;
	size_t slot_count; /* a power of two */
	size_t used;
	size_t max_bytes;
};

#define FIRST_SLOTS 1024

static struct slot *
find_slot(const struct names *n, struct hash_128 name)
{
	size_t i = (size_t)name.low & (n->slot_count - 1);

	while (n->slots[i].id != 0 && (n->slots[i].name.low != name.low ||
					  n->slots[i].name.high != name.high))
		i = (i + 1) & (n->slot_count - 1);
	return &n->slots[i];
}

static void
move_slots(struct names *n, const struct slot *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (from[i].id != 0)
			*find_slot(n, from[i].name) = from[i];
	}
}

/* Room for one more slot, at most half of them used. */
static int
grow_slots(struct names *n)
{
	struct slot *old = n->slots, *more;
	const size_t old_count = n->slot_count;
	const size_t count = old_count == 0 ? FIRST_SLOTS : old_count * 2;

	if (n->used < old_count / 2)
		return 0;
	if ((more = calloc(count, sizeof(*more))) == NULL)
		return -1;
	n->slots = more;
	n->slot_count = count;
	move_slots(n, old, old_count);
	free(old);
	return 0;
}

struct names *
names_new(size_t max_bytes)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n != NULL)
		n->max_bytes = max_bytes;
	return n;
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	names_clear(n);
	free(n);
}

bool
names_find(const struct names *n, struct hash_128 name, int64_t *id)
{
	if (n->slot_count == 0)
		return false;
	*id = find_slot(n, name)->id;
	return *id != 0;
}

void
names_expect(const struct names *n, struct hash_128 name)
{
	if (n->slot_count != 0)
		__builtin_prefetch(
		    &n->slots[(size_t)name.low & (n->slot_count - 1)]);
}

void
names_add(struct names *n, struct hash_128 name, int64_t id)
{
	/* Where it is to grow, the old table is there beside the new one. */
	if (n->used >= n->slot_count / 2 &&
	    3 * n->slot_count * sizeof(*n->slots) > n->max_bytes)
		names_clear(n);
	if (grow_slots(n) == -1)
		return;
	*find_slot(n, name) = (struct slot){ .name = name, .id = id };
	n->used++;
}

void
names_clear(struct names *n)
{
	free(n->slots);
	n->slots = NULL;
	n->slot_count = n->used = 0;
}
