#include "analysis/names.h"

#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"

/* FNV-1a. */
static uint64_t
hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h ^ h >> 32;
}

/* The slot that holds a text, or the free one where it belongs. */
static int32_t *
find_slot(const struct names *names, const char *text)
{
	size_t i = (size_t)hash(text) & (names->slot_count - 1);

	while (names->slots[i] >= 0 &&
	       strcmp(names->texts[names->slots[i]], text) != 0)
		i = (i + 1) & (names->slot_count - 1);
	return &names->slots[i];
}

static void
grow_slots(struct names *names)
{
	size_t count = names->slot_count == 0 ? 64 : names->slot_count * 2;

	free(names->slots);
	names->slots = memory_zeroed(count, sizeof(*names->slots));
	names->slot_count = count;
	memset(names->slots, 0xff, count * sizeof(*names->slots));
	for (size_t i = 0; i < names->count; i++)
		*find_slot(names, names->texts[i]) = (int32_t)i;
}

int32_t
names_put(struct names *names, const char *text)
{
	int32_t *slot;

	if (2 * (names->count + 1) > names->slot_count)
		grow_slots(names);
	slot = find_slot(names, text);
	if (*slot >= 0)
		return *slot;
	if (names->count == names->room)
		names->texts = memory_grow(
		    names->texts, &names->room, sizeof(*names->texts));
	names->texts[names->count] = memory_copy(text);
	*slot = (int32_t)names->count++;
	return *slot;
}

int32_t
names_find(const struct names *names, const char *text)
{
	return names->slot_count == 0 ? -1 : *find_slot(names, text);
}

const char *
names_text(const struct names *names, int32_t number)
{
	return number < 0 ? "" : names->texts[number];
}

void
names_clear(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->texts[i]);
	free(names->texts);
	free(names->slots);
	*names = (struct names){ 0 };
}

int32_t
names_map_put(struct names_map *map, struct names *names, int32_t number,
    const char *text)
{
	while ((size_t)number >= map->count) {
		size_t i = map->count;

		map->numbers = memory_grow(
		    map->numbers, &map->count, sizeof(*map->numbers));
		for (; i < map->count; i++)
			map->numbers[i] = -1;
	}
	if (map->numbers[number] < 0)
		map->numbers[number] = names_put(names, text);
	return map->numbers[number];
}

void
names_map_clear(struct names_map *map)
{
	free(map->numbers);
	*map = (struct names_map){ 0 };
}
