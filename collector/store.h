/*
 * The store: one SQLite file, written by one process at a time.
 *
 * Every write transaction, its checkpoint and the close of a connection that
 * wrote happen under flock(DB.lock), whichever process (SQLite before 3.51.3
 * can corrupt a WAL database when two connections checkpoint at once).
 * synchronous=FULL is asserted at open: after store_commit returned STORE_OK a
 * power cut loses nothing of it.
 */
#ifndef COLLECTOR_STORE_H
#define COLLECTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/batch.h"
#include "lib/record.h"
#include "lib/sign.h"
#include "lib/times.h"

enum store_result {
	STORE_OK,
	STORE_DUPLICATE, /* the same content is stored already */
	STORE_CONFLICT,  /* other content under the same number: the first stays
			  */
	STORE_UNKNOWN,   /* no such vantage point or key */
	STORE_REFUSED,   /* records span more than LIMIT_BATCH_SPAN_S */
	STORE_REVOKED,   /* measured when its key did not hold */
	STORE_OVER_QUOTA, /* its vantage point has sent enough for today */
	STORE_BUSY,       /* another process holds the lock: try again */
	STORE_FULL,       /* no room on the disk: nothing was written */
	STORE_BROKEN,     /* any other error of the database */
};
const char *store_result_name(enum store_result);

struct store;
struct meter;

/* Make a new database (mode 0640). The exit code, after one line where the file
 * exists or cannot be made. */
int store_create(const char *path);

/* Open for writing. NULL where it is missing, not ours (application_id), of
 * another schema version, or broken; one line was logged and *code is the
 * exit code. archive may be NULL: nothing is archived. */
struct store *store_open(const char *path, const char *archive, int *code);
/* Another connection of the same process, for another thread: what works
 * outside a transaction. NULL as above. */
struct store *store_open_beside(const struct store *writer, int *code);
/* The same for writing, without an archive and with a small cache. */
struct store *store_open_second(const struct store *writer, int *code);
void store_close(struct store *);
struct sqlite3 *store_db(struct store *); /* for settle.c and retain.c */
/* Commits are counted there from now on. */
void store_count_in(struct store *, struct meter *);
/* A struct store is used by one thread at a time. */

/* One write transaction: takes the lock (bounded wait), begins; commits and
 * checkpoints where due, or rolls back; lets go of the lock. What was given
 * to store_archive in between is fsynced in the archive before the commit. */
enum store_result store_begin(struct store *);
enum store_result store_commit(struct store *);
void store_rollback(struct store *);
/* Commit after STORE_OK, else roll back. What failed first, or STORE_OK. */
enum store_result store_end(struct store *, enum store_result);

/* --- inside a transaction --- */

/* A vantage point's id, made where it is missing and create is set. This and
 * the next two are the operator's acts: what they change is archived. */
enum store_result store_vp(
    struct store *, const char *name, bool create, int64_t *vp);

struct vp_place {
	struct wall since;
	bool has_position;
	double lat, lon;
	char region[LIMIT_REGION + 1], country[3], city[LIMIT_REGION + 1];
	int64_t asn; /* -1: unknown */
	char tags[256];
};
/* Idempotent; the same since with other facts replaces them. */
enum store_result store_vp_place(
    struct store *, int64_t vp, const struct vp_place *);
/* Idempotent. STORE_CONFLICT: the key is another vantage point's;
 * STORE_REFUSED: it is no key. */
enum store_result store_vp_key(struct store *, int64_t vp,
    const uint8_t public_key[SIGN_PUBLIC_LEN], struct wall since);

/* The key holds for what is measured before until; what it signed and is
 * stored stays. Counts of that, earlier and later than until, are set.
 * Idempotent; another time replaces it. STORE_UNKNOWN: no key of vp. */
struct store_signed {
	int64_t earlier, later;
};
enum store_result store_vp_revoke(struct store *, int64_t vp, const char *keyid,
    struct wall until, struct store_signed *);

/* A key of vp, whether it holds or not: that depends on when a batch was
 * measured, and store_batch_end says STORE_REVOKED. STORE_UNKNOWN where vp has
 * no such key. The caller frees *key. Works outside a transaction too. */
enum store_result store_find_key(
    struct store *, const char *vp, const char *keyid, struct sign_key **key);

/* Is this batch stored? STORE_DUPLICATE, STORE_CONFLICT or STORE_OK (no).
 * Works outside a transaction too. */
enum store_result store_find_batch(struct store *, const char *vp,
    const char *spool, int64_t number, const uint8_t sha256[SIGN_SHA256_LEN]);

/* What identifies a batch, from a signed batch or from an import. */
struct store_batch {
	int64_t vp;
	const char *spool;               /* imports: "ripe-atlas:MSM" */
	int64_t number;                  /* imports: the result's time */
	uint8_t sha256[SIGN_SHA256_LEN]; /* signed: of the compressed body */
	const struct batch_head *head;
	const char *keyid; /* that signed it; NULL: an import */
};

/* Add an imported batch and its records (time order is not required; all
 * within LIMIT_BATCH_SPAN_S), mark its hours unsettled, and archive it as an
 * "import" entry. DUPLICATE, CONFLICT and REFUSED add nothing. The caller
 * holds a transaction, which may span several batches. */
enum store_result store_add_batch(struct store *, const struct store_batch *,
    const struct record *records, size_t count);

/* The same in steps, for batches of any size; nothing is archived. begin
 * says DUPLICATE or CONFLICT; after any result but STORE_OK of add and end
 * the caller rolls the transaction back. */
enum store_result store_batch_begin(struct store *, const struct store_batch *);
enum store_result store_batch_add(struct store *, const struct record *);
struct items; /* records made ready by item.h, of the same vantage point */
enum store_result store_batch_put_all(struct store *, const struct items *);
enum store_result store_batch_end(struct store *);

/* Batches that begin before this time are receipted and counted too_late,
 * and amend nothing. {INT64_MIN}: none, the default. Rounded down to the
 * hour when set. */
enum store_result store_raw_horizon(struct store *, struct wall *);
enum store_result store_set_raw_horizon(struct store *, struct wall);

/* Append to the archive's current file: kind is one of "batch", "import",
 * "act", "sites". Durable when store_commit returns STORE_OK. */
enum store_result store_archive(
    struct store *, const char *kind, const void *bytes, size_t len);

/* Count a batch that was refused, signed by a key of vp; in a transaction of
 * its own. */
enum store_result store_count_refusal(
    struct store *, const char *vp, const char *reason);

/* Keep a file under ARCHIVE/conflict/, durable at once, outside of any
 * transaction. STORE_OK also where no archive is configured. */
enum store_result store_set_aside(
    struct store *, const char *name, const void *bytes, size_t len);

#endif
