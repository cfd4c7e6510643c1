/*
 * The catchment at a time: a row per vantage point, service and flow, and
 * the shares that are made of them.
 */
#ifndef ANALYSIS_CATCHMENT_H
#define ANALYSIS_CATCHMENT_H

#include <stddef.h>
#include <stdint.h>
#include "analysis/methods.h"
#include "analysis/quantile.h"
#include "analysis/reports.h"
#include "analysis/samples.h"
#include "analysis/trail.h"

/* What the last sample at or before the time says (DESIGN.md 9). */
enum state {
	STATE_KNOWN,
	STATE_STALE,
	STATE_NO_IDENTITY,
	STATE_NO_ANSWER,
	STATE_NO_DATA,
	/* what the last sample said is not to be believed (judge.h) */
	STATE_INTERCEPTED,
	STATE_IMPOSSIBLE,
	STATE_MISPLACED,
};

/* -1: unknown, or none. Where the state is not known, site is; label is then
 * what was not believed. */
struct catchment_row {
	int32_t vp, service; /* indexes */
	int flow;
	int32_t label, site;
	enum state state;
	int64_t since_us, last_seen_us, median_us;
	size_t rtts_first, samples; /* of catchment.rtts */
};

/* Rows of a vantage point that said nothing from floor_us to until_us. */
struct silence {
	struct catchment_row *rows;
	size_t count, room;
	int64_t floor_us, until_us; /* until_us INT64_MIN: there are none */
};

struct catchment {
	struct run *run;
	const struct methods *methods;
	int64_t since_us, until_us; /* until_us - 1 is the time */
	struct historian historian;
	struct intervals *intervals;
	struct block_source *blocks;
	bool *wanted;               /* lanes: those that are compared */
	struct catchment_row *rows; /* by service, vantage point, flow */
	size_t count, room;
	struct silence *silences; /* by vantage point */
	struct values rtts;       /* microseconds */
	/* of the vantage point and lane at hand */
	int64_t age_us;    /* of its last sample, or it is stale */
	int64_t recent_us; /* the window, and what may not be stale, begin */
	struct samples samples, others, back;
	struct trail trail;
	struct units units;
};

/* Statements of a run, in methods that stay valid; catchment_clear ends
 * them. */
void catchment_init(struct catchment *, struct run *, const struct methods *);
void catchment_clear(struct catchment *);

/* Read once, where that is not too much, what is read again and again for the
 * steps of the options. Before the first of them, which are then to be read in
 * the order of time. */
void catchment_hold(struct catchment *);

/* Replace the rows by those of the time until_us - 1, with round trips from
 * since_us on. */
void catchment_read(struct catchment *, int64_t since_us, int64_t until_us);

const char *catchment_state_name(enum state);

/* The shares of the sites by what --by says: the columns, which are
 * at most SHARE_COLUMNS (how many of them are shown) with the time of a
 * step in front, and the rows. As report_row. */
#define SHARE_COLUMNS 14
size_t catchment_share_columns(struct column *, const struct run *);
int catchment_write_shares(struct catchment *);

#endif
