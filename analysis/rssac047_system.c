#include "analysis/rssac047.h"

int64_t
rssac047_quorum(int64_t n)
{
	return n < 1 ? 0 : (2 * (n - 1) + 2) / 3;
}

void
rssac047_count(
    struct rssac047_system *system, int64_t quorum, int64_t answering)
{
	system->enough += answering < quorum ? answering : quorum;
	system->needed += quorum;
}
