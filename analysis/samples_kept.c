#include "analysis/samples_kept.h"

#include <stdlib.h>
#include "analysis/memory.h"
#include "lib/limits.h"

#define KEPT_MAX 16000000 /* samples: half a gigabyte */

struct kept_vp {
	struct samples samples;
	size_t *ends; /* by the vantage point's lanes; NULL: unread */
	size_t *at;   /* where a lane was last asked for */
};

struct samples_kept {
	int64_t since_us, until_us;
	bool *lanes; /* NULL: all */
	struct kept_vp *vps;
};

/* About how many records of these lanes are in a window. */
static double
estimate(struct sampler *sampler, const int64_t window_us[2], const bool *lanes)
{
	const struct catalog *c = sampler->catalog;
	struct query_rows *rows = query_prepare(sampler->query,
	    "SELECT sum(rows) FROM batch WHERE t0 >= ?1 AND t0 < ?2");
	double count = 0;
	size_t wanted = 0;

	query_bind(rows, 1, window_us[0] - LIMIT_BATCH_SPAN_US);
	query_bind(rows, 2, window_us[1]);
	if (query_next(rows))
		count = (double)query_int(rows, 0);
	query_finish(rows);
	if (lanes == NULL || c->lane_count == 0)
		return count;
	for (size_t i = 0; i < c->lane_count; i++)
		wanted += lanes[i];
	return count * (double)wanted / (double)c->lane_count;
}

bool
sampler_keep(
    struct sampler *sampler, const int64_t window_us[2], const bool *lanes)
{
	const struct catalog *c = sampler->catalog;
	struct samples_kept *kept;

	if (sampler->kept != NULL ||
	    estimate(sampler, window_us, lanes) > KEPT_MAX)
		return false;
	sampler->kept = kept = memory_zeroed(1, sizeof(*kept));
	kept->vps = memory_zeroed(c->vp_count, sizeof(*kept->vps));
	kept->since_us = window_us[0];
	kept->until_us = window_us[1];
	if (lanes == NULL)
		return true;
	kept->lanes = memory_zeroed(c->lane_count, sizeof(*lanes));
	for (size_t i = 0; i < c->lane_count; i++)
		kept->lanes[i] = lanes[i];
	return true;
}

void
samples_kept_free(struct samples_kept *kept, const struct catalog *c)
{
	if (kept == NULL)
		return;
	for (size_t i = 0; i < c->vp_count; i++) {
		samples_clear(&kept->vps[i].samples);
		free(kept->vps[i].ends);
		free(kept->vps[i].at);
	}
	free(kept->vps);
	free(kept->lanes);
	free(kept);
}

bool
samples_kept_hold(const struct sampler *sampler, int32_t vp, int64_t since_us,
    int64_t until_us)
{
	const struct vantage *v = &sampler->catalog->vps[vp];
	const struct samples_kept *kept = sampler->kept;

	if (kept == NULL || since_us < kept->since_us ||
	    until_us > kept->until_us)
		return false;
	if (kept->lanes == NULL)
		return true;
	for (size_t i = 0; i < v->lane_count; i++) {
		const int32_t lane = v->lanes[i];

		if (!kept->lanes[lane] &&
		    (sampler->wanted == NULL || sampler->wanted[lane]))
			return false;
	}
	return true;
}

static struct kept_vp *
keep_vp(struct sampler *sampler, int32_t vp)
{
	const struct vantage *v = &sampler->catalog->vps[vp];
	const struct samples_kept *kept = sampler->kept;
	struct kept_vp *held = &kept->vps[vp];
	const bool *wanted = sampler->wanted;

	if (held->ends != NULL)
		return held;
	sampler->wanted = kept->lanes;
	samples_read_window(sampler, &held->samples, vp,
	    (const int64_t[2]){ kept->since_us, kept->until_us });
	sampler->wanted = wanted;
	held->ends = memory_zeroed(v->lane_count, sizeof(*held->ends));
	held->at = memory_zeroed(v->lane_count, sizeof(*held->at));
	for (size_t i = 0; i < v->lane_count; i++) {
		held->at[i] = i == 0 ? 0 : held->ends[i - 1];
		held->ends[i] = sampler->lane_ends[v->lanes[i]];
	}
	return held;
}

/* The first of a lane's samples [from, end) at or after a time. */
static size_t
first_since(const struct kept_vp *held, size_t from, size_t end, int64_t t_us)
{
	while (from < end) {
		const size_t middle = from + (end - from) / 2;

		if (held->samples.items[middle].t_us < t_us)
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

/* The same of the vantage point's i-th lane; mostly those that are asked for
 * follow those that were. */
static size_t
lane_since(struct kept_vp *held, size_t i, int64_t t_us)
{
	const struct sample *items = held->samples.items;
	const size_t from = i == 0 ? 0 : held->ends[i - 1];
	const size_t end = held->ends[i], at = held->at[i];

	if ((at == from || items[at - 1].t_us < t_us) &&
	    (at == end || items[at].t_us >= t_us))
		return at;
	held->at[i] = first_since(held, from, end, t_us);
	return held->at[i];
}

void
samples_kept_copy(struct sampler *sampler, struct samples *samples, int32_t vp,
    const int64_t window_us[2])
{
	const struct vantage *v = &sampler->catalog->vps[vp];
	struct kept_vp *held = keep_vp(sampler, vp);
	const struct sample *items = held->samples.items;

	samples->count = 0;
	for (size_t i = 0; i < v->lane_count; i++) {
		size_t k;

		if (sampler->wanted != NULL && !sampler->wanted[v->lanes[i]])
			continue;
		for (k = lane_since(held, i, window_us[0]);
		     k < held->ends[i] && items[k].t_us < window_us[1]; k++)
			samples_add(samples, &items[k]);
		held->at[i] = k;
	}
}

/* The vantage point's number of a lane, which are by rising indexes. */
static size_t
number_of(const struct vantage *v, int32_t lane)
{
	size_t low = 0, high = v->lane_count;

	while (low + 1 < high) {
		const size_t middle = low + (high - low) / 2;

		if (v->lanes[middle] <= lane)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool
samples_kept_last(
    struct sampler *sampler, struct samples_span *span, int64_t *last_us)
{
	const struct catalog *c = sampler->catalog;
	const struct samples_kept *kept = sampler->kept;
	const int32_t vp = c->lanes[span->lane].vp;
	struct kept_vp *held;
	size_t lane, from, k;

	if (kept == NULL || span->before_us <= kept->since_us ||
	    span->before_us > kept->until_us ||
	    (kept->lanes != NULL && !kept->lanes[span->lane]))
		return false;
	held = keep_vp(sampler, vp);
	lane = number_of(&c->vps[vp], span->lane);
	from = lane == 0 ? 0 : held->ends[lane - 1];
	for (k = lane_since(held, lane, span->before_us); k > from; k--) {
		const struct sample *sample = &held->samples.items[k - 1];

		if (samples_in_span(sampler, span, sample)) {
			*last_us = sample->t_us;
			return true;
		}
		if (sample->t_us < span->first_us)
			break;
	}
	span->before_us = kept->since_us;
	return false;
}
