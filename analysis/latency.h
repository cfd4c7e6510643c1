/*
 * Questions and what came of them, grouped by what --by says: what latency
 * and availability show, each in its own columns.
 */
#ifndef ANALYSIS_LATENCY_H
#define ANALYSIS_LATENCY_H

#include "analysis/latency_hist.h"
#include "analysis/methods.h"
#include "analysis/outages.h"
#include "analysis/quantile.h"
#include "analysis/reports.h"
#include "analysis/rounds.h"
#include "lib/histogram.h"

struct latency_view;
struct latency_runs;
struct latency_rows;

/* A row: one question of one service over one transport, in one group. */
struct group {
	int32_t kind; /* of lanes: see kind_of */
	int32_t name; /* of latency.groups: "" is unknown */
	int64_t vantage_points, asked, answered, unsent;
	int64_t errors; /* of answered: no service in them */
	struct outages outages;
	double expected;
	bool expected_known;
	struct values rtts; /* microseconds; or medians of vantage points */
	struct latency_hist hist; /* and those in runs */
	/* of the vantage point at hand */
	int32_t vp;
	size_t vp_first;    /* its first of rtts */
	int64_t vp_samples; /* before rounds are counted in */
};

/* What a vantage point asked in a batch, once for each record. */
struct last_asked {
	int64_t batch; /* id; 0: not read */
	int32_t *lanes;
	size_t count;
};

struct latency {
	struct run *run;
	const struct options *options;
	struct methods methods;     /* of all steps */
	int64_t since_us, until_us; /* the step */
	struct rounds_reader rounds;
	struct last_asked *last_asked; /* by vantage point */
	struct names groups;
	int32_t no_site;              /* of groups, where --by is site */
	struct names_map place_names; /* of groups, by what names a place */
	int32_t *kind_of; /* by lane: same service, question and transport */
	struct group *items;
	size_t count, room;
	size_t latest; /* of items: asked for again and again */
	size_t *slots; /* open addressing by kind and name: item + 1, or 0 */
	size_t slot_count;
	const struct latency_view *view;
	struct samples samples; /* room */
	bool *strict;           /* by lane: an answer has to be without error */
	/* failures in a row of the lane at hand */
	int32_t lost_lane;
	struct failures lost;
	bool from_runs;            /* hours that are whole are read from runs */
	struct latency_runs *runs; /* of the step; NULL: none */
	struct latency_rows *rows; /* NULL: records are held */
	struct values touched;     /* items, of the vantage point at hand */
	struct histogram buckets;  /* of the group that is written */
};

/* Columns of a report; the first is the time of a step, and that at
 * LATENCY_GROUP_COLUMN takes the name of what --by says. */
#define LATENCY_GROUP_COLUMN 6
struct latency_view {
	const struct column *columns;
	size_t count;
	int (*write)(struct latency *, const struct lane *, struct group *);
	bool round_trips; /* shows them, and nothing that runs do not say */
	bool counts;      /* shows how many were asked, lost and expected */
};

/* Read and write a report. As report_row. */
int latency_run(struct run *, const struct latency_view *);

/* Begin a table without rows, of what a run has, by these options, which need
 * not be the run's; all three are borrowed until latency_clear. */
void latency_init(struct latency *, struct run *, const struct options *,
    const struct latency_view *);
void latency_clear(struct latency *);

/* Read the window of a run into tables of it, which have the same steps, all in
 * one pass: step by step, after each of which every table is given by its
 * number, and what came of the step is done with (latency_empty, or no items).
 * 0, or what was not 0 of a function that was given one. */
typedef int latency_step_fn(void *context, size_t table);
int latency_read(
    struct latency *const *, size_t count, latency_step_fn *, void *context);
/* Groups as they were before something came in; their names stay. */
void latency_empty(struct latency *);

/* The first cells of a row, up to what --by says. */
void latency_head(struct cell *, const struct latency *, const struct lane *,
    const struct group *);

/* The group of a lane's records, by its name; valid until the next call. */
struct group *latency_group(struct latency *, int32_t lane, int32_t name);
/* The name of a vantage point's group at a time, where --by is not site. */
int32_t latency_place(struct latency *, int32_t vp, int64_t t_us);
/* The name of the site where an instance is (index), as a lane's question tells
 * it; -1: none, for which the group is that of no site. */
int32_t latency_site(struct latency *, int32_t lane, int32_t instance);
static inline int32_t
latency_site_group(const struct latency *l, int32_t site)
{
	return site < 0 ? l->no_site : site;
}
/* Whether a server said that it does not serve: to the question for the SOA
 * whatever is not NOERROR (FIELD.md F9), to others SERVFAIL. That nobody knows
 * the name of an identity is an answer. */
bool latency_is_error(const struct latency *, const struct sample *);
/* What is counted next is of this vantage point. */
void latency_enter(struct latency *, struct group *, int32_t vp);
/* The vantage point that a group was counting is done with. */
void latency_close_vp(struct latency *, struct group *);

#endif
