#include "analysis/latency_hist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"

#define AROUND 16 /* buckets that are kept free */

/* Room for a bucket beside those that are there, and some around it. */
static void
make_room(struct latency_hist *hist, uint32_t bucket)
{
	uint32_t low = bucket > AROUND ? bucket - AROUND : 0;
	uint32_t high = bucket + AROUND;
	uint64_t *count;

	if (hist->count != NULL && hist->low < low)
		low = hist->low;
	if (hist->count != NULL && hist->high > high)
		high = hist->high;
	count = memory_zeroed(high - low, sizeof(*count));
	if (hist->count != NULL)
		memcpy(count + (hist->low - low), hist->count,
		    (hist->high - hist->low) * sizeof(*count));
	free(hist->count);
	hist->low = low;
	hist->high = high;
	hist->count = count;
}

void
latency_hist_add(struct latency_hist *hist, const void *bytes, size_t len)
{
	struct histogram_kept kept = { .bytes = bytes, .len = len };

	hist->any = true;
	while (histogram_kept_next(&kept) == 1) {
		const uint32_t bucket = (uint32_t)kept.bucket;

		if (bucket < hist->low || bucket >= hist->high)
			make_room(hist, bucket);
		hist->count[bucket - hist->low] += kept.count;
	}
}

void
latency_hist_add_buckets(
    struct latency_hist *hist, const struct latency_buckets *buckets)
{
	hist->any = true;
	if (hist->count == NULL || buckets->low < hist->low)
		make_room(hist, (uint32_t)buckets->low);
	if (buckets->high > hist->high)
		make_room(hist, (uint32_t)buckets->high);
	for (size_t b = buckets->low; b < buckets->high; b++)
		hist->count[b - hist->low] += buckets->count[b];
}

/* Replace a histogram by both together. */
static void
put_all(struct histogram *h, const struct latency_hist *hist,
    const struct values *values)
{
	histogram_clear(h);
	for (uint32_t b = hist->low; b < hist->high; b++)
		histogram_add_bucket(h, b, hist->count[b - hist->low]);
	for (size_t i = 0; i < values->count; i++)
		histogram_add(h, values->items[i]);
}

struct latency_order
latency_hist_order(const struct latency_hist *hist, struct values *values,
    struct histogram *room)
{
	if (!hist->any) {
		quantile_sort(values->items, values->count);
		return (struct latency_order){ values, NULL, values->count };
	}
	put_all(room, hist, values);
	return (struct latency_order){ NULL, room, (size_t)room->total };
}

int64_t
latency_order_us(const struct latency_order *o, unsigned percent)
{
	if (percent == 100 ? o->count == 0
			   : !quantile_enough(o->count, percent))
		return -1;
	if (o->buckets != NULL)
		return percent == 0 ? histogram_rank_us(o->buckets, 1)
				    : llround(histogram_percentile_us(
					  o->buckets, percent));
	return percent == 50
		   ? quantile_median(o->values->items, o->count)
		   : quantile_nearest(o->values->items, o->count, percent);
}

void
latency_hist_empty(struct latency_hist *hist)
{
	if (hist->any && hist->count != NULL)
		memset(hist->count, 0,
		    (hist->high - hist->low) * sizeof(*hist->count));
	hist->any = false;
}

void
latency_hist_clear(struct latency_hist *hist)
{
	free(hist->count);
	*hist = (struct latency_hist){ 0 };
}
