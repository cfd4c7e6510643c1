/*
 * The spool in a process of its own, for tests that kill it:
 *   spool_driver publish SPOOL KEY BYTES RECORDS   one batch; its ledger line
 *   spool_driver list SPOOL BYTES                  what waits, whole
 *   spool_driver sent SPOOL BYTES                  the oldest was stored
 *   spool_driver renew SPOOL KEY BYTES             all that waits
 *   spool_driver skip SPOOL BYTES                  a round behind another
 * A ledger line is "SPOOLID NUMBER SHA256-OF-BODY LOST SKIPPED".
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/batch.h"
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/text.h"
#include "probe/spool.h"

static struct sign_key *
load_key(const char *path)
{
	struct sign_key *key;
	uint8_t *pem;
	size_t len;

	if (file_read(AT_FDCWD, path, LIMIT_KEY_FILE, &pem, &len) == -1) {
		log_warn("%s", path);
		exit(EXIT_BAD_USAGE);
	}
	key = sign_key_from_pem(pem, len);
	free(pem);
	if (key == NULL)
		exit(EXIT_BAD_USAGE);
	return key;
}

static struct spool *
open_spool(const char *path, const char *bytes)
{
	struct spool_limits limits = { .age = span_s(30 * 86400) };
	char error[512];
	struct spool *spool;

	if (text_int(&limits.bytes, bytes, 1, INT64_MAX) == -1)
		exit(EXIT_BAD_USAGE);
	spool = spool_open(path, &limits, error, sizeof(error));
	if (spool == NULL) {
		log_warnx("%s", error);
		exit(EXIT_STORAGE);
	}
	return spool;
}

/* Bytes that compress badly, so that limits are met soon. */
static void
random_record(struct record *record)
{
	record_init(record);
	record->t = wall_now();
	record->type = RECORD_DNS;
	(void)text_copy(record->target, sizeof(record->target), "t");
	(void)text_copy(record->question, sizeof(record->question), "soa");
	(void)text_copy(record->dns.qname, sizeof(record->dns.qname), ".");
	record->dns.raw_len = LIMIT_RAW_REPLY;
	arc4random_buf(record->dns.raw, LIMIT_RAW_REPLY);
}

static int
publish(struct spool *spool, const struct sign_key *key, int64_t records)
{
	struct batch_head head = { .round_at = wall_now(), .version = "test" };
	struct batch_writer *writer = batch_writer_new(&head);
	struct batch_line line = { .vp = "vp1" };
	struct spool_counters counters;
	static struct record record;
	char ledger[512];
	uint8_t *file;
	size_t len;

	for (int64_t i = 0; i < records; i++) {
		random_record(&record);
		if (batch_writer_add(writer, &record) == -1)
			return EXIT_STORAGE;
	}
	if (spool_next(spool, &line, &counters) == -1) {
		log_warn("spool_next");
		return EXIT_STORAGE;
	}
	head.lost = counters.lost;
	head.skipped = counters.skipped;
	if (batch_writer_set_head(writer, &head) == -1 ||
	    batch_writer_finish(writer, &line, key, &file, &len) == -1 ||
	    spool_publish(spool, file, len) == -1) {
		log_warn("spool_publish");
		return EXIT_STORAGE;
	}
	free(file);
	batch_writer_free(writer);
	(void)text_print(ledger, sizeof(ledger), "%s %lld %s %lld %lld\n",
	    line.spool, (long long)line.number, line.sha256,
	    (long long)counters.lost, (long long)counters.skipped);
	return file_write_all(STDOUT_FILENO, ledger, strlen(ledger)) == -1;
}

/* The head's counters, read as a collector would. */
static int
print_batch(const struct batch_pieces *pieces)
{
	struct batch_reader *reader;
	struct batch_head head;
	char error[256];

	if (batch_reader_new(&reader, pieces, &head, error, sizeof(error)) !=
	    BATCH_OK) {
		log_warnx("%s", error);
		return EXIT_STORAGE;
	}
	batch_reader_free(reader);
	(void)printf("%s %lld %s %lld %lld %s\n", pieces->line.spool,
	    (long long)pieces->line.number, pieces->line.sha256,
	    (long long)head.lost, (long long)head.skipped,
	    pieces->line.previous);
	return 0;
}

static int
list(struct spool *spool)
{
	int64_t *places;
	size_t count;

	if (spool_list(spool, &places, &count) == -1)
		return EXIT_STORAGE;
	for (size_t i = 0; i < count; i++) {
		struct batch_pieces pieces;
		uint8_t *file;
		size_t len;

		if (spool_load(spool, places[i], &pieces, &file, &len) != 0 ||
		    print_batch(&pieces) != 0)
			return EXIT_STORAGE;
		free(file);
	}
	free(places);
	return 0;
}

static int
send_oldest(struct spool *spool)
{
	int64_t *places;
	size_t count;
	int status = 0;

	if (spool_list(spool, &places, &count) == -1)
		return EXIT_STORAGE;
	if (count > 0)
		status = spool_sent(spool, places[0]);
	free(places);
	return status == -1 ? EXIT_STORAGE : 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	struct spool *spool;
	int64_t records;

	log_init("spool_driver", 0);
	if (strcmp(what, "publish") == 0 && argc == 6 &&
	    text_int(&records, argv[5], 0, 100000) == 0) {
		struct sign_key *key = load_key(argv[3]);

		spool = open_spool(argv[2], argv[4]);
		if (spool_lock_round(spool) != 0)
			return EXIT_STORAGE;
		return publish(spool, key, records);
	}
	if (strcmp(what, "renew") == 0 && argc == 5) {
		struct sign_key *key = load_key(argv[3]);

		spool = open_spool(argv[2], argv[4]);
		return spool_renew(spool, key) == -1 ? EXIT_STORAGE : 0;
	}
	if (argc != 4)
		return EXIT_BAD_USAGE;
	spool = open_spool(argv[2], argv[3]);
	if (strcmp(what, "list") == 0)
		return list(spool);
	if (strcmp(what, "sent") == 0)
		return send_oldest(spool);
	if (strcmp(what, "skip") == 0) {
		struct spool *other = open_spool(argv[2], argv[3]);

		return spool_lock_round(spool) == 0 &&
			       spool_lock_round(other) == 1
			   ? 0
			   : EXIT_STORAGE;
	}
	return EXIT_BAD_USAGE;
}
