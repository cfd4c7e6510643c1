/*
 * A record made ready for the store: its columns, and the texts that the
 * store keeps once and refers to, with their hashes. Needs no database, so
 * that it can be done outside of the writer's transaction.
 */
#ifndef COLLECTOR_ITEM_H
#define COLLECTOR_ITEM_H

#include <stddef.h>
#include <stdint.h>
#include "lib/keyed_hash.h"
#include "lib/record.h"

/* Bytes of the list that the item is in. */
struct item_text {
	uint32_t at, len; /* len 0: none */
};

struct item_name {
	struct item_text text;
	struct hash_128 hash;
};

struct item {
	int64_t t_us, rtt_us;
	int32_t ttl, rcode, size;
	uint8_t outcome, stamp;
	struct item_name lane;     /* item_lane_read() */
	struct item_name instance; /* method, NUL, bytes; none: not answered */
	struct item_name detail, reply; /* detail.h */
	struct item_name path;
	struct item_text hop_times, raw;
};

struct items {
	struct item *list;
	size_t count, size;
	uint8_t *bytes;
	size_t len, bytes_size;
};

/* The key of all hashes: one for the process, drawn at its first use. */
const struct hash_key *item_key(void);

/* Add a record of the vantage point. 0, or -1: out of memory. */
int items_add(struct items *, const char *vp, const struct record *);
/* Forget them, and keep the memory for others. */
void items_reset(struct items *);
void items_clear(struct items *);

const void *items_text(const struct items *, struct item_text);
size_t items_memory(const struct items *);

/* What a lane's text says beside the vantage point. */
struct item_lane {
	struct addr addr;
	int32_t port, flow;
	enum proto proto;
	const char *target, *question; /* borrowed from the text */
};
struct item_lane item_lane_read(const void *text);

#endif
