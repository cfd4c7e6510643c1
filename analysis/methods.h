/*
 * One method per comparison (DESIGN.md 9): names that were learnt in
 * different ways are different name spaces. Per (target, address) the first of
 * the identity order (that of the table of services where the address is in
 * it) that any vantage point saw in the window, the same for all, and one kind
 * of lane in which it is compared, so that an answer that several questions
 * tell is counted once.
 */
#ifndef ANALYSIS_METHODS_H
#define ANALYSIS_METHODS_H

#include <stdbool.h>
#include "analysis/catalog.h"
#include "analysis/query.h"

/* What is compared. Texts are numbers of catalog.names. */
struct choice {
	int32_t method;          /* -1: nobody named an instance */
	int32_t question, proto; /* -1: there is no data */
	int port;
};

struct methods {
	struct choice *of_service;
	int32_t *of_lane; /* the method within the lane's question */
};

/* From the samples with since <= t < until. Where none names an instance: the
 * method of those before, and else none, with the lanes that would; what comes
 * after is not looked at. */
void methods_choose(struct methods *, const struct catalog *, struct query *,
    int64_t since_us, int64_t until_us);
void methods_clear(struct methods *);

/* Whether a lane is one that is compared. */
bool methods_compares(
    const struct methods *, const struct catalog *, int32_t lane);

/* That of every lane, by index; freed by the caller. */
bool *methods_lanes(const struct methods *, const struct catalog *);

#endif
