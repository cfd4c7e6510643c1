/*
 * Outages: three or more failures in a row in one lane. One is as long as from
 * its first failure to its last.
 */
#ifndef ANALYSIS_OUTAGES_H
#define ANALYSIS_OUTAGES_H

#include <stdint.h>

struct outages {
	int64_t count, length_us; /* of all of them */
	int64_t longest_us;
};

/* Failures in a row up to now; whoever sees an answer sets count to 0. */
struct failures {
	int64_t count, first_us, last_us;
};

/* One more, at a time that is not before the last. */
void outages_add(struct outages *, struct failures *, int64_t t_us);

#endif
