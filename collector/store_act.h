/*
 * What an operator does, or a vantage point seen from outside, as the archive
 * keeps it: a JSON object with the key "act", and "vp" where it is of one.
 */
#ifndef COLLECTOR_STORE_ACT_H
#define COLLECTOR_STORE_ACT_H

#include "collector/store.h"
#include "lib/json_out.h"

struct store_act {
	char text[2048];
	struct json_out out; /* over text: what else is said of it */
};

void store_act_begin(struct store_act *, const char *act);
/* Of a vantage point. STORE_UNKNOWN: there is none. */
enum store_result store_act_begin_vp(
    struct store_act *, struct store *, const char *act, int64_t vp);
/* Archived, where there is an archive. */
enum store_result store_act_end(struct store_act *, struct store *);

#endif
