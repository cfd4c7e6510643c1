/*
 * The samples of one vantage point in a window, in the order in which
 * everything is judged: lane, time, name. From raw rows; before the raw
 * horizon, where retention took those, out of runs (samples_runs.h).
 */
#ifndef ANALYSIS_SAMPLES_H
#define ANALYSIS_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "analysis/catalog.h"
#include "analysis/query.h"
#include "lib/record.h"
#include "lib/times.h"

#define SAMPLE_NO_RTT UINT32_MAX

struct sample {
	int64_t t_us;
	int32_t lane;     /* index */
	int32_t instance; /* index; -1: not answered, without a name, or not
			     to be believed */
	uint32_t rtt_us;  /* SAMPLE_NO_RTT unless answered by the service */
	int32_t every_s;  /* of its batch; 0: unknown */
	int16_t rcode;    /* -1: none */
	uint8_t outcome;  /* enum outcome */
	uint8_t verdict;  /* enum verdict of judge.h; 0: nothing against it */
	int32_t said;     /* the instance, whatever the verdict */
};

struct samples {
	struct sample *items;
	size_t count, room;
};

struct row_source;
struct run_source;
struct samples_kept;

struct sampler {
	struct query *query;
	const struct catalog *catalog;
	struct query_rows *batch, *back, *every, *unsettled, *span;
	struct query_rows *any, *before, *runs_back;
	struct row_source *rows;
	struct run_source *runs; /* for what retention took */
	/* Lanes (by index) of which samples_read has raw rows, borrowed; NULL:
	 * all. Others may be there too. */
	const bool *wanted;
	size_t *lane_ends; /* by lane: room for sorting */
	struct samples spare;
	struct samples_kept *kept; /* NULL: nothing is kept */
};

/* The statements of a run; sampler_clear ends them. */
void sampler_init(struct sampler *, struct query *, const struct catalog *);
void sampler_clear(struct sampler *);

/* Replace samples by those of a vantage point (index) with since <= t <
 * until. */
void samples_read(struct sampler *, struct samples *, int32_t vp,
    int64_t since_us, int64_t until_us);

/* What is read of some lanes (by index; NULL: all) within a window is read
 * once, and kept until the sampler ends: for those that read the same several
 * times. False: that is too much, or something else is kept already. */
bool sampler_keep(
    struct sampler *, const int64_t window_us[2], const bool *lanes);

/* Those of one batch (id) of a vantage point, in no order. */
void samples_read_batch(
    struct sampler *, struct samples *, int32_t vp, int64_t batch);

/* The newest samples of a lane named by a method before a time, newest first,
 * at most max. The search begins where the lane was last seen (last_us) and
 * ends at first_us. */
struct samples_span {
	int32_t lane, method;
	int64_t first_us, last_us, before_us;
	size_t max;
};
void samples_read_back(
    struct sampler *, struct samples *, const struct samples_span *);

/* The time of the newest of them, where all before before_us is settled (see
 * samples_settled_before); INT64_MIN: there is none. The room is for what may
 * have to be read. */
int64_t samples_last_seen(
    struct sampler *, struct samples *room, const struct samples_span *);

/* False: a vantage point has no sample with since <= t < until. */
bool samples_any(
    struct sampler *, int32_t vp, int64_t since_us, int64_t until_us);

void samples_add(struct samples *, const struct sample *);
void samples_clear(struct samples *);

/* Those of a vantage point by lane, each lane's in the order as it is. */
void samples_by_lane(struct sampler *, struct samples *, int32_t vp);

static inline bool
sample_answered(const struct sample *sample)
{
	return sample->outcome == OUTCOME_ANSWERED;
}

/* Where the samples of items[from]'s lane end. */
size_t samples_lane_end(const struct samples *, size_t from);

/* How long what was measured stays true where nothing newer is known: three
 * rounds of so many seconds, or two hours where that is unknown (<= 0). */
static inline int64_t
samples_patience_us(int64_t every_s)
{
	return every_s > 0 ? 3 * every_s * SECOND_US : 2 * HOUR_US;
}

/* The interval of a vantage point's rounds by its newest batch that begins
 * before a time, in seconds; 0: unknown. */
int64_t samples_every_s(struct sampler *, int32_t vp, int64_t before_us);

/* The time from which a vantage point's raw rows must be read so that what
 * is before it is settled: since, or the earliest unsettled hour before. */
int64_t samples_settled_before(struct sampler *, int32_t vp, int64_t since_us);

#endif
