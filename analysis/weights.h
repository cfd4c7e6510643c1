/*
 * Weights of vantage points (FIELD.md F2): how much load a vantage point
 * stands for. A file of lines
 *
 *   vp NAME WEIGHT | prefix PREFIX WEIGHT | asn NUMBER WEIGHT |
 *   country CODE WEIGHT
 *
 * where # begins a comment. A vantage point takes the weight of its own name,
 * else of the longest prefix that holds an address from which it asked in its
 * newest round, else of its network, else of its country: what a line says is
 * divided among the vantage points that take it, so that ten of them in one
 * network do not count ten times its load. Without any: 0, uncovered.
 */
#ifndef ANALYSIS_WEIGHTS_H
#define ANALYSIS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/query.h"
#include "lib/addr.h"

struct weight_line {
	enum weight_kind {
		WEIGHT_VP,
		WEIGHT_PREFIX,
		WEIGHT_ASN,
		WEIGHT_COUNTRY,
	} kind;
	char *text;
	int64_t asn;
	struct prefix prefix;
	double weight;
	size_t takers;
};

struct weights {
	struct weight_line *lines;
	size_t count, room;
	double *of_vp; /* by index; set by weights_spread */
};

/* 0, or -1 with one line on standard error. */
int weights_read(struct weights *, const char *path);
void weights_clear(struct weights *);
bool weights_given(const struct weights *);

/* Divide them among the vantage points, by where they are at a time, and say
 * how much of the load is covered. */
void weights_spread(
    struct weights *, const struct catalog *, struct query *, int64_t t_us);

/* Of a vantage point (index); 1 where there is no file. */
double weights_of(const struct weights *, int32_t vp);

/* How many of count columns are shown, of which the last two are those of
 * weights: all where there is a file. */
size_t weights_columns(const struct weights *, size_t count);
#define WEIGHT_COLUMNS 2

#endif
