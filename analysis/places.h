/*
 * Where vantage points were, and in whose network: what the operator said,
 * else what MMDB files say of their addresses, each for its time.
 */
#ifndef ANALYSIS_PLACES_H
#define ANALYSIS_PLACES_H

#include "analysis/catalog.h"
#include "lib/geo.h"
#include "lib/regions.h"

struct places_sources {
	struct geo *geo; /* NULL: addresses say nothing */
	const struct regions *regions;
};

/* Complete the places of a catalog that was read. A global address that the
 * host reports goes before the one that the collector saw. */
void places_fill(
    struct catalog *, struct query *, const struct places_sources *);

/* The addresses of a vantage point at a time, "" where none is known; blanks
 * between several. */
#define PLACES_TEXT 256
struct places_addresses {
	char reported[PLACES_TEXT], seen[PLACES_TEXT];
};
struct places_reader {
	struct query_rows *rows; /* NULL: the store has none */
};
void places_reader_init(struct places_reader *, struct query *);
void places_reader_clear(struct places_reader *);
void places_addresses(struct places_reader *, int64_t vp, int64_t t_us,
    struct places_addresses *);

#endif
