/*
 * How an import writes: many small batches in one transaction, which ends
 * often enough that a server beside it gets its turn.
 */
#ifndef COLLECTOR_IMPORT_WRITER_H
#define COLLECTOR_IMPORT_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include "collector/store.h"

struct import_writer {
	struct store *store;
	uint64_t stored, duplicates, conflicts; /* batches */
	bool failed; /* the store: it will not take the next batch either */
	bool begun;  /* a transaction is open */
	int in_transaction;
};

/* All return 0, or an exit code after one line of log. */
int import_begin(struct import_writer *); /* where none is open */
/* Count what came of a batch; anything but stored, a duplicate or a conflict
 * rolls back. */
int import_added(struct import_writer *, enum store_result);
int import_commit(struct import_writer *);
int import_commit_full(struct import_writer *); /* where it holds enough */
int import_failed(struct import_writer *, enum store_result);

#endif
