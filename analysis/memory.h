/*
 * Memory of a program that only reads and then ends: where there is none
 * left, it says so and exits (exit_code EXIT_STORAGE).
 */
#ifndef ANALYSIS_MEMORY_H
#define ANALYSIS_MEMORY_H

#include <stddef.h>

/* Zeroed; count may be 0. The caller frees. */
void *memory_zeroed(size_t count, size_t size);
char *memory_copy(const char *text);

/* Room for at least one more than *room items: at least double; *room is
 * set. What is new is not zeroed. */
void *memory_grow(void *items, size_t *room, size_t size);

#endif
