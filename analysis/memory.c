#include "analysis/memory.h"

#include <stdlib.h>
#include <string.h>
#include "lib/log.h"

static void *
or_exit(void *memory)
{
	if (memory == NULL) {
		log_warnx("out of memory");
		exit(EXIT_STORAGE);
	}
	return memory;
}

void *
memory_zeroed(size_t count, size_t size)
{
	return or_exit(calloc(count == 0 ? 1 : count, size));
}

char *
memory_copy(const char *text)
{
	return or_exit(strdup(text));
}

void *
memory_grow(void *items, size_t *room, size_t size)
{
	*room = *room == 0 ? 16 : *room * 2;
	return or_exit(reallocarray(items, *room, size));
}
