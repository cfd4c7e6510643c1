#include "collector/ingest.h"

#include <stdlib.h>
#include <string.h>
#include "collector/conflict.h"
#include "collector/quota.h"
#include "collector/store_address.h"
#include "lib/log.h"
#include "lib/text.h"

static const struct {
	const char *name;
	int status;
} verdicts[INGEST_VERDICTS] = {
	[INGEST_STORED] = { "stored", 201 },
	[INGEST_DUPLICATE] = { "duplicate", 200 },
	[INGEST_CONFLICT] = { "conflict", 409 },
	[INGEST_UNKNOWN_VP] = { "unknown", 403 },
	[INGEST_BAD_SIGNATURE] = { "bad signature", 401 },
	[INGEST_MALFORMED] = { "malformed", 400 },
	[INGEST_TOO_BIG] = { "too big", 413 },
	[INGEST_BAD_CODEC] = { "bad codec", 415 },
	[INGEST_BAD_RECORD] = { "bad record", 422 },
	[INGEST_REVOKED] = { "revoked key", 422 },
	[INGEST_OVER_QUOTA] = { "over quota", 429 },
	[INGEST_BUSY] = { "busy", 503 },
	[INGEST_FULL] = { "disk full", 507 },
	[INGEST_BROKEN] = { "store failed", 500 },
};

const char *
ingest_verdict_name(enum ingest_verdict verdict)
{
	return verdicts[verdict].name;
}

int
ingest_verdict_status(enum ingest_verdict verdict)
{
	return verdicts[verdict].status;
}

static void
judge(struct ingest_result *result, enum ingest_verdict verdict,
    const char *reason)
{
	result->verdict = verdict;
	(void)text_print(result->reason, sizeof(result->reason), "%s", reason);
}

/* Whether there is nothing to say against it. */
static bool
judge_batch(
    struct ingest_result *result, enum batch_error error, const char *reason)
{
	static const enum ingest_verdict verdict_of[] = {
		[BATCH_OK] = INGEST_STORED,
		[BATCH_BAD_LINE] = INGEST_MALFORMED,
		[BATCH_BAD_VERSION] = INGEST_BAD_CODEC,
		[BATCH_BAD_SIGNATURE] = INGEST_BAD_SIGNATURE,
		[BATCH_BAD_BODY] = INGEST_MALFORMED,
		[BATCH_TOO_BIG] = INGEST_TOO_BIG,
		[BATCH_BAD_CODEC] = INGEST_BAD_CODEC,
		[BATCH_BAD_RECORD] = INGEST_BAD_RECORD,
		[BATCH_NO_MEMORY] = INGEST_BUSY,
	};

	judge(result, verdict_of[error],
	    reason == NULL ? batch_error_name(error) : reason);
	return error == BATCH_OK;
}

static bool
judge_store(struct ingest_result *result, enum store_result store)
{
	static const enum ingest_verdict verdict_of[] = {
		[STORE_OK] = INGEST_STORED,
		[STORE_DUPLICATE] = INGEST_DUPLICATE,
		[STORE_CONFLICT] = INGEST_CONFLICT,
		[STORE_UNKNOWN] = INGEST_UNKNOWN_VP,
		[STORE_REFUSED] = INGEST_BAD_RECORD,
		[STORE_REVOKED] = INGEST_REVOKED,
		[STORE_OVER_QUOTA] = INGEST_OVER_QUOTA,
		[STORE_BUSY] = INGEST_BUSY,
		[STORE_FULL] = INGEST_FULL,
		[STORE_BROKEN] = INGEST_BROKEN,
	};
	static const char *const reasons[] = {
		[STORE_OK] = "",
		[STORE_DUPLICATE] = "it is stored already",
		[STORE_CONFLICT] = "another batch is stored under its number",
		[STORE_UNKNOWN] = "no such vantage point, or not its key",
		[STORE_REFUSED] = "its records span more than an hour",
		[STORE_REVOKED] = "its key did not hold when it was measured",
		[STORE_OVER_QUOTA] =
		    "its vantage point has sent enough for today",
		[STORE_BUSY] = "another process writes: try again",
		[STORE_FULL] = "no room on the collector's disk",
		[STORE_BROKEN] = "the database cannot be written",
	};

	judge(result, verdict_of[store], reasons[store]);
	return store == STORE_OK;
}

/* The key that the line names must be this vantage point's, and the
 * signature its. The key's owner is told nothing about other numbers before
 * that. */
static bool
judge_sender(
    struct store *store, const struct batch_pieces *p, struct ingest_result *r)
{
	struct sign_key *key = NULL;
	enum store_result found =
	    store_find_key(store, p->line.vp, p->line.keyid, &key);
	enum batch_error error = BATCH_OK;

	if (judge_store(r, found))
		error = batch_verify(p, key);
	sign_key_free(key);
	if (found != STORE_OK)
		return false;
	return judge_batch(r, error, NULL);
}

static bool
judge_number(
    struct store *store, const struct batch_line *line, struct ingest_result *r)
{
	uint8_t digest[SIGN_SHA256_LEN];
	size_t len;

	if (text_unhex(digest, sizeof(digest), &len, line->sha256) == -1)
		return judge_batch(r, BATCH_BAD_LINE, NULL);
	return judge_store(r, store_find_batch(store, line->vp, line->spool,
				  line->number, digest));
}

void
ingest_preview(struct store *store, const char *line, size_t line_len,
    const char *signature, struct ingest_result *result)
{
	struct batch_pieces p = { .line_text = line, .line_len = line_len };

	memset(result, 0, sizeof(*result));
	if (!judge_batch(
		result, batch_line_parse(&p.line, line, line_len), NULL))
		return;
	result->line = p.line;
	if (text_copy(p.signature, sizeof(p.signature), signature) == -1) {
		(void)judge_batch(result, BATCH_BAD_SIGNATURE, NULL);
		return;
	}
	if (judge_sender(store, &p, result) &&
	    judge_number(store, &p.line, result))
		(void)judge_store(result,
		    quota_look(store, p.line.vp, p.line.records, p.line.bytes));
}

/* --- the whole batch --- */

/* Two contents under one number: the first stays, the other is evidence. */
static void
set_aside(struct store *store, const struct ingest_job *job)
{
	const struct batch_line *line = &job->pieces.line;
	enum conflict_kind kind = CONFLICT_EQUIVOCATION;
	char name[512];

	if (conflict_judge(store, line, &job->head, &kind) == STORE_OK)
		(void)conflict_count(store, line, kind);
	log_warnx("%s: spool %s number %lld came again with other content: %s",
	    line->vp, line->spool, (long long)line->number,
	    conflict_kind_name(kind));
	if (text_print(name, sizeof(name), "%s_%s_%lld_%.16s.acbatch", line->vp,
		line->spool, (long long)line->number, line->sha256) == 0)
		(void)store_set_aside(store, name, job->file, job->len);
}

static bool
read_records(struct ingest_job *job, struct batch_reader *reader)
{
	struct record *record = malloc(sizeof(*record));
	char error[200];
	const char *json;
	size_t json_len;
	int more = -1;

	if (record == NULL)
		return judge_batch(&job->result, BATCH_NO_MEMORY, NULL);
	while ((more = batch_reader_next(reader, record, &json, &json_len,
		    error, sizeof(error))) == 1) {
		if (items_add(&job->items, job->pieces.line.vp, record) == -1)
			break;
	}
	free(record);
	if (more == 1)
		return judge_batch(&job->result, BATCH_NO_MEMORY, NULL);
	if (more == -1)
		return judge_batch(
		    &job->result, batch_reader_error(reader), error);
	return true;
}

static void
read_batch(struct ingest_job *job)
{
	struct batch_reader *reader = NULL;
	char error[200] = "";

	if (judge_batch(&job->result,
		batch_reader_new(
		    &reader, &job->pieces, &job->head, error, sizeof(error)),
		error) &&
	    !read_records(job, reader))
		items_clear(&job->items);
	batch_reader_free(reader);
}

static void
split(struct ingest_job *job)
{
	enum batch_error error = batch_split(&job->pieces, job->file, job->len);

	job->result.line = job->pieces.line;
	job->whole = judge_batch(&job->result, error, NULL);
}

void
ingest_parse(struct ingest_job *job)
{
	split(job);
	if (job->whole)
		read_batch(job);
}

void
ingest_job_clear(struct ingest_job *job)
{
	items_clear(&job->items);
}

/* Inside a transaction. The number is looked at again: since the last look
 * another may have stored it. */
static bool
add_batch(struct store *store, struct ingest_job *job)
{
	const struct batch_line *line = &job->pieces.line;
	struct ingest_result *result = &job->result;
	struct store_batch batch = {
		.spool = line->spool,
		.number = line->number,
		.head = &job->head,
		.keyid = line->keyid,
	};
	size_t len;

	if (text_unhex(
		batch.sha256, sizeof(batch.sha256), &len, line->sha256) == -1)
		return judge_batch(result, BATCH_BAD_LINE, NULL);
	return judge_store(
		   result, store_vp(store, line->vp, false, &batch.vp)) &&
	       judge_store(result, store_batch_begin(store, &batch)) &&
	       judge_store(result,
		   quota_take(store, batch.vp, line->records, line->bytes)) &&
	       judge_store(result, store_batch_put_all(store, &job->items)) &&
	       judge_store(result, store_batch_end(store)) &&
	       judge_store(
		   result, store_archive(store, "batch", job->file, job->len));
}

/* Refused for itself, and not for the state of the store. */
static bool
is_of_batch(enum ingest_verdict verdict)
{
	return verdict != INGEST_BUSY && verdict != INGEST_FULL &&
	       verdict != INGEST_BROKEN;
}

/* What a transaction came to that is not committed. */
enum group_end {
	GROUP_DONE,
	GROUP_AGAIN, /* one was refused and may have left traces: without it */
	GROUP_FAILED,
};

/* A batch that is known already has written nothing. */
static enum group_end
add_group(struct store *store, struct ingest_job *const *jobs, size_t count,
    struct ingest_result *failure)
{
	for (size_t i = 0; i < count; i++) {
		struct ingest_job *job = jobs[i];

		if (job->result.verdict != INGEST_STORED ||
		    add_batch(store, job))
			continue;
		if (!is_of_batch(job->result.verdict)) {
			*failure = job->result;
			return GROUP_FAILED;
		}
		if (job->result.verdict != INGEST_DUPLICATE &&
		    job->result.verdict != INGEST_CONFLICT)
			return GROUP_AGAIN;
	}
	return GROUP_DONE;
}

/* What was said of a batch in a transaction that did not come to be. */
static void
take_back(struct ingest_job *const *jobs, size_t count,
    const struct ingest_result *failure)
{
	for (size_t i = 0; i < count; i++) {
		struct ingest_result *result = &jobs[i]->result;

		if (result->verdict == INGEST_STORED ||
		    result->verdict == INGEST_DUPLICATE ||
		    result->verdict == INGEST_CONFLICT ||
		    !is_of_batch(result->verdict))
			judge(result, failure->verdict, failure->reason);
	}
}

static enum group_end
store_group(struct store *store, struct ingest_job *const *jobs, size_t count,
    struct ingest_result *failure)
{
	enum group_end end;

	if (!judge_store(failure, store_begin(store)))
		return GROUP_FAILED;
	end = add_group(store, jobs, count, failure);
	if (end != GROUP_DONE)
		store_rollback(store);
	else if (!judge_store(failure, store_commit(store)))
		end = GROUP_FAILED;
	return end;
}

/* What is wrong with a batch of a known sender is the operator's to see. */
static void
count_refusal(struct store *store, const struct ingest_result *result)
{
	switch (result->verdict) {
	case INGEST_CONFLICT:
	case INGEST_MALFORMED:
	case INGEST_TOO_BIG:
	case INGEST_BAD_CODEC:
	case INGEST_BAD_RECORD:
	case INGEST_REVOKED:
	case INGEST_OVER_QUOTA:
		(void)store_count_refusal(store, result->line.vp,
		    ingest_verdict_name(result->verdict));
		break;
	default:
		break;
	}
}

/* After the transaction: what is refused is evidence, and the operator's to
 * see. */
static void
settle_refusals(
    struct store *store, struct ingest_job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ingest_job *job = jobs[i];

		if (job->result.verdict == INGEST_CONFLICT)
			set_aside(store, job);
		count_refusal(store, &job->result);
	}
}

/* Where the vantage points are from now on. Not by a batch that was there
 * already: that may be somebody else's copy. */
static void
keep_seen(struct store *store, struct ingest_job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ingest_job *job = jobs[i];

		if (job->result.verdict == INGEST_STORED)
			(void)store_vp_see(
			    store, job->pieces.line.vp, &job->from);
	}
}

/* Of two contents the first stays, whatever is wrong with the other. */
static void
look_for_conflicts(
    struct store *store, struct ingest_job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ingest_result number = { 0 };

		if (jobs[i]->whole &&
		    jobs[i]->result.verdict != INGEST_STORED &&
		    !judge_number(store, &jobs[i]->pieces.line, &number) &&
		    number.verdict == INGEST_CONFLICT)
			judge(&jobs[i]->result, number.verdict, number.reason);
	}
}

static bool
has_something_to_store(struct ingest_job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (jobs[i]->result.verdict == INGEST_STORED)
			return true;
	}
	return false;
}

void
ingest_store(struct store *store, struct ingest_job *const *jobs, size_t count)
{
	struct ingest_result failure = { 0 };
	enum group_end end = GROUP_DONE;

	look_for_conflicts(store, jobs, count);
	do
		end = has_something_to_store(jobs, count)
			  ? store_group(store, jobs, count, &failure)
			  : GROUP_DONE;
	while (end == GROUP_AGAIN);
	if (end == GROUP_FAILED)
		take_back(jobs, count, &failure);
	settle_refusals(store, jobs, count);
	keep_seen(store, jobs, count);
}

static void
store_one(struct store *store, struct ingest_job *job)
{
	split(job);
	if (!job->whole || !judge_sender(store, &job->pieces, &job->result))
		return;
	if (!judge_number(store, &job->pieces.line, &job->result)) {
		settle_refusals(store, &job, 1);
		return;
	}
	read_batch(job);
	ingest_store(store, &job, 1);
}

void
ingest_batch(struct store *store, const uint8_t *file, size_t len,
    struct ingest_result *result)
{
	struct ingest_job *job = calloc(1, sizeof(*job));

	memset(result, 0, sizeof(*result));
	if (job == NULL) {
		(void)judge_batch(result, BATCH_NO_MEMORY, NULL);
		return;
	}
	job->file = file;
	job->len = len;
	store_one(store, job);
	*result = job->result;
	ingest_job_clear(job);
	free(job);
}
