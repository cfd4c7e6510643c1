#include "collector/metrics.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <stdio.h>
#include <stdlib.h>
#include "collector/statements_list.h"
#include "collector/store_private.h"
#include "lib/log.h"
#include "lib/text.h"

/* A family's head: "unit" may be empty. */
static void
family(FILE *page, const char *name, const char *type, const char *help)
{
	(void)fprintf(page, "# TYPE accollect_%s %s\n# HELP accollect_%s %s\n",
	    name, type, name, help);
}

static void
gauge(FILE *page, const char *name, const char *help, int64_t value)
{
	family(page, name, "gauge", help);
	(void)fprintf(page, "accollect_%s %lld\n", name, (long long)value);
}

static void
counter(FILE *page, const char *name, const char *help, int64_t value)
{
	family(page, name, "counter", help);
	(void)fprintf(
	    page, "accollect_%s_total %lld\n", name, (long long)value);
}

static long long
read_counter(atomic_llong *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* --- what was counted --- */

static void
write_refusals(FILE *page, struct meter *m)
{
	family(page, "refusals", "counter",
	    "Uploads that were refused, by reason.");
	for (int i = 0; i < INGEST_VERDICTS; i++) {
		if (i == INGEST_STORED || i == INGEST_DUPLICATE)
			continue;
		(void)fprintf(page,
		    "accollect_refusals_total{reason=\"%s\"} %lld\n",
		    ingest_verdict_name((enum ingest_verdict)i),
		    read_counter(&m->verdicts[i]));
	}
	for (int i = METER_STATUS_MIN; i <= METER_STATUS_MAX; i++) {
		const long long count =
		    read_counter(&m->statuses[i - METER_STATUS_MIN]);

		if (count > 0)
			(void)fprintf(page,
			    "accollect_refusals_total{reason=\"http %d\"} "
			    "%lld\n",
			    i, count);
	}
}

static void
write_commits(FILE *page, struct meter *m)
{
	const long long us = read_counter(&m->commit_us);
	long long count = 0;

	family(page, "commit_seconds", "histogram",
	    "Times of durable commits, settling included.");
	for (int i = 0; i < METER_BUCKETS; i++) {
		count += read_counter(&m->commits[i]);
		(void)fprintf(page,
		    "accollect_commit_seconds_bucket{le=\"%g\"} %lld\n",
		    (double)meter_bucket_us[i] / 1e6, count);
	}
	count += read_counter(&m->commits[METER_BUCKETS]);
	(void)fprintf(page,
	    "accollect_commit_seconds_bucket{le=\"+Inf\"} %lld\n"
	    "accollect_commit_seconds_count %lld\n"
	    "accollect_commit_seconds_sum %lld.%06lld\n",
	    count, count, us / 1000000, us % 1000000);
}

static void
write_counted(FILE *page, struct meter *m)
{
	family(page, "version", "info", "The program.");
	(void)fprintf(
	    page, "accollect_version_info{version=\"%s\"} 1\n", AC_VERSION);
	gauge(page, "start_time_seconds",
	    "When the server started, and its counters from nothing.",
	    m->started.ns / 1000000000);
	counter(page, "batches", "Batches stored.",
	    read_counter(&m->verdicts[INGEST_STORED]));
	counter(page, "records", "Records of stored batches.",
	    read_counter(&m->records));
	counter(page, "repeated_batches",
	    "Batches that came again and were stored already.",
	    read_counter(&m->verdicts[INGEST_DUPLICATE]));
	write_refusals(page, m);
	write_commits(page, m);
}

/* --- what lies on the disk --- */

static void
write_file_size(
    FILE *page, const char *name, const char *help, const char *path)
{
	struct stat st;

	gauge(page, name, help, stat(path, &st) == 0 ? st.st_size : 0);
}

static void
write_disk(FILE *page, const char *db)
{
	char wal[4096 + 8];
	struct statvfs fs;

	write_file_size(page, "database_bytes", "Size of the database.", db);
	(void)text_print(wal, sizeof(wal), "%s-wal", db);
	write_file_size(page, "wal_bytes", "Size of its write-ahead log.", wal);
	if (statvfs(db, &fs) == 0)
		gauge(page, "disk_free_bytes", "Room on the database's disk.",
		    (int64_t)fs.f_bavail * (int64_t)fs.f_frsize);
}

/* --- what the database says --- */

static enum store_result
write_unsettled(FILE *page, struct store *s)
{
	struct query q = query_once(s, metrics_unsettled);

	if (query_row(&q))
		gauge(page, "unsettled_hours",
		    "Hours of vantage points not yet in runs and intervals.",
		    query_column_int(&q, 0));
	return query_end(&q);
}

/* A vantage point's name needs no escaping: text_is_vp_name. */
static enum store_result
write_vps(FILE *page, struct store *s)
{
	const int64_t now = wall_to_us(wall_now());
	struct query q = query_once(s, metrics_vps);

	family(page, "vp_lag_seconds", "gauge",
	    "Age of a vantage point's latest record.");
	while (query_row(&q)) {
		const int64_t us = now - query_column_int(&q, 1);

		(void)fprintf(page,
		    "accollect_vp_lag_seconds{vp=\"%s\"} %.3f\n",
		    query_column_text(&q, 0), (double)us / 1e6);
	}
	return query_end(&q);
}

static enum store_result
write_page(FILE *page, struct meter *m, struct store *s, const char *db)
{
	enum store_result result;

	write_counted(page, m);
	write_disk(page, db);
	if ((result = write_unsettled(page, s)) == STORE_OK)
		result = write_vps(page, s);
	(void)fputs("# EOF\n", page);
	return result;
}

char *
metrics_page(struct meter *m, const char *db)
{
	char *text = NULL;
	size_t len = 0;
	FILE *page;
	enum store_result result;
	struct store *s;
	int code;

	if ((s = store_open_reader(db, &code)) == NULL)
		return NULL;
	if ((page = open_memstream(&text, &len)) == NULL) {
		store_close(s);
		return NULL;
	}
	result = write_page(page, m, s, db);
	store_close(s);
	if (fclose(page) == EOF || result != STORE_OK) {
		free(text);
		return NULL;
	}
	return text;
}
