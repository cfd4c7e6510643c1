#include "collector/statements.h"

#include <errno.h>
#include <string.h>
#include "collector/row_sum.h"
#include "collector/store_private.h"
#include "lib/log.h"

#define SPOOL_2 "(SELECT id FROM spool WHERE name = ?2)"

/* Of a row that changes: one that was damaged does not become right by it. */
#define SUM_AGAIN(before, after) \
	"sum = iif(sum = row_sum(" before "), row_sum(" after "), sum)"
#define BATCH_BEFORE                                                   \
	"vp, spool, number, sha256, t0, t1, first_row, rows, every_s," \
	" questions, lost, skipped, too_late, received, keyid"
#define BATCH_BEHIND                                            \
	"round_us, clock, clock_offset_us, clock_max_error_us," \
	" suspended_us, attacked, host"
#define BATCH_PRUNED(pruned) BATCH_BEFORE ", " pruned ", " BATCH_BEHIND
#define BATCH_COLUMNS BATCH_BEFORE ", pruned, " BATCH_BEHIND

const char *const statement_sql[STATEMENT_COUNT] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_VERSION] = "PRAGMA user_version",
	[STATEMENT_SAVE] = "SAVEPOINT batch",
	[STATEMENT_UNDO] = "ROLLBACK TO batch",
	[STATEMENT_RELEASE] = "RELEASE batch",

	[STATEMENT_SAVE_ENTRY] = "SAVEPOINT entry",
	[STATEMENT_UNDO_ENTRY] = "ROLLBACK TO entry",
	[STATEMENT_RELEASE_ENTRY] = "RELEASE entry",

	[STATEMENT_FIND_VP] = "SELECT id FROM vp WHERE name = ?1",
	[STATEMENT_ADD_VP] =
	    "INSERT INTO vp(name, sum) VALUES(?1, row_sum(?1))",
	[STATEMENT_VP_NAME] = "SELECT name FROM vp WHERE id = ?1",
	[STATEMENT_SAME_PLACE] =
	    "SELECT 1 FROM vp_place WHERE vp = ?1 AND since = ?2"
	    " AND lat IS ?3 AND lon IS ?4 AND region IS nullif(?5, '')"
	    " AND country IS nullif(?6, '') AND city IS nullif(?7, '')"
	    " AND asn IS ?8 AND tags IS nullif(?9, '')",
	[STATEMENT_PUT_PLACE] =
	    "INSERT OR REPLACE INTO vp_place(vp, since, lat, lon, region,"
	    " country, city, asn, tags, sum) SELECT *, row_sum(vp, since, lat,"
	    " lon, region, country, city, asn, tags) FROM (SELECT ?1 AS vp,"
	    " ?2 AS since, ?3 AS lat, ?4 AS lon, nullif(?5, '') AS region,"
	    " nullif(?6, '') AS country, nullif(?7, '') AS city, ?8 AS asn,"
	    " nullif(?9, '') AS tags)",
	[STATEMENT_SAME_NOTE] =
	    "SELECT 1 FROM note WHERE t = ?1 AND target IS nullif(?2, '')"
	    " AND site IS nullif(?3, '') AND text = ?4",
	[STATEMENT_ADD_NOTE] =
	    "INSERT INTO note(t, target, site, text, sum) SELECT *,"
	    " row_sum(t, text, target, site) FROM (SELECT ?1 AS t,"
	    " nullif(?2, '') AS target, nullif(?3, '') AS site, ?4 AS text)",
	[STATEMENT_SAME_SITE_LIST] =
	    "SELECT 1 FROM site_list WHERE name = ?1 AND since = ?2"
	    " AND lines = ?3",
	[STATEMENT_PUT_SITE_LIST] =
	    "INSERT OR REPLACE INTO site_list(name, since, lines, sum)"
	    " VALUES(?1, ?2, ?3, row_sum(?1, ?2, ?3))",
	[STATEMENT_FIND_KEY] =
	    "SELECT public FROM vp_key JOIN vp ON vp.id = vp_key.vp"
	    " WHERE keyid = ?1 AND name = ?2",
	[STATEMENT_KEY_HOLDS] =
	    "SELECT 1 FROM vp_key WHERE keyid = ?1 AND vp = ?2 AND since <= ?3"
	    " AND (until IS NULL OR until > ?4)",
	[STATEMENT_REVOKE_KEY] = "UPDATE vp_key SET until = ?3, " SUM_AGAIN(
	    "keyid, vp, public, since, until",
	    "keyid, vp, public, since, ?3") " WHERE keyid = ?1 AND vp = ?2",
	[STATEMENT_COUNT_SIGNED] =
	    "SELECT ifnull(sum(t1 < ?3), 0), ifnull(sum(t1 >= ?3), 0)"
	    " FROM batch WHERE vp = ?1 AND keyid = ?2",
	[STATEMENT_KEY_OF] = "SELECT vp, public FROM vp_key WHERE keyid = ?1",
	[STATEMENT_ADD_KEY] =
	    "INSERT INTO vp_key(keyid, vp, public, since, sum)"
	    " VALUES(?1, ?2, ?3, ?4, row_sum(?1, ?2, ?3, ?4, NULL))",

	[STATEMENT_LAST_SEEN] =
	    "SELECT addresses FROM vp_address WHERE vp = ?1 AND af = ?2"
	    " ORDER BY day DESC, first DESC LIMIT 1",
	[STATEMENT_ADD_SEEN] =
	    "INSERT OR IGNORE INTO vp_address(vp, af, day, addresses,"
	    " first, last, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
	    " row_sum(?1, ?2, ?3, ?4, ?5, ?6))",
	[STATEMENT_ADD_REPORTED] =
	    "INSERT INTO vp_address(vp, af, day, addresses, first, last, sum)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
	    " row_sum(?1, ?2, ?3, ?4, ?5, ?6)) ON CONFLICT DO UPDATE SET"
	    " first = min(first, ?5), last = max(last, ?6), " SUM_AGAIN(
		"vp, af, day, addresses, first, last",
		"vp, af, day, addresses, min(first, ?5), max(last, ?6)"),

	[STATEMENT_INTAKE] =
	    "SELECT records, bytes FROM intake WHERE day = ?1 AND vp = ?2",
	[STATEMENT_ADD_INTAKE] =
	    "INSERT INTO intake(day, vp, batches, records, bytes, sum)"
	    " VALUES(?1, ?2, 1, ?3, ?4, row_sum(?1, ?2, 1, ?3, ?4))"
	    " ON CONFLICT(day, vp) DO UPDATE SET batches = batches + 1,"
	    " records = records + ?3, bytes = bytes + ?4, " SUM_AGAIN(
		"day, vp, batches, records, bytes",
		"day, vp, batches + 1, records + ?3, bytes + ?4"),
	[STATEMENT_FORGET_INTAKE] = "DELETE FROM intake WHERE day < ?1",
	[STATEMENT_CONFLICTING] =
	    "SELECT b.t0, p.t1, b.every_s, json_extract(h.json, '$.boot_id')"
	    " FROM vp CROSS JOIN batch AS b"
	    " ON b.vp = vp.id AND b.spool = " SPOOL_2 " AND b.number = ?3"
	    " CROSS JOIN progress AS p ON p.vp = b.vp AND p.spool = b.spool"
	    " CROSS JOIN host AS h ON h.id = b.host WHERE vp.name = ?1",
	[STATEMENT_COUNT_CONFLICT] =
	    "INSERT INTO conflict(vp, spool, kind, count, first, last, number,"
	    " sum) SELECT id, ?2, ?3, 1, ?4, ?4, ?5,"
	    " row_sum(id, ?2, ?3, 1, ?4, ?4, ?5) FROM vp WHERE name = ?1"
	    " ON CONFLICT(vp, spool, kind) DO UPDATE SET count = count + 1,"
	    " last = ?4, number = ?5, " SUM_AGAIN(
		"vp, spool, kind, count, first, last, number",
		"vp, spool, kind, count + 1, first, ?4, ?5"),

	[STATEMENT_COUNT_REFUSAL] =
	    "INSERT INTO refusal(vp, reason, count, last, sum)"
	    " SELECT id, ?2, 1, ?3, row_sum(id, ?2, 1, ?3) FROM vp"
	    " WHERE name = ?1 ON CONFLICT(vp, reason) DO UPDATE SET"
	    " count = count + 1, last = ?3, " SUM_AGAIN(
		"vp, reason, count, last", "vp, reason, count + 1, ?3"),

	[STATEMENT_FIND_BATCH] =
	    "SELECT sha256 FROM batch WHERE vp = ?1 AND spool = " SPOOL_2
	    " AND number = ?3",
	[STATEMENT_ADD_SPOOL] =
	    "INSERT OR IGNORE INTO spool(name, sum) VALUES(?1, row_sum(?1))",
	[STATEMENT_ADD_BATCH] =
	    "INSERT INTO batch(" BATCH_COLUMNS ", sum)"
	    " SELECT *, row_sum(" BATCH_COLUMNS ")"
	    " FROM (SELECT ?1 AS vp, id AS spool, ?3 AS number, ?4 AS sha256,"
	    " ?5 AS t0, ?6 AS t1, ?7 AS first_row, ?8 AS rows, ?9 AS every_s,"
	    " ?10 AS questions, ?11 AS lost, ?12 AS skipped, ?13 AS too_late,"
	    " ?14 AS received, ?15 AS keyid, 0 AS pruned, ?16 AS round_us,"
	    " ?17 AS clock, ?18 AS clock_offset_us, ?19 AS clock_max_error_us,"
	    " ?20 AS suspended_us, ?21 AS attacked, ?22 AS host"
	    " FROM spool WHERE name = ?2)",
	[STATEMENT_FIND_HOST] = "SELECT id FROM host WHERE hash = ?1",
	[STATEMENT_ADD_HOST] = "INSERT INTO host(hash, json) VALUES(?1, ?2)",
	[STATEMENT_LAST_MEASUREMENT] =
	    "SELECT max(ifnull((SELECT max(id) FROM measurement), 0),"
	    " ifnull((SELECT first_row + rows - 1 FROM batch"
	    "  ORDER BY id DESC LIMIT 1), 0))",
	[STATEMENT_FIND_LANE] =
	    "SELECT id FROM lane WHERE vp = ?1 AND target = ?2"
	    " AND address = ?3 AND port = ?5 AND proto = ?6 AND question = ?7"
	    " AND flow = ?8 AND af = ?4",
	[STATEMENT_ADD_LANE] =
	    "INSERT INTO lane(vp, target, address, af, port, proto, question,"
	    " flow, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
	    " row_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))",
	[STATEMENT_FIND_INSTANCE] =
	    "SELECT id FROM instance WHERE method = ?1 AND bytes = ?2",
	[STATEMENT_ADD_INSTANCE] =
	    "INSERT INTO instance(method, bytes, text, sum)"
	    " VALUES(?1, ?2, ?3, row_sum(?1, ?2, ?3))",
	[STATEMENT_FIND_DETAIL] = "SELECT id FROM detail WHERE hash = ?1",
	[STATEMENT_ADD_DETAIL] =
	    "INSERT INTO detail(hash, json) VALUES(?1, ?2)",
	[STATEMENT_FIND_PATH] = "SELECT id FROM path WHERE hash = ?1",
	[STATEMENT_ADD_PATH] = "INSERT INTO path(hash, hops) VALUES(?1, ?2)",
	[STATEMENT_ADD_MEASUREMENT] =
	    "INSERT INTO measurement(id, lane, dt_us, outcome, rtt_us, "
	    "instance,"
	    " ttl, rcode, stamp, size, detail, reply)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[STATEMENT_ADD_TRACE] =
	    "INSERT INTO trace(measurement, path, rtts) VALUES(?1, ?2, ?3)",
	[STATEMENT_ADD_ANSWER_BYTES] =
	    "INSERT INTO answer_bytes(measurement, bytes) VALUES(?1, ?2)",
	[STATEMENT_ADD_SUM] =
	    "INSERT INTO row_sum(first_row, rows, traces, replies)"
	    " VALUES(?1, ?2, ?3, ?4)",
	[STATEMENT_MARK] =
	    "INSERT OR IGNORE INTO unsettled(vp, hour) VALUES(?1, ?2)",
	[STATEMENT_GET_SETTING] = "SELECT value FROM setting WHERE name = ?1",
	[STATEMENT_PUT_SETTING] =
	    "INSERT OR REPLACE INTO setting(name, value, sum)"
	    " VALUES(?1, ?2, row_sum(?1, ?2))",

	[STATEMENT_PRUNE_DONE] =
	    "UPDATE batch SET pruned = pruned | ?2, " SUM_AGAIN(
		BATCH_COLUMNS, BATCH_PRUNED("pruned | ?2")) " WHERE id = ?1",
	[STATEMENT_PRUNE_REPLIES] =
	    "DELETE FROM answer_bytes WHERE measurement BETWEEN ?1 AND ?2",
	[STATEMENT_PRUNE_TRACES] =
	    "DELETE FROM trace WHERE measurement BETWEEN ?1 AND ?2",
	[STATEMENT_PRUNE_ROWS] =
	    "DELETE FROM measurement WHERE id BETWEEN ?1 AND ?2",
	[STATEMENT_PRUNE_SUMS] =
	    "DELETE FROM row_sum WHERE first_row BETWEEN ?1 AND ?2",
	[STATEMENT_NEXT_EPOCH] =
	    "INSERT INTO setting(name, value, sum) VALUES('names_epoch', '1',"
	    " row_sum('names_epoch', '1')) ON CONFLICT(name) DO UPDATE SET"
	    " value = value + 1, " SUM_AGAIN(
		"name, value", "name, CAST(value + 1 AS TEXT)"),
	[STATEMENT_EPOCH] =
	    "SELECT value FROM setting WHERE name = 'names_epoch'",

	/* Columns as they are bound where they are added. */
	[STATEMENT_SUMMED_ROWS] =
	    "SELECT row_sum(id, lane, dt_us, outcome, rtt_us, instance, ttl,"
	    " rcode, stamp, size, detail, reply) FROM measurement"
	    " WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
	[STATEMENT_SUMMED_TRACES] =
	    "SELECT row_sum(measurement, path, rtts) FROM trace"
	    " WHERE measurement BETWEEN ?1 AND ?2 ORDER BY measurement",
	[STATEMENT_SUMMED_REPLIES] =
	    "SELECT row_sum(measurement, bytes) FROM answer_bytes"
	    " WHERE measurement BETWEEN ?1 AND ?2 ORDER BY measurement",

	/* ?2 and ?3 bound t0: a batch spans at most an hour. */
	[STATEMENT_HOUR_ROWS] =
	    "SELECT m.lane, b.t0 + m.dt_us, m.outcome, m.rtt_us, m.instance"
	    " FROM batch AS b CROSS JOIN measurement AS m"
	    " ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"
	    " WHERE b.vp = ?1 AND b.t0 >= ?2 AND b.t0 < ?3 AND b.t1 >= ?4",
	[STATEMENT_INSTANCE] =
	    "SELECT method, bytes FROM instance WHERE id = ?1",
	[STATEMENT_RUN_LANES] =
	    "SELECT DISTINCT r.lane FROM lane AS l CROSS JOIN run AS r"
	    " ON r.hour = ?2 AND r.lane = l.id WHERE l.vp = ?1",
	[STATEMENT_DELETE_RUNS] =
	    "DELETE FROM run WHERE hour = ?1 AND lane = ?2",
	[STATEMENT_ADD_RUN] =
	    "INSERT INTO run(hour, lane, first, tie, instance, last, answered,"
	    " asked, unsent, hist, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
	    " ?9, ?10,"
	    " row_sum_short(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10))",
	[STATEMENT_PUT_BLOCK] = "REPLACE INTO block(vp, hour, lanes, sum)"
				" VALUES(?1, ?2, ?3, row_sum(?1, ?2, ?3))",
	[STATEMENT_DELETE_BLOCK] =
	    "DELETE FROM block WHERE vp = ?1 AND hour = ?2",
	/* Latest first; the reader stops when it has enough. */
	[STATEMENT_INTERVALS_BACK] =
	    "SELECT first, tie, last, instance FROM interval"
	    " WHERE lane = ?1 AND first < ?2 ORDER BY first DESC, tie DESC",
	[STATEMENT_INTERVAL_NEXT] =
	    "SELECT first, tie, last, instance FROM interval"
	    " WHERE lane = ?1 AND first >= ?2 ORDER BY first, tie LIMIT 1",
	[STATEMENT_DELETE_INTERVAL] =
	    "DELETE FROM interval WHERE lane = ?1 AND first = ?2 AND tie = ?3",
	[STATEMENT_ADD_INTERVAL] =
	    "INSERT INTO interval(lane, first, tie, last, instance, sum)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, row_sum(?1, ?2, ?3, ?4, ?5))",
	/* The nearest hour in which any lane has a run. */
	[STATEMENT_HOUR_BEFORE] = "SELECT max(hour) FROM run WHERE hour < ?1",
	[STATEMENT_HOUR_AFTER] = "SELECT min(hour) FROM run WHERE hour > ?1",
	[STATEMENT_LAST_RUN] = "SELECT first, tie, last, instance FROM run "
			       "WHERE hour = ?1 AND lane = ?2 AND tie >= 0"
			       " ORDER BY first DESC, tie DESC LIMIT 1",
	[STATEMENT_FIRST_RUN] = "SELECT first, tie, last, instance FROM run "
				"WHERE hour = ?1 AND lane = ?2"
				" AND tie >= 0 ORDER BY first, tie LIMIT 1",
	[STATEMENT_NEXT_MARK] = "SELECT vp, hour FROM unsettled WHERE hour < ?1"
				" ORDER BY hour, vp LIMIT 1",
	[STATEMENT_TAKE_MARK] =
	    "DELETE FROM unsettled WHERE vp = ?1 AND hour = ?2",
	[STATEMENT_COUNT_MARKS] = "SELECT count(*) FROM unsettled",
};

const char statement_drop_views[] =
    "SELECT ifnull(group_concat(printf('DROP VIEW \"%w\";', name), ''), '')"
    " FROM sqlite_schema WHERE type = 'view'";

const char statement_shadow[] =
    "CREATE TEMP TABLE run AS SELECT * FROM main.run WHERE 0;"
    "CREATE UNIQUE INDEX temp.shadow_run ON run(hour, lane, first, tie);"
    "CREATE TEMP TABLE block AS SELECT * FROM main.block WHERE 0;"
    "CREATE UNIQUE INDEX temp.shadow_block ON block(vp, hour);"
    "CREATE TEMP TABLE interval AS SELECT * FROM main.interval WHERE 0;"
    "CREATE UNIQUE INDEX temp.shadow_interval"
    " ON interval(lane, first, tie);"
    "CREATE TEMP TABLE unsettled AS SELECT * FROM main.unsettled WHERE 0;";

enum store_result
store_result_of(struct store *s, int rc, const char *what)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return STORE_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_BUSY;
	case SQLITE_FULL:
		log_warnx("%s: %s: no room on the disk", s->path, what);
		return STORE_FULL;
	case SQLITE_IOERR:
		if (sqlite3_system_errno(s->db) == ENOSPC ||
		    sqlite3_system_errno(s->db) == EDQUOT) {
			log_warnx("%s: %s: no room on the disk", s->path, what);
			return STORE_FULL;
		}
		break;
	default:
		break;
	}
	log_warnx("%s: %s: %s", s->path, what, sqlite3_errmsg(s->db));
	return STORE_BROKEN;
}

struct query
query_start(struct store *s, enum statement statement)
{
	return (struct query){
		.store = s,
		.stmt = s->statement[statement],
		.rc = SQLITE_OK,
	};
}

struct query
query_once(struct store *s, const char *sql)
{
	struct query q = { .store = s, .once = true };

	q.rc = sqlite3_prepare_v2(s->db, sql, -1, &q.stmt, NULL);
	return q;
}

void
query_int(struct query *q, int64_t value)
{
	if (q->sum != NULL)
		*q->sum = row_sum_int(*q->sum, value);
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->stmt, ++q->at, value);
}

void
query_int_or_null(struct query *q, int64_t value, bool present)
{
	if (present) {
		query_int(q, value);
		return;
	}
	if (q->sum != NULL)
		*q->sum = row_sum_null(*q->sum);
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_null(q->stmt, ++q->at);
}

void
query_double_or_null(struct query *q, double value, bool present)
{
	if (q->rc != SQLITE_OK)
		return;
	q->at++;
	q->rc = present ? sqlite3_bind_double(q->stmt, q->at, value)
			: sqlite3_bind_null(q->stmt, q->at);
}

void
query_text_len(struct query *q, const char *text, size_t len)
{
	if (q->sum != NULL)
		*q->sum = row_sum_bytes(*q->sum, text, len);
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_text64(
		    q->stmt, ++q->at, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

void
query_text(struct query *q, const char *text)
{
	if (text == NULL)
		query_int_or_null(q, 0, false);
	else
		query_text_len(q, text, strlen(text));
}

void
query_blob(struct query *q, const void *bytes, size_t len)
{
	if (q->sum != NULL)
		*q->sum = row_sum_bytes(*q->sum, bytes, len);
	if (q->rc != SQLITE_OK)
		return;
	q->at++;
	/* A NULL pointer would bind NULL, which an empty blob is not. */
	q->rc = len == 0 ? sqlite3_bind_zeroblob(q->stmt, q->at, 0)
			 : sqlite3_bind_blob64(
			       q->stmt, q->at, bytes, len, SQLITE_STATIC);
}

bool
query_row(struct query *q)
{
	if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW)
		return false;
	q->rc = sqlite3_step(q->stmt);
	return q->rc == SQLITE_ROW;
}

int64_t
query_column_int(const struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

bool
query_column_is_null(const struct query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

const char *
query_column_text(const struct query *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q->stmt, column);

	return text == NULL ? "" : (const char *)text;
}

enum store_result
query_end(struct query *q)
{
	/* The error's text is lost once the statement is reset. */
	const char *sql = q->stmt == NULL ? "" : sqlite3_sql(q->stmt);
	enum store_result result = store_result_of(q->store, q->rc, sql);

	if (q->once)
		(void)sqlite3_finalize(q->stmt);
	else
		(void)sqlite3_reset(q->stmt);
	return result;
}

enum store_result
query_run(struct query *q)
{
	(void)query_row(q);
	return query_end(q);
}
