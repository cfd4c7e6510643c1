#include "collector/statements_prune.h"

#include <stddef.h>

#define HOUR "3600000000"

const char prune_batches_table[] =
    "DROP TABLE IF EXISTS temp.prune_batch;"
    "CREATE TEMP TABLE prune_batch(id INTEGER PRIMARY KEY, first, last);";
/* t0 lies at most an hour before t1. */
const char prune_find_batches[] =
    "INSERT INTO temp.prune_batch SELECT b.id, b.first_row,"
    " b.first_row + b.rows - 1 FROM vp AS v CROSS JOIN batch AS b"
    " ON b.vp = v.id AND b.t0 >= ?2 AND b.t0 < ?1"
    " WHERE b.t1 < ?1 AND b.pruned & ?3 <> ?3 AND b.rows > 0";
const char prune_next_batch[] =
    "SELECT id, first, last FROM temp.prune_batch WHERE id > ?1"
    " ORDER BY id LIMIT 1";

const char prune_keep_table[] =
    "DROP TABLE IF EXISTS temp.prune_keep_run;"
    "CREATE TEMP TABLE prune_keep_run(lane INTEGER PRIMARY KEY,"
    " hour INTEGER);";
const char prune_keep[] =
    "INSERT INTO temp.prune_keep_run SELECT lane, max(hour) FROM main.run"
    " WHERE hour < ?1 AND tie >= 0 AND EXISTS"
    " (SELECT 1 FROM main.interval AS i WHERE i.lane = run.lane)"
    " GROUP BY lane";
const char prune_runs_next[] =
    "SELECT hour, lane FROM main.run WHERE (hour, lane) > (?1, ?2)"
    " ORDER BY hour, lane LIMIT 1";
const char prune_runs[] =
    "DELETE FROM main.run WHERE hour = ?3 AND lane BETWEEN ?1 AND ?2"
    " AND NOT EXISTS (SELECT 1 FROM temp.prune_keep_run AS k"
    "  WHERE k.lane = run.lane AND k.hour = run.hour)";

const char prune_blocks_next[] = "SELECT min(vp) FROM main.block WHERE vp > ?1";
const char prune_blocks[] =
    "DELETE FROM main.block WHERE vp = ?1 AND hour IN (SELECT hour FROM"
    " main.block WHERE vp = ?1 AND hour < ?2 ORDER BY hour LIMIT 100)";

const char prune_intervals_next[] =
    "SELECT min(lane) FROM main.interval WHERE lane > ?1";
const char prune_intervals[] =
    "DELETE FROM main.interval WHERE lane BETWEEN ?1 AND ?2 AND last < ?3";

const char prune_unused_tables[] =
    "DROP TABLE IF EXISTS temp.prune_used;"
    "DROP TABLE IF EXISTS temp.prune_unused;"
    "CREATE TEMP TABLE prune_unused(kind INTEGER, id INTEGER,"
    " PRIMARY KEY(kind, id)) WITHOUT ROWID;"
    "BEGIN;";
/* One look at the measurements. */
const char *const prune_unused_find[] = {
	"CREATE TEMP TABLE prune_used AS"
	" SELECT DISTINCT lane, detail, reply, instance FROM main.measurement",
	"INSERT INTO temp.prune_unused SELECT 1, id FROM main.detail WHERE"
	" id NOT IN (SELECT detail FROM temp.prune_used) AND id NOT IN"
	" (SELECT reply FROM temp.prune_used WHERE reply IS NOT NULL)",
	"INSERT INTO temp.prune_unused SELECT 2, id FROM main.path WHERE"
	" id NOT IN (SELECT path FROM main.trace)",
	"INSERT INTO temp.prune_unused SELECT 3, id FROM main.instance"
	" WHERE id > 1 AND id NOT IN (SELECT instance FROM temp.prune_used"
	"  WHERE instance IS NOT NULL) AND id NOT IN (SELECT instance FROM"
	"  main.run) AND id NOT IN (SELECT instance FROM main.interval)",
	"INSERT INTO temp.prune_unused SELECT 4, id FROM main.lane WHERE"
	" id NOT IN (SELECT lane FROM temp.prune_used) AND id NOT IN"
	" (SELECT lane FROM main.run) AND id NOT IN"
	" (SELECT lane FROM main.interval)",
	NULL,
};
const char prune_unused_drop[] = "COMMIT;"
				 "DROP TABLE IF EXISTS temp.prune_used;";
const char prune_unused_save[] =
    "DELETE FROM temp.prune_unused WHERE (kind, id) IN"
    " (SELECT 1, detail FROM main.measurement WHERE id >= ?1"
    " UNION SELECT 1, reply FROM main.measurement WHERE id >= ?1"
    " UNION SELECT 2, path FROM main.trace WHERE measurement >= ?1"
    " UNION SELECT 3, instance FROM main.measurement WHERE id >= ?1"
    " UNION SELECT 4, lane FROM main.measurement WHERE id >= ?1)";
const char prune_last_measurement[] =
    "SELECT ifnull(max(id), 0) FROM main.measurement";

#define COUNT_KIND(kind) \
	"SELECT count(*) FROM temp.prune_unused WHERE kind = " kind
#define SOME(kind)                                             \
	"(SELECT id FROM temp.prune_unused WHERE kind = " kind \
	" ORDER BY id LIMIT 1000)"
#define REMOVE(table, kind) "DELETE FROM main." table " WHERE id IN " SOME(kind)
#define FORGET(kind)                                       \
	"DELETE FROM temp.prune_unused WHERE kind = " kind \
	" AND id IN " SOME(kind)

const struct prune_name prune_names[] = {
	{ COUNT_KIND("1"), REMOVE("detail", "1"), FORGET("1") },
	{ COUNT_KIND("2"), REMOVE("path", "2"), FORGET("2") },
	{ COUNT_KIND("3"), REMOVE("instance", "3"), FORGET("3") },
	{ COUNT_KIND("4"), REMOVE("lane", "4"), FORGET("4") },
	{ NULL, NULL, NULL },
};

#define BYTES(names)                                                         \
	"SELECT ifnull(sum(s.pgsize), 0) FROM sqlite_schema AS t CROSS JOIN" \
	" dbstat AS s ON s.name = t.name AND s.aggregate = TRUE"             \
	" WHERE t.rootpage > 0 AND t.tbl_name IN (" names ")"
#define PER_BATCH(bit, weight, table)                                        \
	"SELECT b.t1 / " HOUR " AS hour, sum(" weight ") FROM batch AS b"    \
	" CROSS JOIN " table " ON m.measurement BETWEEN b.first_row"         \
	" AND b.first_row + b.rows - 1 WHERE b.rows > 0 AND b.pruned & " bit \
	" = 0 GROUP BY hour ORDER BY hour DESC"

const struct prune_size prune_sizes[] = {
	{ BYTES("'answer_bytes'"),
	    PER_BATCH("1", "length(m.bytes) + 8", "answer_bytes AS m") },
	{ BYTES("'trace', 'path'"),
	    PER_BATCH("2", "length(m.rtts) + 12", "trace AS m") },
	{ BYTES("'measurement'"),
	    "SELECT t1 / " HOUR " AS hour, sum(rows) FROM batch"
	    " WHERE rows > 0 AND pruned & 4 = 0"
	    " GROUP BY hour ORDER BY hour DESC" },
	{ BYTES("'run', 'block'"),
	    "SELECT hour, sum(bytes) FROM (SELECT hour,"
	    " 30 + ifnull(length(hist), 0) AS bytes FROM run"
	    " UNION ALL SELECT hour, length(lanes) FROM block)"
	    " GROUP BY hour ORDER BY hour DESC" },
	{ BYTES("'interval'"),
	    "SELECT last / " HOUR " AS hour, count(*) FROM interval"
	    " GROUP BY hour ORDER BY hour DESC" },
};

const char prune_vacuum[] = "PRAGMA incremental_vacuum(1000)";
const char prune_file_bytes[] =
    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
const char prune_free_pages[] = "PRAGMA freelist_count";
