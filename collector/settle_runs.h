/*
 * Samples of an hour in order, and the runs that they make. No database.
 */
#ifndef COLLECTOR_SETTLE_RUNS_H
#define COLLECTOR_SETTLE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/histogram.h"

struct sample {
	int64_t lane, t_us;
	int64_t instance; /* 0: not answered */
	uint32_t rank;    /* of the instance's name among those of the hour */
	bool unsent;
	int64_t rtt_us; /* -1: none */
};

struct samples {
	struct sample *items;
	size_t count, size;
};

/* 0, or -1 when out of memory. */
int samples_add(struct samples *, const struct sample *);
/* By lane; within it what was not answered, then by (time, rank, round trip).
 * The rank stands for the name's bytes: ids depend on the order of arrival. */
void samples_sort(struct samples *);
void samples_clear(struct samples *);

/* A row of the table run. */
struct run {
	int64_t lane, first, last, instance;
	int tie;
	int64_t answered, asked, unsent;
};

/* Walks the runs of sorted samples. */
struct run_reader {
	const struct samples *samples;
	size_t first, at;      /* samples of the current one: [first, at) */
	struct run run;        /* the current one */
	struct histogram hist; /* of the current one */
};
void run_reader_init(struct run_reader *, const struct samples *);
/* The lane of the next run; -1: none is left. */
int64_t run_reader_lane(const struct run_reader *);
bool run_reader_next(struct run_reader *);

#endif
