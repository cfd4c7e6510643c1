#include "probe/ship_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "lib/log.h"

/* Retries are bounded: cron comes again. */
#define ATTEMPTS 4
#define ATTEMPTS_UNREACHED 2 /* each may have cost a minute already */
#define SLEEP_FIRST_MS 1000
#define SLEEP_MOST_MS 20000
#define SLEEP_RUN_S 90
#define RENEWALS 3
/* One batch that the collector chokes on must not hold up the others; a
 * collector that chokes on everything is left alone. */
#define FAILURES 3

enum next {
	NEXT_BATCH,
	NEXT_AGAIN, /* the spool was signed again: list it again */
	NEXT_STOP,
	NEXT_DISK, /* errno */
};

static void
say(const struct ship_run *run, const struct batch_line *line, const char *what,
    const char *reason)
{
	if (!run->quiet)
		log_warnx("batch %s/%" PRId64 " %s: %s", line->spool,
		    line->number, what, reason);
}

static struct span
random_span(int64_t most_ms)
{
	return span_us(arc4random_uniform((uint32_t)(most_ms * 1000 + 1)));
}

/* Full jitter, and at least what the collector asked for. false: that would
 * be longer than a run may last. */
static bool
wait_for_retry(
    struct ship_run *run, int attempt, const struct ship_answer *answer)
{
	int64_t most_ms = (int64_t)SLEEP_FIRST_MS << attempt;
	struct span span;
	struct timespec ts;

	span = random_span(most_ms < SLEEP_MOST_MS ? most_ms : SLEEP_MOST_MS);
	span.ns += answer->retry_after_s * 1000000000;
	if (run->slept.ns + span.ns > span_s(SLEEP_RUN_S).ns)
		return false;
	run->slept.ns += span.ns;
	ts = (struct timespec){ .tv_sec = span.ns / 1000000000,
		.tv_nsec = span.ns % 1000000000 };
	(void)nanosleep(&ts, NULL);
	return true;
}

/* Until there is a verdict that a retry would not change. */
static void
upload(struct ship_run *run, const struct ship_file *file,
    struct ship_answer *answer)
{
	for (int attempt = 0;; attempt++) {
		int most = ATTEMPTS;

		ship_upload(run->shipper, file, answer);
		if (answer->verdict == SHIP_UNREACHED)
			most = ATTEMPTS_UNREACHED;
		else if (answer->verdict != SHIP_RETRY)
			return;
		log_info("attempt %d: %s", attempt + 1, answer->reason);
		if (attempt + 1 >= most ||
		    !wait_for_retry(run, attempt, answer))
			return;
	}
}

static enum next
renew(struct ship_run *run, const struct batch_line *line)
{
	if (run->renewals == RENEWALS) {
		say(run, line, "kept", "in conflict with every new spool id");
		run->kept++;
		return NEXT_STOP;
	}
	run->renewals++;
	say(run, line, "signed again under a new spool id",
	    "another batch is stored under its number (a copied or restored "
	    "spool?)");
	return spool_renew(run->spool, run->key) == -1 ? NEXT_DISK : NEXT_AGAIN;
}

static enum next
keep(struct ship_run *run, const struct batch_line *line,
    const struct ship_answer *answer)
{
	run->kept++;
	say(run, line, "kept", answer->reason);
	if (answer->verdict == SHIP_UNREACHED || answer->retry_after_s > 0)
		return NEXT_STOP;
	return ++run->failures == FAILURES ? NEXT_STOP : NEXT_BATCH;
}

static enum next
act(struct ship_run *run, int64_t place, const struct batch_line *line,
    const struct ship_answer *answer)
{
	switch (answer->verdict) {
	case SHIP_STORED:
		run->sent++;
		run->failures = 0;
		log_info("batch %s/%" PRId64 ": %" PRId64 " records, %" PRId64
			 " bytes: stored",
		    line->spool, line->number, line->records, line->bytes);
		return spool_sent(run->spool, place) == -1 ? NEXT_DISK
							   : NEXT_BATCH;
	case SHIP_REJECTED:
		run->rejected++;
		say(run, line, "parked under rejected", answer->reason);
		return spool_reject(run->spool, place) == -1 ? NEXT_DISK
							     : NEXT_BATCH;
	case SHIP_CONFLICT:
		return renew(run, line);
	case SHIP_KEEP:
	case SHIP_RETRY:
	case SHIP_UNREACHED:
		break;
	}
	return keep(run, line, answer);
}

static enum next
ship_one(struct ship_run *run, int64_t place)
{
	struct batch_pieces pieces;
	struct ship_answer answer;
	struct ship_file file = { .pieces = &pieces };
	uint8_t *bytes;
	enum next next;
	int status;

	status = spool_load(run->spool, place, &pieces, &bytes, &file.len);
	if (status == -1)
		return NEXT_DISK;
	if (status == 1)
		return NEXT_BATCH;
	file.bytes = bytes;
	upload(run, &file, &answer);
	next = act(run, place, &pieces.line, &answer);
	free(bytes);
	return next;
}

/* What waits now; what the next listing finds is what came meanwhile. */
static enum next
ship_listed(struct ship_run *run)
{
	enum next next = NEXT_BATCH;
	int64_t *places;
	size_t count;

	if (spool_list(run->spool, &places, &count) == -1)
		return NEXT_DISK;
	for (size_t i = 0; i < count && next == NEXT_BATCH; i++)
		next = ship_one(run, places[i]);
	free(places);
	return next;
}

int
ship_run(struct ship_run *run)
{
	enum next next;

	do {
		next = ship_listed(run);
	} while (next == NEXT_AGAIN);
	if (next == NEXT_DISK) {
		log_warn("spool");
		return EXIT_STORAGE;
	}
	log_info("%zu sent, %zu rejected, %s", run->sent, run->rejected,
	    run->kept > 0 ? "some still wait" : "none waits");
	return run->kept > 0 ? EXIT_UNANSWERED : EXIT_DONE;
}

int
ship_print(struct spool *spool)
{
	int64_t *places;
	size_t count;
	int code = EXIT_DONE;

	if (spool_list(spool, &places, &count) == -1) {
		log_warn("spool");
		return EXIT_STORAGE;
	}
	for (size_t i = 0; i < count; i++) {
		struct batch_pieces pieces;
		uint8_t *bytes;
		size_t len;

		if (spool_load(spool, places[i], &pieces, &bytes, &len) != 0)
			continue;
		(void)printf("%s %s %" PRId64 ": %" PRId64 " records, %" PRId64
			     " bytes\n",
		    pieces.line.vp, pieces.line.spool, pieces.line.number,
		    pieces.line.records, pieces.line.bytes);
		free(bytes);
	}
	free(places);
	return code;
}
