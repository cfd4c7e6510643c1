/*
 * What the files of the store share: store.c (open, lock, transactions),
 * store_batch.c (batches and records), store_vp.c (vantage points),
 * settle.c, check.c.
 */
#ifndef COLLECTOR_STORE_PRIVATE_H
#define COLLECTOR_STORE_PRIVATE_H

#include <stdbool.h>
#include <sqlite3.h>
#include "collector/archive.h"
#include "collector/item.h"
#include "collector/names.h"
#include "collector/quota.h"
#include "collector/statements.h"
#include "collector/store.h"

#define STORE_VERSION 2 /* of the schema, as in store.sql */

/* One record of the batch being added, with its names as ids. */
struct store_row {
	int64_t t_us, rtt_us;
	int64_t lane, instance, detail, reply; /* instance, reply: 0 is none */
	int32_t ttl, rcode, size;
	uint8_t outcome, stamp;
};

/* The batch being added. Its rows wait here because the times in the
 * database count from the earliest, which may come last. */
struct store_adding {
	struct store_batch batch;
	char vp[LIMIT_VP_NAME + 1];
	struct items one; /* of store_batch_add */
	struct store_row *rows;
	size_t count, size;
	int64_t first_row;
	bool too_late;
	struct wall horizon;
	/* row_sum.h, of the sums of its rows; of its traces and raw replies,
	 * where it has some */
	uint32_t rows_sum, traces_sum, replies_sum;
};

struct store {
	sqlite3 *db;
	char path[4096];
	int lock; /* DB.lock; -1: a reader */
	bool locked;
	bool in_transaction;
	int wal_pages; /* after the last commit */
	int64_t wal_alarm_pages;
	struct meter *meter; /* NULL: nothing is counted */
	struct quota quota;
	int64_t quota_day;       /* on which older days were last forgotten */
	struct archive *archive; /* NULL: none */
	struct names *lanes, *instances, *details, *paths;
	int64_t last_measurement; /* -1: ask the database */
	int64_t epoch;            /* of names: what is remembered is of it */
	struct store_adding adding;
	sqlite3_stmt *statement[STATEMENT_COUNT];
};

/* A reader's connection to check the store by: the main database read-only,
 * and empty temporary tables run, interval and unsettled that hide the real
 * ones from every prepared statement, so that settle_hour works on them. */
struct store *store_open_shadow(const char *path, int *code);

/* Whether a reader's connection can be had. The exit code, after one line where
 * it cannot. */
int store_look(const char *path);

/* Whether this user may open it for writing, as store_open asks. */
bool store_may_write(const char *path);

/* For an upgrade: whatever its version is, which is told. Under the lock until
 * it is closed, without prepared statements. */
struct store *store_open_old(const char *path, int64_t *version, int *code);

/* A reader's connection beside others of the same process: statements of
 * query_once alone. */
struct store *store_open_reader(const char *path, int *code);

/* A new, empty file with a database's mode. 0, or -1 with errno. */
int store_make_file(const char *path);
/* Take the name of a file that is whole: it is flushed, linked to path, which
 * must not exist, and the folder flushed. The exit code, after one line where
 * that is not EXIT_DONE. */
int store_publish(const char *temp, const char *path);

/* Views are the program's, not data: they follow it. Whether this one made
 * those that are there; make them anew, inside a transaction; do that, in one
 * of its own, where they are not. The last alone needs prepared statements,
 * for the transaction. */
enum store_result store_are_views_ours(struct store *, bool *ours);
enum store_result store_replace_views(struct store *);
enum store_result store_refresh_views(struct store *);

/* Names of settings; store.sql says what each is. */
#define SETTING_RAW_HORIZON "raw_horizon"
#define SETTING_RUN_HORIZON "run_horizon"
#define SETTING_INTERVAL_HORIZON "interval_horizon"

/* Settings, the second as microseconds; INT64_MIN: there is none. Putting is
 * for inside a transaction. */
enum store_result store_put_setting(
    struct store *, const char *name, const char *value);
enum store_result store_get_time(struct store *, const char *name, int64_t *us);
enum store_result store_put_time(struct store *, const char *name, int64_t us);

/* Run a statement without parameters and rows. */
enum store_result store_run(struct store *, enum statement);

/* Inside a transaction: what follows can be taken back by itself. One of the
 * other two follows. */
enum store_result store_save(struct store *);
enum store_result store_keep(struct store *);
enum store_result store_undo(struct store *);

/* The caches of names may hold what a rollback has undone. */
void store_forget_names(struct store *);

enum store_result store_vp_name(
    struct store *, int64_t vp, char name[LIMIT_VP_NAME + 1]);

extern const char schema_store_sql[];
extern const char schema_views_sql[];
extern const char schema_upgrade_1_sql[];

#endif
