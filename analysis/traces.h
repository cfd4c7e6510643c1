/*
 * The traces of a window, lane by lane, and the distinct paths that they took.
 * A trace that contradicts the path before it nowhere is of that path; else it
 * is of the newest one that it does not contradict; else of a new one. So no
 * silence of a hop ever makes a change. Where another one answered at its end,
 * a silent hop is that of the next trace which that one answers.
 */
#ifndef ANALYSIS_TRACES_H
#define ANALYSIS_TRACES_H

#include "analysis/catalog.h"
#include "analysis/path.h"
#include "analysis/quantile.h"
#include "analysis/query.h"
#include "lib/geo.h"

struct trace {
	int64_t t_us;
	int64_t path_id;  /* in the store */
	int32_t lane;     /* index */
	int32_t instance; /* that answered, index; -1: none, or nameless */
	int64_t rtt_us;   /* -1: the target did not answer */
	size_t number;    /* of lane_paths.items */
};

/* One of a lane. It holds from its traces to the next ones of the lane. */
struct traced_path {
	struct path path;
	int64_t first_us, last_us, held_us;
	size_t traces, answered;
	int64_t before; /* the number of that which it first followed; -1 */
	struct values rtts;
};

struct lane_paths {
	int32_t lane;
	struct traced_path *items; /* in the order of first sight */
	size_t count, room;
	const struct trace *traces; /* in the order of time */
	size_t trace_count;
};

struct traces_reader {
	const struct catalog *catalog; /* with the lanes of traces */
	struct geo *geo;               /* may be NULL */
	struct query_rows *window, *hops;
	struct trace *items;
	size_t count, room;
};

void traces_init(struct traces_reader *, struct query *, const struct catalog *,
    struct geo *);
void traces_clear(struct traces_reader *);

/* Give every lane of a vantage point (index) that has a trace with since <= t
 * < until, in their order. What fn gets is valid until it returns. */
struct traces_window {
	int32_t vp;
	int64_t since_us, until_us;
};
typedef void traces_fn(struct lane_paths *, void *context);
void traces_read(struct traces_reader *, const struct traces_window *,
    traces_fn *, void *context);

#endif
