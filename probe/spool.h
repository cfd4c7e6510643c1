/*
 * The spool: batches that wait to be shipped, one file each, oldest first by
 * name. A batch exists once spool_publish has returned 0; it leaves only
 * after a receipt, when it can never be accepted, or when the spool's limits
 * are reached, and that is counted.
 *
 *   00000000000000000007.acb   waits
 *   00000000000000000006.sent  shipped; the newest is kept, because the next
 *                              batch's spool id, number and previous hash
 *                              come from its line 1
 *   rejected/                  what the collector will never take
 *   state                      counters, in place in blocks of their own, so
 *                              that a full disk can still be counted
 *   paths                      what rounds remember of paths (paths.h)
 *   habits                     and of servers (habits.h)
 *   probe.lock ship.lock       one round, one shipment at a time
 *   spool.lock                 held for moments, by whoever changes files
 *
 * A file's name is its place in the queue. It is also its number, until a
 * new spool id (after a 409) starts the numbers again.
 */
#ifndef PROBE_SPOOL_H
#define PROBE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/batch.h"
#include "lib/sign.h"
#include "lib/times.h"

struct spool;

struct spool_limits {
	int64_t bytes; /* of what waits and of what was rejected */
	struct span age;
};

/* Open the folder (made where it is missing, mode 0700) and remove what a
 * killed process left half written. NULL with one line in error: errno is
 * EPERM where others can read or write it, else the system's reason. */
struct spool *spool_open(const char *path, const struct spool_limits *,
    char *error, size_t error_size);
void spool_close(struct spool *); /* lets go of every lock */

/* --- acprobe --- */

/* 0: the only round. 1: another is running, and that was counted durably:
 * exit. -1: errno. */
int spool_lock_round(struct spool *);

/* What happened since the batch before: for the next head. */
struct spool_counters {
	int64_t lost;    /* batches evicted */
	int64_t skipped; /* rounds that found another running */
};

/* Begin to publish: spool, number and previous of line, and the counters
 * (for batch_writer_set_head). Nobody else changes the spool until
 * spool_publish or spool_abandon; do nothing slow between. 0, or -1 (errno). */
int spool_next(struct spool *, struct batch_line *, struct spool_counters *);

/* Publish the batch that was signed with that line. Where the limits or the
 * disk demand it, the oldest waiting batches are counted and removed. 0: it
 * survives a power cut. -1 (errno): it is not promised. */
int spool_publish(struct spool *, const uint8_t *file, size_t len);
void spool_abandon(struct spool *);

/* --- acship --- */

/* 0, or 1 where another acship runs, or -1 (errno). */
int spool_lock_ship(struct spool *);

/* What waits, oldest first; the caller frees places. 0, or -1 (errno). */
int spool_list(struct spool *, int64_t **places, size_t *count);

/* A waiting batch, whole and in one piece; the caller frees file, and pieces
 * borrow from it. 0; 1: it is gone (evicted) or was damaged or planted,
 * which was said, and is no longer waiting; -1 (errno). */
int spool_load(struct spool *, int64_t place, struct batch_pieces *,
    uint8_t **file, size_t *len);

/* It was stored: a receipt says so. 0, or -1 (errno). */
int spool_sent(struct spool *, int64_t place);

/* It will never be accepted: to rejected/. 0, or -1 (errno). */
int spool_reject(struct spool *, int64_t place);

/* Give all that waits a new spool id and new numbers, signed again. 0, or -1
 * (errno); what was signed again by then stays so. */
int spool_renew(struct spool *, const struct sign_key *);

#endif
