#include "collector/statements_list.h"

#define TIME_TEXT "'%Y-%m-%dT%H:%M:%SZ'"

const char metrics_unsettled[] = "SELECT count(*) FROM unsettled";
/* The batch that begins last need not be the one that ends last, but none
 * that ends later begins more than a span before it. */
const char metrics_vps[] =
    "SELECT name, (SELECT max(t1) FROM batch WHERE vp = v.id AND t0 >="
    "  (SELECT max(t0) FROM batch WHERE vp = v.id) - 3600000000) AS last"
    " FROM vp AS v WHERE last IS NOT NULL ORDER BY name";

const char status_query[] =
    "SELECT 'vantage points', count(*) FROM vp"
    " UNION ALL SELECT 'batches', ifnull(sum(batches), 0) FROM progress"
    " UNION ALL SELECT 'batches too late', ifnull(sum(too_late), 0)"
    "  FROM progress"
    " UNION ALL SELECT 'measurements', ifnull(sum(rows), 0) FROM progress"
    " UNION ALL SELECT 'lanes', count(*) FROM lane"
    " UNION ALL SELECT 'instances', count(*) FROM instance WHERE id > 1"
    " UNION ALL SELECT 'hours not settled', count(*) FROM unsettled"
    " UNION ALL SELECT 'first measurement',"
    "  ifnull(strftime(" TIME_TEXT
    ", min(first) / 1000000, 'unixepoch'), 'none') FROM progress"
    " UNION ALL SELECT 'last measurement',"
    "  ifnull(strftime(" TIME_TEXT
    ", max(last) / 1000000, 'unixepoch'), 'none') FROM progress"
    " UNION ALL SELECT 'last receipt',"
    "  ifnull(strftime(" TIME_TEXT
    ", max(received) / 1000000, 'unixepoch'), 'none') FROM progress"
    " UNION ALL SELECT 'database bytes', page_count * page_size"
    "  FROM pragma_page_count, pragma_page_size";

const char listing_keep[] = "CREATE TEMP TABLE listed AS %s";
const char listing_kept[] = "SELECT * FROM temp.listed ORDER BY rowid";

const char note_list_query[] =
    "SELECT strftime(" TIME_TEXT ", t / 1000000, 'unixepoch') AS time,"
    " target, site, text FROM note ORDER BY t, text";

const char site_lists_query[] =
    "SELECT name, strftime(" TIME_TEXT
    ", since / 1000000, 'unixepoch') AS since,"
    " length(lines) - length(replace(lines, char(10), '')) AS lines"
    " FROM site_list ORDER BY name, 2";

const char vp_list_query[] =
    "SELECT v.name AS vp, strftime(" TIME_TEXT
    ", nullif(p.since, 0) / 1000000, 'unixepoch') AS since, p.lat, p.lon,"
    " p.region, p.country,"
    " p.city, p.asn, p.tags, (SELECT group_concat(keyid, ' ') FROM"
    " (SELECT keyid FROM vp_key WHERE vp = v.id"
    "  AND (until IS NULL OR until > unixepoch() * 1000000)"
    "  ORDER BY since, keyid)) AS keys,"
    " (SELECT ifnull(sum(batches), 0) FROM progress WHERE vp = v.id)"
    " AS batches, (SELECT strftime(" TIME_TEXT
    ", max(t1) / 1000000, 'unixepoch') FROM progress WHERE vp = v.id) AS last"
    " FROM vp AS v LEFT JOIN vp_place AS p ON p.vp = v.id"
    " ORDER BY v.name, p.since";

/* Numbers of a probe's spool begin with 1; an import's are times, and its
 * name has a colon. */
#define MISSING "(iif(instr(n.name, ':') = 0, p.number - p.batches, NULL))"

/* The first stretches of a spool that never came: from 1 to the first number,
 * and behind those without a next, which are looked for only in blocks that
 * are not all there. */
#define OF_SPOOL " FROM batch WHERE vp = p.vp AND spool = p.spool"
#define HOLES                                                                 \
	"(WITH RECURSIVE block(n) AS (SELECT min(number)" OF_SPOOL            \
	"  UNION ALL SELECT (SELECT min(number)" OF_SPOOL                     \
	"   AND number > n + 499) FROM block WHERE n < p.number)"             \
	" SELECT group_concat("                                               \
	"  iif(i > 20, '...', iif(a = z, a, a || '-' || z)), ' ')"            \
	" FROM (SELECT a, z, row_number() OVER () AS i FROM"                  \
	"  (SELECT 1 AS a, min(number) - 1 AS z" OF_SPOOL " HAVING z > 0"     \
	"   UNION ALL SELECT number + 1, (SELECT min(number) - 1" OF_SPOOL    \
	"    AND number > b.number) FROM block CROSS JOIN batch AS b"         \
	"    WHERE (SELECT count(*)" OF_SPOOL                                 \
	"     AND number BETWEEN n AND n + 500) < 501"                        \
	"    AND vp = p.vp AND spool = p.spool"                               \
	"    AND number BETWEEN n AND min(n + 499, p.number - 1)"             \
	"    AND NOT EXISTS (SELECT 1" OF_SPOOL " AND number = b.number + 1)" \
	"   LIMIT 21)))"

/* Of the heads only that of the latest round is read. Silent: three rounds, or
 * two hours where they are not known, without a record. */
const char vp_status_query[] =
    "WITH p AS (SELECT progress.*, row_number() OVER (PARTITION BY"
    "  progress.vp ORDER BY t1 DESC, name) AS i"
    "  FROM progress JOIN spool ON spool.id = progress.spool)"
    " SELECT v.name AS vp, n.name AS spool,"
    "  CASE WHEN p.t1 IS NULL THEN 'never'"
    "   WHEN p.i > 1 THEN 'ended'"
    "   WHEN unixepoch() - p.t1 / 1000000 >"
    "    iif(l.every_s > 0, 3 * l.every_s, 7200) THEN 'silent'"
    "   ELSE 'ok' END AS state,"
    "  strftime(" TIME_TEXT ", p.t1 / 1000000, 'unixepoch') AS last,"
    "  unixepoch() - p.t1 / 1000000 AS silence_s,"
    "  nullif(l.every_s, 0) AS every_s, p.batches,"
    "  " MISSING " AS missing, p.lost AS evicted, p.skipped, p.too_late,"
    "  CASE l.clock & 3 WHEN 1 THEN 'synced' WHEN 2 THEN 'unsynced' END"
    "   AS clock, l.clock_offset_us,"
    "  json_extract(o.json, '$.version') AS version,"
    "  iif(" MISSING " > 0, " HOLES ", NULL) AS missing_numbers,"
    "  iif(ifnull(p.i, 1) = 1, (SELECT group_concat("
    "   reason || ': ' || count, ', ') FROM (SELECT reason, count"
    "   FROM refusal WHERE vp = v.id ORDER BY reason)), NULL) AS refused,"
    "  (SELECT group_concat(value, ' ')"
    "   FROM json_each(o.json, '$.addresses')) AS addresses,"
    "  iif(ifnull(p.i, 1) = 1, (SELECT group_concat(addresses, ' ') FROM"
    "   (SELECT addresses, max(first) FROM vp_address WHERE vp = v.id"
    "   AND af > 0 GROUP BY af ORDER BY af)), NULL) AS seen,"
    "  (SELECT group_concat(kind || ': ' || count, ', ') FROM (SELECT kind,"
    "   count FROM conflict WHERE vp = v.id AND spool = n.name"
    "   ORDER BY kind)) AS conflicts"
    " FROM vp AS v LEFT JOIN p ON p.vp = v.id"
    " LEFT JOIN spool AS n ON n.id = p.spool"
    " LEFT JOIN batch AS l ON l.vp = p.vp AND l.spool = p.spool"
    "  AND l.number = p.latest"
    " LEFT JOIN host AS o ON o.id = l.host"
    " WHERE ?1 IS NULL OR v.name = ?1 ORDER BY v.name, p.i";
