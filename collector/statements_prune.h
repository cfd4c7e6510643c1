/*
 * What retention (prune.h) asks the database. Temporary tables are of the
 * connection; they cost no lock.
 */
#ifndef COLLECTOR_STATEMENTS_PRUNE_H
#define COLLECTOR_STATEMENTS_PRUNE_H

/* Batches that begin at ?2 or later, end before ?1 and lack one of the bits
 * ?3 of pruned, as temp.prune_batch(id, first, last); with the table. */
extern const char prune_batches_table[];
extern const char prune_find_batches[];
extern const char prune_next_batch[]; /* after id ?1 */

/* Each lane's last run before the hour ?1, where the lane still has an
 * interval, as temp.prune_keep_run. */
extern const char prune_keep_table[];
extern const char prune_keep[];
/* Where runs lie after (hour ?1, lane ?2); those of the lanes ?1 to ?2 and
 * hour ?3 that are not kept. */
extern const char prune_runs_next[];
extern const char prune_runs[];

/* The first lane after ?1 with an interval; of the lanes ?1 to ?2 those that
 * end before ?3. */
extern const char prune_blocks_next[], prune_blocks[];
extern const char prune_intervals_next[];
extern const char prune_intervals[];

/* Names, by kind: as temp.prune_unused(kind, id) those that no row of the
 * state that is read has. Rows added since, measurement ?1 and later, save
 * theirs. Then of the kinds' tables up to 1,000 rows. */
extern const char prune_unused_tables[];
extern const char *const prune_unused_find[]; /* ends with NULL */
extern const char prune_unused_drop[];
extern const char prune_unused_save[];
extern const char prune_last_measurement[];
struct prune_name {
	const char *count, *remove, *forget;
};
extern const struct prune_name prune_names[]; /* ends with NULLs */

/* The size of a kind's tables in bytes, and what of it each hour has, the
 * latest first, as (hour, weight). By the places of struct prune_limits. */
struct prune_size {
	const char *bytes, *hours;
};
extern const struct prune_size prune_sizes[];

extern const char prune_vacuum[];
extern const char prune_file_bytes[];
extern const char prune_free_pages[];

#endif
