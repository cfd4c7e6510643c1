/*
 * What the parts of the spool share.
 */
#ifndef PROBE_SPOOL_PRIVATE_H
#define PROBE_SPOOL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "probe/spool.h"

#define SPOOL_NAME 96 /* fits every name of ours */
#define SPOOL_FILE_BYTES (LIMIT_BATCH_BYTES + 1024) /* two clear lines more */

/* Counters that only grow, and how far they were told. */
struct spool_state {
	int64_t sequence; /* of writes: the newer of two copies is taken */
	int64_t lost, skipped;
	int64_t told_lost, told_skipped; /* by batches that exist */
	/* A batch at this place, if it exists, tells up to these. */
	int64_t claim_place, claim_lost, claim_skipped;
	/* What waits up to this place is given up, and counted in lost. */
	int64_t evicted;
};

/* Read, made where it is missing; and write, durably, in place. 0, or -1. */
int spool_state_read(int dirfd, struct spool_state *);
int spool_state_write(int dirfd, struct spool_state *);

struct spool {
	int dirfd;
	int round_fd, ship_fd, lock_fd; /* -1: not held */
	struct spool_limits limits;
	struct spool_state state;        /* as of lock_fd */
	int64_t place;                   /* that spool_next gave out; 0: none */
	int64_t told_lost, told_skipped; /* by the batch of that place */
};

struct spool_entry {
	int64_t place;
	int64_t bytes;
	int64_t mtime_s;
	bool sent;
};

struct spool_entries {
	struct spool_entry *items; /* by place */
	size_t count;
};

/* The batches of the folder; the caller frees items. 0, or -1. */
int spool_scan(int dirfd, struct spool_entries *);
/* Remove what file_publish left behind when it was killed. */
int spool_sweep(int dirfd);
void spool_sweep_rejected(const struct spool *);

void spool_name(char name[SPOOL_NAME], int64_t place, bool sent);

/* Hold spool.lock: nobody else changes files. Also finishes what a killed
 * process began. 0, or -1. */
int spool_hold(struct spool *);
void spool_let_go(struct spool *);

int spool_new_id(char id[BATCH_SPOOL_TEXT]); /* 0, or -1 */
/* Of the folder rejected/. */
int64_t spool_rejected_bytes(const struct spool *);

/* Read a batch's file with the checks that a planted one fails. 0, or -1
 * with the reason, a constant text or NULL for errno's. */
int spool_read(int dirfd, const char *name, struct batch_pieces *,
    uint8_t **file, size_t *len, const char **fault);

#endif
