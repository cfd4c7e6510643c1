/*
 * Publication latency of RSSAC047v2: from the interval in which a serial was
 * first seen anywhere to the one in which a vantage point saw it of a target;
 * 0 where that is the same.
 */
#include <stdlib.h>
#include "analysis/memory.h"
#include "analysis/compare.h"
#include "analysis/rssac047.h"

struct version {
	int64_t interval, serial;
};

static int
compare_intervals(const void *left, const void *right)
{
	const struct rssac047_serial *a = left, *b = right;

	return compare_int(a->interval, b->interval);
}

static int
compare_pairs(const void *left, const void *right)
{
	const struct rssac047_serial *a = left, *b = right;
	int order;

	if ((order = compare_int(a->vp, b->vp)) != 0 ||
	    (order = compare_int(a->target, b->target)) != 0)
		return order;
	return compare_int(a->interval, b->interval);
}

/* Serials that are new after the first interval: of that it is not known when
 * they came. Of several in one interval the newest counts. */
static size_t
find_versions(const struct rssac047 *r, struct version *versions)
{
	const struct rssac047_serial *s = r->serials;
	int64_t newest = -1;
	size_t count = 0;

	for (size_t i = 0; i < r->serial_count; i++) {
		if (newest >= 0 && !soa_serial_after(s[i].serial, newest))
			continue;
		newest = s[i].serial;
		if (s[i].interval == s[0].interval)
			continue;
		if (count == 0 || versions[count - 1].interval < s[i].interval)
			count++;
		versions[count - 1] = (struct version){ s[i].interval, newest };
	}
	return count;
}

/* One vantage point and target: what was seen of it, in time. */
static void
publish_pair(struct rssac047 *r, const struct rssac047_serial *seen,
    size_t count, const struct version *versions, size_t version_count)
{
	size_t i = 0;

	for (size_t v = 0; v < version_count; v++) {
		int64_t us;

		while (i < count &&
		       soa_serial_after(versions[v].serial, seen[i].serial))
			i++;
		if (i == count)
			return;
		if (i == 0)
			continue; /* it was there when the pair was first */
		us = (seen[i].interval - versions[v].interval) *
		     RSSAC047_INTERVAL_US;
		values_add(&r->publication[seen->target], us);
		values_add(&r->system_publication, us);
	}
}

void
rssac047_publish(struct rssac047 *r)
{
	struct version *versions =
	    memory_zeroed(r->serial_count, sizeof(*versions));
	size_t count;

	if (r->serial_count > 1)
		qsort(r->serials, r->serial_count, sizeof(*r->serials),
		    compare_intervals);
	count = find_versions(r, versions);
	if (r->serial_count > 1)
		qsort(r->serials, r->serial_count, sizeof(*r->serials),
		    compare_pairs);
	for (size_t first = 0, end; first < r->serial_count; first = end) {
		for (end = first + 1;
		     end < r->serial_count &&
		     r->serials[end].vp == r->serials[first].vp &&
		     r->serials[end].target == r->serials[first].target;
		     end++)
			continue;
		publish_pair(
		    r, &r->serials[first], end - first, versions, count);
	}
	free(versions);
}
