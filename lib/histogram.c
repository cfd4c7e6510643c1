#include "lib/histogram.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "lib/limits.h"
#include "lib/varint.h"

/* No whole number of microseconds but 1 is a power of 1.02, and none comes
 * so near to one that rounding could choose the bucket. */
static size_t
bucket_of(int64_t rtt_us)
{
	if (rtt_us <= 1)
		return 0;
	if (rtt_us > LIMIT_RTT_US)
		rtt_us = LIMIT_RTT_US;
	return (size_t)(log((double)rtt_us) / log(1.02));
}

static void
count_bucket(struct histogram *h, size_t bucket, uint64_t count)
{
	if (h->low == h->high) {
		h->low = bucket;
		h->high = bucket + 1;
	} else if (bucket < h->low)
		h->low = bucket;
	else if (bucket >= h->high)
		h->high = bucket + 1;
	h->count[bucket] += count;
	h->total += count;
}

/* A number in its shortest form. 0, or -1. */
static int
next_number(struct histogram_kept *k, uint64_t *value)
{
	const uint8_t *const from = k->bytes + k->at, *at = from;

	if (varint_get(&at, k->bytes + k->len, value) == -1 ||
	    (at - from > 1 && at[-1] == 0))
		return -1;
	k->at += (size_t)(at - from);
	return 0;
}

int
histogram_kept_next(struct histogram_kept *k)
{
	uint64_t step;

	if (k->at == k->len)
		return 0;
	if (next_number(k, &step) == -1)
		return -1;
	if (step >= HISTOGRAM_BUCKETS || (step == 0 && k->going))
		return -1;
	k->bucket += step;
	k->going = true;
	if (k->bucket >= HISTOGRAM_BUCKETS)
		return -1;
	if (next_number(k, &k->count) == -1)
		return -1;
	return k->count == 0 ? -1 : 1;
}

void
histogram_table_init(struct histogram_table *t)
{
	uint32_t us = 0;

	/* Not every bucket has a time of its own: 2 is the next after 1. */
	for (size_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
		us = (uint32_t)ceil(pow(1.02, (double)b));
		while (us > 0 && bucket_of((int64_t)us - 1) >= b)
			us--;
		while (bucket_of(us) < b)
			us++;
		t->first[b] = us;
	}
	t->first[HISTOGRAM_BUCKETS] = UINT32_MAX;
	for (unsigned cell = 0; cell < 32 * 64; cell++) {
		const unsigned high = cell >> 6;
		const uint64_t first =
		    (((uint64_t)64 | (cell & 63)) << high) + 63;

		t->bucket[cell] = (uint16_t)bucket_of((int64_t)(first >> 6));
	}
}

void
histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void
histogram_clear(struct histogram *h)
{
	memset(h->count + h->low, 0, (h->high - h->low) * sizeof(h->count[0]));
	h->low = h->high = 0;
	h->total = 0;
}

void
histogram_add(struct histogram *h, int64_t rtt_us)
{
	count_bucket(h, bucket_of(rtt_us), 1);
}

void
histogram_add_bucket(struct histogram *h, size_t bucket, uint64_t count)
{
	if (bucket < HISTOGRAM_BUCKETS && count > 0)
		count_bucket(h, bucket, count);
}

size_t
histogram_encode(const struct histogram *h, uint8_t *out)
{
	size_t len = 0, before = 0;

	for (size_t b = h->low; b < h->high; b++) {
		if (h->count[b] == 0)
			continue;
		len += varint_put(out + len, b - before);
		len += varint_put(out + len, h->count[b]);
		before = b;
	}
	return len;
}

int
histogram_merge(struct histogram *h, const void *bytes, size_t len)
{
	const struct histogram_kept start = { .bytes = bytes, .len = len };
	struct histogram_kept k = start;
	uint64_t total = h->total;
	int status;

	while ((status = histogram_kept_next(&k)) == 1) {
		total += k.count;
		if (total > INT64_MAX)
			return -1;
	}
	if (status == -1)
		return -1;
	for (k = start; histogram_kept_next(&k) == 1;)
		count_bucket(h, (size_t)k.bucket, k.count);
	return 0;
}

int64_t
histogram_rank_us(const struct histogram *h, uint64_t rank)
{
	uint64_t seen = 0;

	if (rank == 0 || rank > h->total)
		return -1;
	for (size_t b = h->low; b < h->high; b++) {
		seen += h->count[b];
		if (seen >= rank)
			return (int64_t)llround(pow(1.02, (double)b + 0.5));
	}
	return -1;
}

double
histogram_percentile_us(const struct histogram *h, double percent)
{
	const uint64_t n = h->total;
	uint64_t rank;

	if (n == 0 || !(percent > 0 && percent <= 100))
		return -1;
	if (percent == 50.0 && n % 2 == 0)
		return (double)(histogram_rank_us(h, n / 2) +
				histogram_rank_us(h, n / 2 + 1)) /
		       2;
	/* A percentage of a count is rarely a whole number in binary; what is
	 * one but for rounding must not become the next rank. */
	rank = (uint64_t)ceil((double)n * percent / 100 - 1e-9);
	if (rank == 0)
		rank = 1;
	return (double)histogram_rank_us(h, rank > n ? n : rank);
}
