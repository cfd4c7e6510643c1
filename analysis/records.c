/*
 * Records: one row for every question, with everything that was seen; by
 * vantage point, then time.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/memory.h"
#include "analysis/reports.h"
#include "lib/limits.h"
#include "lib/record.h"

#define TABLE_COLUMNS 18 /* up to site: what fits a wide terminal */
#define CACHE_SLOTS 4096
#define EXTRACTS 20

/* Which columns come from where: M a row's own, D of its lane's detail, R of
 * the reply's. */
#define COLUMNS_OF_ROW 24
static const struct column row_columns[COLUMNS_OF_ROW] = {
	{ "time", COLUMN_TIME },
	{ "vp", COLUMN_TEXT },
	{ "target", COLUMN_TEXT },
	{ "address", COLUMN_TEXT },
	{ "af", COLUMN_INTEGER },
	{ "port", COLUMN_INTEGER },
	{ "proto", COLUMN_TEXT },
	{ "question", COLUMN_TEXT },
	{ "flow", COLUMN_INTEGER },
	{ "outcome", COLUMN_TEXT },
	{ "reason", COLUMN_TEXT },
	{ "rtt_ms", COLUMN_MS },
	{ "stamp", COLUMN_TEXT },
	{ "rcode", COLUMN_INTEGER },
	{ "reply_ttl", COLUMN_INTEGER },
	{ "method", COLUMN_TEXT },
	{ "instance", COLUMN_TEXT },
	{ "site", COLUMN_TEXT },
	{ "size", COLUMN_INTEGER },
	{ "hops", COLUMN_TEXT },
	{ "hop_rtts_us", COLUMN_TEXT },
	{ "reply_hex", COLUMN_TEXT },
	{ "spool", COLUMN_TEXT },
	{ "batch", COLUMN_INTEGER },
};
#define REASON_COLUMN 10

/* Columns cut out of a JSON text of the table detail. The first of the lane's
 * is the reason, which stands further left; the last came later, and stand
 * behind all others. */
#define COLUMNS_OF_LANE 20
#define COLUMNS_LATER 2
#define COLUMNS_BETWEEN (COLUMNS_OF_LANE - 1 - COLUMNS_LATER)
static const struct column lane_columns[COLUMNS_OF_LANE] = {
	{ "reason", COLUMN_TEXT },
	{ "type", COLUMN_TEXT },
	{ "src", COLUMN_TEXT },
	{ "sport", COLUMN_INTEGER },
	{ "dport", COLUMN_INTEGER },
	{ "icmp_id", COLUMN_INTEGER },
	{ "cksum", COLUMN_INTEGER },
	{ "label", COLUMN_INTEGER },
	{ "moved", COLUMN_FLAG },
	{ "qname", COLUMN_TEXT },
	{ "qtype", COLUMN_TEXT },
	{ "qclass", COLUMN_TEXT },
	{ "auth_bits", COLUMN_INTEGER },
	{ "late", COLUMN_INTEGER },
	{ "dup", COLUMN_INTEGER },
	{ "unwanted", COLUMN_INTEGER },
	{ "conflict", COLUMN_INTEGER },
	{ "retry_of", COLUMN_INTEGER },
	{ "dscp", COLUMN_INTEGER },
	{ "interface", COLUMN_TEXT },
};
static const char lane_sql[] =
    "SELECT json_extract(json, '$.reason'), json_extract(json, '$.type'),"
    " json_extract(json, '$.flow.src'), json_extract(json, '$.flow.sport'),"
    " json_extract(json, '$.flow.dport'),"
    " json_extract(json, '$.flow.icmp_id'),"
    " json_extract(json, '$.flow.cksum'), json_extract(json, '$.flow.label'),"
    " coalesce(json_extract(json, '$.flow.moved'), 0),"
    " json_extract(json, '$.qname'), json_extract(json, '$.qtype'),"
    " json_extract(json, '$.qclass'), json_extract(json, '$.auth_bits'),"
    " coalesce(json_extract(json, '$.late'), 0),"
    " coalesce(json_extract(json, '$.dup'), 0),"
    " coalesce(json_extract(json, '$.unwanted'), 0),"
    " coalesce(json_extract(json, '$.conflict'), 0),"
    " json_extract(json, '$.retry_of'),"
    " coalesce(json_extract(json, '$.flow.dscp'), 0),"
    " json_extract(json, '$.flow.interface')"
    " FROM detail WHERE id = ?1";

#define COLUMNS_OF_REPLY 12
static const struct column reply_columns[COLUMNS_OF_REPLY] = {
	{ "nsid", COLUMN_TEXT },
	{ "nsid_hex", COLUMN_TEXT },
	{ "answer", COLUMN_TEXT },
	{ "serial", COLUMN_INTEGER },
	{ "tc", COLUMN_FLAG },
	{ "aa", COLUMN_FLAG },
	{ "edns", COLUMN_FLAG },
	{ "ra", COLUMN_FLAG },
	{ "ad", COLUMN_FLAG },
	{ "cookie", COLUMN_TEXT },
	{ "ede", COLUMN_TEXT },
	{ "connect_ms", COLUMN_MS },
};
static const char reply_sql[] =
    "SELECT json_extract(json, '$.nsid'), json_extract(json, '$.nsid_hex'),"
    " (SELECT group_concat(value, ' ') FROM json_each(detail.json, "
    "'$.answer')),"
    " json_extract(json, '$.serial'), json_extract(json, '$.tc'),"
    " json_extract(json, '$.aa'), json_extract(json, '$.edns'),"
    " json_extract(json, '$.ra'), json_extract(json, '$.ad'),"
    " json_extract(json, '$.cookie'),"
    " (SELECT group_concat(trim((value ->> '$.code') || ' ' ||"
    " (value ->> '$.text')), '; ') FROM json_each(detail.json, '$.ede')),"
    " json_extract(json, '$.connect_us')"
    " FROM detail WHERE id = ?1";

#define RECORDS_SQL(spool)                                                     \
	"SELECT b.t0 + m.dt_us AS t, m.lane, m.outcome, m.rtt_us, m.stamp,"    \
	" m.rcode, m.ttl, m.instance, m.size, p.hops, tr.rtts,"                \
	" lower(hex(a.bytes)), " spool                                         \
	" AS spool_name, b.number, m.detail, m.reply"                          \
	" FROM batch b CROSS JOIN measurement m"                               \
	" ON m.id BETWEEN b.first_row AND b.first_row + b.rows - 1"            \
	" CROSS JOIN lane l ON l.id = m.lane"                                  \
	" LEFT JOIN trace tr ON tr.measurement = m.id"                         \
	" LEFT JOIN path p ON p.id = tr.path"                                  \
	" LEFT JOIN answer_bytes a ON a.measurement = m.id"                    \
	" WHERE b.vp = ?1 AND b.t0 >= ?2 - ?4 AND b.t0 < ?3 AND b.t1 >= ?2"    \
	" AND b.too_late = 0 AND t >= ?2 AND t < ?3"                           \
	" ORDER BY t, l.target, l.af, l.address, l.question, l.proto, l.port," \
	" l.flow, spool_name, b.number, m.id"

static const char records_sql[] =
    RECORDS_SQL("(SELECT name FROM spool WHERE id = b.spool)");
/* Of a store that was made before spools had a table. */
static const char records_sql_old[] = RECORDS_SQL("b.spool");

#define COLUMNS (COLUMNS_OF_ROW + COLUMNS_OF_LANE - 1 + COLUMNS_OF_REPLY)

/* What JSON texts said, by their id: nearly always the same few. */
struct extract {
	int64_t id; /* 0: empty */
	struct cell cells[EXTRACTS];
};

struct cache {
	const struct column *columns;
	size_t count;
	struct query_rows *rows;
	struct extract *slots;
};

struct records {
	struct run *run;
	struct cache lanes, replies;
	struct query_rows *rows;
};

static void
cache_init(struct cache *cache, struct query *q, const char *sql,
    const struct column *columns)
{
	cache->columns = columns;
	cache->rows = query_prepare(q, sql);
	cache->slots = memory_zeroed(CACHE_SLOTS, sizeof(*cache->slots));
}

static void
forget(const struct cache *cache, struct extract *extract)
{
	for (size_t i = 0; i < cache->count; i++) {
		if (cache->columns[i].type == COLUMN_TEXT)
			free((void *)(uintptr_t)extract->cells[i].text);
	}
	*extract = (struct extract){ 0 };
}

static void
cache_clear(struct cache *cache)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		forget(cache, &cache->slots[i]);
	free(cache->slots);
	query_finish(cache->rows);
}

static struct cell
column_cell(struct query_rows *rows, int column)
{
	return cell_number_if(
	    !query_null(rows, column), query_int(rows, column));
}

static struct cell
column_text(struct query_rows *rows, int column)
{
	return cell_text(query_text(rows, column));
}

/* The cells of a JSON text; unknown ones for id 0 (null). */
static const struct cell *
look_up(struct cache *cache, int64_t id)
{
	struct extract *extract = &cache->slots[(uint64_t)id % CACHE_SLOTS];

	if (extract->id == id)
		return extract->cells;
	forget(cache, extract);
	query_bind(cache->rows, 1, id);
	if (query_next(cache->rows)) {
		for (size_t i = 0; i < cache->count; i++) {
			int column = (int)i;

			extract->cells[i] = column_cell(cache->rows, column);
			if (cache->columns[i].type == COLUMN_TEXT)
				extract->cells[i] = cell_text(memory_copy(
				    query_text(cache->rows, column)));
		}
	}
	extract->id = id;
	query_reset(cache->rows);
	return extract->cells;
}

static const char *
outcome_text(int64_t outcome)
{
	return outcome >= 0 && outcome < OUTCOME_COUNT
		   ? outcome_name((enum outcome)outcome)
		   : NULL;
}

static const char *
stamp_text(int64_t stamp)
{
	return stamp == STAMP_KERNEL || stamp == STAMP_USER
		   ? stamp_name((enum stamp_source)stamp)
		   : NULL;
}

/* method, instance, site: cells 15 to 17. */
static void
set_identity(
    struct run *run, struct cell *cells, const struct lane *lane, int64_t id)
{
	struct catalog *c = &run->catalog;
	int32_t instance = catalog_instance(c, id);

	if (instance < 0 || c->instances[instance].method < 0)
		return;
	cells[15] = run_text(run, c->instances[instance].method);
	cells[16] = run_text(run, c->instances[instance].text);
	cells[17] = run_site(run, catalog_site(c, lane->service, instance));
}

static void
set_row(struct records *r, struct cell *cells, const struct lane *lane)
{
	struct run *run = r->run;
	const struct catalog *c = &run->catalog;
	const struct service *service = &c->services[lane->service];
	struct query_rows *rows = r->rows;

	cells[0] = column_cell(rows, 0);
	cells[1] = run_text(run, c->vps[lane->vp].name);
	cells[2] = run_text(run, service->target);
	cells[3] = run_text(run, service->address);
	cells[4] = cell_number(service->af);
	cells[5] = cell_number_if(lane->port >= 0, lane->port);
	cells[6] = run_text(run, lane->proto);
	cells[7] = run_text(run, lane->question);
	cells[8] = cell_number(lane->flow);
	cells[9] = cell_text(outcome_text(query_int(rows, 2)));
	cells[11] = column_cell(rows, 3);
	cells[12] = cell_text(stamp_text(query_int(rows, 4)));
	cells[13] = column_cell(rows, 5);
	cells[14] = column_cell(rows, 6);
	set_identity(run, cells, lane, query_int(rows, 7));
	cells[18] = column_cell(rows, 8);
	cells[19] = column_text(rows, 9);
	cells[20] = column_text(rows, 10);
	cells[21] = column_text(rows, 11);
	cells[22] = column_text(rows, 12);
	cells[23] = column_cell(rows, 13);
}

static int
write_record(struct records *r)
{
	struct cell cells[COLUMNS] = { 0 };
	const struct cell *detail;
	int32_t lane = catalog_lane(&r->run->catalog, query_int(r->rows, 1));

	if (lane < 0)
		return 0;
	set_row(r, cells, &r->run->catalog.lanes[lane]);
	detail = look_up(&r->lanes, query_int(r->rows, 14));
	cells[REASON_COLUMN] = detail[0];
	memcpy(cells + COLUMNS_OF_ROW, detail + 1,
	    COLUMNS_BETWEEN * sizeof(*cells));
	memcpy(cells + COLUMNS_OF_ROW + COLUMNS_BETWEEN,
	    look_up(&r->replies, query_int(r->rows, 15)),
	    COLUMNS_OF_REPLY * sizeof(*cells));
	memcpy(cells + COLUMNS - COLUMNS_LATER, detail + 1 + COLUMNS_BETWEEN,
	    COLUMNS_LATER * sizeof(*cells));
	return report_row(&r->run->report, cells);
}

static int
write_vp(struct records *r, const struct vantage *vp)
{
	const struct options *o = r->run->options;
	int status = 0;

	query_bind(r->rows, 1, vp->id);
	query_bind(r->rows, 2, o->since_us);
	query_bind(r->rows, 3, o->until_us);
	query_bind(r->rows, 4, LIMIT_BATCH_SPAN_US);
	while (status == 0 && query_next(r->rows))
		status = write_record(r);
	query_reset(r->rows);
	return status;
}

int
records_report(struct run *run)
{
	struct records r = {
		.run = run,
		.lanes = { .count = COLUMNS_OF_LANE },
		.replies = { .count = COLUMNS_OF_REPLY },
	};
	struct column columns[COLUMNS];
	int status;

	memcpy(columns, row_columns, sizeof(row_columns));
	memcpy(columns + COLUMNS_OF_ROW, lane_columns + 1,
	    COLUMNS_BETWEEN * sizeof(columns[0]));
	memcpy(columns + COLUMNS_OF_ROW + COLUMNS_BETWEEN, reply_columns,
	    sizeof(reply_columns));
	memcpy(columns + COLUMNS - COLUMNS_LATER,
	    lane_columns + 1 + COLUMNS_BETWEEN,
	    COLUMNS_LATER * sizeof(columns[0]));
	cache_init(&r.lanes, run->query, lane_sql, lane_columns);
	cache_init(&r.replies, run->query, reply_sql, reply_columns);
	r.rows = query_prepare(run->query, query_has_table(run->query, "spool")
					       ? records_sql
					       : records_sql_old);
	run->report.table_columns = TABLE_COLUMNS;
	status = report_begin(&run->report, columns, COLUMNS);
	for (size_t i = 0; status == 0 && i < run->catalog.vp_count; i++)
		status = write_vp(&r, &run->catalog.vps[i]);
	if (report_end(&run->report) == -1)
		status = -1;
	query_finish(r.rows);
	cache_clear(&r.lanes);
	cache_clear(&r.replies);
	return status;
}
