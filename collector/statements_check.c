#include "collector/statements_check.h"

#include <stddef.h>
#include "collector/store_private.h"

const char check_views[] =
    "SELECT name FROM main.sqlite_schema WHERE type = 'view' ORDER BY name";

/* No view shows an id or the time of receipt (views.sql). */
const char check_view_query[] =
    "SELECT printf('SELECT %s FROM \"%w\" ORDER BY %s',"
    " group_concat(printf('\"%w\"', name)), ?1, group_concat(cid + 1))"
    " FROM pragma_table_info(?1)";

/* Vantage points whose every hour is settled. */
#define SETTLED_LANE                                    \
	"(SELECT l.id FROM lane AS l WHERE l.vp NOT IN" \
	" (SELECT vp FROM main.unsettled))"

/* The rows of progress, of the batches themselves. */
#define PROGRESS                                                             \
	"SELECT vp, spool, count(*), sum(rows), max(number), max(t1),"       \
	" (SELECT max(number) FROM batch WHERE vp = b.vp"                    \
	"  AND spool = b.spool AND t1 = max(b.t1)),"                         \
	" min(t0) FILTER (WHERE rows > 0), max(t1) FILTER (WHERE rows > 0)," \
	" sum(lost), sum(skipped), sum(too_late), max(received)"             \
	" FROM batch AS b GROUP BY vp, spool"

const struct check_query check_queries[] = {
	{ "the file is whole",
	    "SELECT integrity_check FROM pragma_integrity_check"
	    " WHERE integrity_check <> 'ok'" },
	{ "every reference has its row",
	    "SELECT printf('%s row %d: no such %s', \"table\", rowid, parent)"
	    " FROM pragma_foreign_key_check" },
	{ "every measurement has its lane, instance and details",
	    "SELECT printf('measurement %d', m.id) FROM measurement AS m"
	    " LEFT JOIN lane AS l ON l.id = m.lane"
	    " LEFT JOIN instance AS i ON i.id = m.instance"
	    " LEFT JOIN detail AS d ON d.id = m.detail"
	    " LEFT JOIN detail AS r ON r.id = m.reply"
	    " WHERE l.id IS NULL OR d.id IS NULL"
	    " OR (m.instance IS NOT NULL AND i.id IS NULL)"
	    " OR (m.reply IS NOT NULL AND r.id IS NULL)" },
	{ "every batch has its measurements, and they are of its vantage point",
	    "SELECT printf('batch %s %d', (SELECT name FROM spool WHERE id ="
	    " b.spool), b.number) FROM batch AS b"
	    " WHERE iif(b.pruned & 4, 0, b.rows) <> (SELECT count(*) FROM "
	    "measurement AS m"
	    "  JOIN lane AS l ON l.id = m.lane AND l.vp = b.vp"
	    "  WHERE m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    "  AND m.dt_us BETWEEN 0 AND b.t1 - b.t0)" },
	{ "no measurement belongs to two batches or none",
	    "SELECT printf('%d measurements, %d in batches', a, b) FROM"
	    " (SELECT (SELECT count(*) FROM measurement) AS a,"
	    "  (SELECT ifnull(sum(rows), 0) FROM batch WHERE pruned & 4 = 0)"
	    "  AS b) WHERE a <> b" },
	{ "what came of each spool is what its batches say",
	    "SELECT printf('spool %s of %s', (SELECT name FROM spool WHERE id ="
	    " x.spool), (SELECT name FROM vp WHERE id = x.vp)) FROM"
	    " (SELECT * FROM (SELECT * FROM progress EXCEPT " PROGRESS ")"
	    " UNION SELECT * FROM (" PROGRESS
	    " EXCEPT SELECT * FROM progress)) AS x GROUP BY vp, spool" },
	{ "every sum is of a batch",
	    "SELECT printf('row %d', first_row) FROM (SELECT first_row FROM"
	    " row_sum EXCEPT SELECT first_row FROM batch WHERE rows > 0)" },
	{ "every run and interval has its lane and instance",
	    "SELECT printf('lane %d, instance %d', lane, instance) FROM"
	    " (SELECT lane, instance FROM main.run UNION"
	    " SELECT lane, instance FROM main.interval)"
	    " WHERE lane NOT IN (SELECT id FROM lane) OR (instance <> 0"
	    " AND instance NOT IN (SELECT id FROM instance))" },
	{ "every trace has its path",
	    "SELECT printf('trace %d', t.measurement) FROM trace AS t"
	    " LEFT JOIN path AS p ON p.id = t.path WHERE p.id IS NULL" },
	{ "every trace and raw reply is of a measurement",
	    "SELECT printf('measurement %d', x) FROM (SELECT measurement AS x"
	    " FROM trace UNION ALL SELECT measurement FROM answer_bytes)"
	    " WHERE NOT EXISTS (SELECT 1 FROM measurement WHERE id = x)" },
	{ NULL, NULL },
};

#define RUN_COLUMNS                                                        \
	"hour, lane, first, tie, instance, last, answered, asked, unsent," \
	" hex(hist)"

const struct check_query check_settled[] = {
	{ "runs are what the measurements say",
	    "SELECT printf('run of lane %d, hour %d', lane, hour) FROM"
	    " (SELECT * FROM (SELECT " RUN_COLUMNS " FROM main.run WHERE lane"
	    " IN " SETTLED_LANE " EXCEPT SELECT " RUN_COLUMNS
	    " FROM temp.run) UNION ALL SELECT * FROM (SELECT " RUN_COLUMNS
	    " FROM temp.run WHERE lane IN " SETTLED_LANE
	    " EXCEPT SELECT " RUN_COLUMNS " FROM main.run))" },
	{ "blocks are what the measurements say",
	    "SELECT printf('block of vantage point %d, hour %d', vp, hour) FROM"
	    " (SELECT * FROM (SELECT * FROM main.block WHERE vp NOT IN"
	    " (SELECT vp FROM main.unsettled) EXCEPT SELECT * FROM temp.block)"
	    " UNION ALL SELECT * FROM (SELECT * FROM temp.block WHERE vp NOT IN"
	    " (SELECT vp FROM main.unsettled)"
	    " EXCEPT SELECT * FROM main.block))" },
	{ "intervals are what the runs say",
	    "SELECT printf('interval of lane %d at %d', lane, first) FROM"
	    " (SELECT * FROM (SELECT lane, first, tie, last, instance"
	    " FROM main.interval WHERE lane IN " SETTLED_LANE
	    " EXCEPT SELECT lane, first, tie, last, instance"
	    " FROM temp.interval) UNION ALL SELECT * FROM"
	    " (SELECT lane, first, tie, last, instance FROM temp.interval"
	    " WHERE lane IN " SETTLED_LANE
	    " EXCEPT SELECT lane, first, tie, last, instance"
	    " FROM main.interval))" },
	{ NULL, NULL },
};

#define HORIZON                                        \
	"(SELECT ifnull(max(CAST(value AS INTEGER)), " \
	"-9223372036854775808) FROM main.setting"      \
	" WHERE name = '" SETTING_RAW_HORIZON "')"

/* A batch spans at most an hour, so it lies in one or two. */
const char check_hours[] =
    "SELECT vp, t0 / 3600000000 AS hour FROM batch WHERE rows > 0"
    " AND t0 >= " HORIZON
    " UNION SELECT vp, t1 / 3600000000 FROM batch WHERE rows > 0"
    " AND t1 >= " HORIZON;

/* Without raw rows a run cannot be made again: the runs and blocks before the
 * horizon, and the intervals up to there. One that reaches beyond ends with the
 * lane's last run before it. */
const char check_seed[] =
    "INSERT INTO temp.run SELECT * FROM main.run WHERE hour < " HORIZON
    " / 3600000000; INSERT INTO temp.block SELECT * FROM main.block"
    " WHERE hour < " HORIZON
    " / 3600000000; INSERT INTO temp.interval(lane, first,"
    " tie, last, instance) SELECT lane, first, tie,"
    " iif(last < " HORIZON ", last, (SELECT r.last FROM main.run AS r"
    "  WHERE r.hour < " HORIZON " / 3600000000 AND r.lane = i.lane"
    "  AND r.tie >= 0 ORDER BY r.hour DESC, r.first DESC, r.tie DESC"
    "  LIMIT 1)), instance FROM main.interval AS i WHERE first < " HORIZON ";";

const char check_unsettled[] =
    "SELECT count(DISTINCT vp), count(*) FROM main.unsettled";

const char check_schema_objects[] =
    "SELECT type, name, tbl_name, ifnull(sql, '')"
    " FROM main.sqlite_schema"
    " WHERE (type <> 'view' OR ?1) AND name NOT LIKE 'sqlite_stat_'"
    " ORDER BY name";
const char check_schema_object[] =
    "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name = ?1";

const char check_hashed[] =
    "SELECT 'detail', id, hash, json FROM detail"
    " UNION ALL SELECT 'path', id, hash, hops FROM path"
    " UNION ALL SELECT 'host', id, hash, json FROM host";
const char check_escaped[] = "SELECT 'instance', id, bytes, text FROM instance";

/* Its primary key says which row it is. */
const char check_summed_tables[] =
    "SELECT printf('SELECT %Q || %s FROM main.\"%w\" WHERE sum IS NOT"
    " row_sum%s(%s)', name || ' ', (SELECT group_concat(printf('\"%w\"', name),"
    "  ' || '' '' || ') FROM pragma_table_info(t.name, 'main') WHERE pk > 0),"
    " name, iif(name = 'run', '_short', ''),"
    " (SELECT group_concat(printf('\"%w\"', name))"
    "  FROM pragma_table_info(t.name, 'main') WHERE name NOT IN ('id', 'sum')))"
    " FROM main.sqlite_schema AS t WHERE type = 'table' AND 'sum' IN"
    " (SELECT name FROM pragma_table_info(t.name, 'main')) ORDER BY name";

/* Of a store that never was of an earlier version, every batch. */
const char check_summed_batches[] =
    "SELECT b.first_row, b.first_row + b.rows - 1, b.pruned, s.rows, s.traces,"
    " s.replies, printf('batch %s %s %d', v.name, n.name, b.number)"
    " FROM batch AS b LEFT JOIN vp AS v ON v.id = b.vp"
    " LEFT JOIN spool AS n ON n.id = b.spool"
    " LEFT JOIN row_sum AS s ON s.first_row = b.first_row"
    " WHERE b.rows > 0 AND b.pruned & 4 = 0"
    " AND b.first_row >= (SELECT ifnull(max(CAST(value AS INTEGER)), 0)"
    "  FROM main.setting WHERE name = 'sums_from')";

const char check_archived_table[] =
    "CREATE TEMP TABLE archived(vp TEXT, spool TEXT, number INTEGER,"
    " sha256 TEXT, PRIMARY KEY(vp, spool, number, sha256)) WITHOUT ROWID;"
    "CREATE TEMP TABLE act(act TEXT, vp TEXT, t INTEGER, what TEXT)";
const char check_note_archived[] =
    "INSERT OR IGNORE INTO temp.archived VALUES(?1, ?2, ?3, ?4)";
const char check_note_import[] =
    "INSERT OR IGNORE INTO temp.archived SELECT json_extract(?1, '$.vp'),"
    " json_extract(?1, '$.spool'), json_extract(?1, '$.number'),"
    " json_extract(?1, '$.sha256') WHERE json_valid(?1)";
const char check_archived[] =
    "SELECT printf('batch %s %s %d', v.name, s.name, b.number)"
    " FROM batch AS b JOIN vp AS v ON v.id = b.vp JOIN spool AS s"
    " ON s.id = b.spool WHERE"
    " NOT EXISTS (SELECT 1 FROM temp.archived AS a WHERE a.vp = v.name"
    "  AND a.spool = s.name AND a.number = b.number"
    "  AND a.sha256 = lower(hex(b.sha256)))";

/* Only what names the row that it made: whether that is what was stored is for
 * the row's sum, and the next act may have changed it. */
const char check_note_act[] =
    "INSERT INTO temp.act SELECT act, json_extract(j, '$.vp'),"
    " CASE act WHEN 'place' THEN json_extract(j, '$.since_us')"
    "  WHEN 'seen' THEN json_extract(j, '$.since_us') / 86400000000"
    "  WHEN 'note' THEN json_extract(j, '$.t_us')"
    "  WHEN 'sites' THEN json_extract(j, '$.since_us') END,"
    " CASE act WHEN 'key' THEN json_extract(j, '$.public')"
    "  WHEN 'revoke' THEN json_extract(j, '$.keyid')"
    "  WHEN 'seen' THEN json_extract(j, '$.address')"
    "  WHEN 'note' THEN json_array(json_extract(j, '$.target'),"
    "   json_extract(j, '$.site'), json_extract(j, '$.text'))"
    "  WHEN 'sites' THEN json_extract(j, '$.name') END"
    " FROM (SELECT ?2 AS j, ifnull(?1, json_extract(?2, '$.act')) AS act"
    "  WHERE json_valid(?2)) WHERE act IN ('vp', 'place', 'key', 'revoke',"
    " 'seen', 'note', 'sites')";
const char check_acts[] =
    "SELECT act || ifnull(' ' || vp, '') || ifnull(' ' || t, '')"
    " || ifnull(' ' || what, '') FROM (SELECT * FROM temp.act EXCEPT"
    " SELECT * FROM (SELECT 'vp', name, NULL, NULL FROM vp"
    " UNION ALL SELECT 'place', name, since, NULL"
    "  FROM vp_place AS p JOIN vp ON vp.id = p.vp"
    " UNION ALL SELECT 'key', name, NULL, lower(hex(public))"
    "  FROM vp_key AS k JOIN vp ON vp.id = k.vp"
    " UNION ALL SELECT 'revoke', name, NULL, keyid"
    "  FROM vp_key AS k JOIN vp ON vp.id = k.vp WHERE until IS NOT NULL"
    " UNION ALL SELECT 'seen', name, day, addresses"
    "  FROM vp_address AS a JOIN vp ON vp.id = a.vp WHERE af > 0"
    " UNION ALL SELECT 'note', NULL, t, json_array(target, site, text)"
    "  FROM note"
    " UNION ALL SELECT 'sites', NULL, since, name FROM site_list))";

const char backup_check[] =
    "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'";

const char backup_settings[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;";
