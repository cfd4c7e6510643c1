#include "collector/names.h"

#include <sys/random.h>
#include <stdlib.h>
#include <string.h>
#include "lib/keyed_hash.h"

/* An open table of slots, and the keys' bytes one behind the other. */
struct slot {
	uint64_t hash;
	size_t at, len; /* of the key's bytes */
	int64_t id;     /* 0: empty */
};

struct names {
	struct hash_key secret; /* keys are foreign: they must not collide */
	struct slot *slots;
	size_t slot_count; /* a power of two */
	size_t used;
	uint8_t *bytes;
	size_t len, size, max_bytes;
};

#define FIRST_SLOTS 1024

static struct slot *
find_slot(const struct names *n, uint64_t hash, const void *key, size_t len)
{
	size_t i = (size_t)hash & (n->slot_count - 1);

	while (n->slots[i].id != 0) {
		const struct slot *s = &n->slots[i];

		if (s->hash == hash && s->len == len &&
		    memcmp(n->bytes + s->at, key, len) == 0)
			break;
		i = (i + 1) & (n->slot_count - 1);
	}
	return &n->slots[i];
}

static void
move_slots(struct names *n, const struct slot *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t to = (size_t)from[i].hash & (n->slot_count - 1);

		if (from[i].id == 0)
			continue;
		while (n->slots[to].id != 0)
			to = (to + 1) & (n->slot_count - 1);
		n->slots[to] = from[i];
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

static int
grow_bytes(struct names *n, size_t len)
{
	size_t size = n->size == 0 ? 65536 : n->size;
	uint8_t *more;

	while (size - n->len < len)
		size *= 2;
	if (size == n->size)
		return 0;
	if ((more = realloc(n->bytes, size)) == NULL)
		return -1;
	n->bytes = more;
	n->size = size;
	return 0;
}

struct names *
names_new(size_t max_bytes)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->max_bytes = max_bytes;
	if (getrandom(&n->secret, sizeof(n->secret), 0) !=
	    (ssize_t)sizeof(n->secret)) {
		free(n);
		return NULL;
	}
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
names_find(const struct names *n, const void *key, size_t len, int64_t *id)
{
	const struct slot *slot;

	if (n->slot_count == 0)
		return false;
	slot = find_slot(n, keyed_hash(&n->secret, key, len), key, len);
	*id = slot->id;
	return slot->id != 0;
}

void
names_add(struct names *n, const void *key, size_t len, int64_t id)
{
	const uint64_t hash = keyed_hash(&n->secret, key, len);
	struct slot *slot;

	if (n->len + len + n->used * sizeof(*slot) > n->max_bytes)
		names_clear(n);
	if (grow_slots(n) == -1 || grow_bytes(n, len) == -1)
		return;
	slot = find_slot(n, hash, key, len);
	memcpy(n->bytes + n->len, key, len);
	*slot =
	    (struct slot){ .hash = hash, .at = n->len, .len = len, .id = id };
	n->len += len;
	n->used++;
}

void
names_clear(struct names *n)
{
	free(n->slots);
	free(n->bytes);
	n->slots = NULL;
	n->bytes = NULL;
	n->slot_count = n->used = 0;
	n->len = n->size = 0;
}
