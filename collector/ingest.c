#include "collector/ingest.h"

#include <stdlib.h>
#include <string.h>
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
	if (judge_sender(store, &p, result))
		(void)judge_number(store, &p.line, result);
}

/* --- the whole batch --- */

/* Two contents under one number: the first stays, the other is evidence. */
static void
set_aside(struct store *store, const struct batch_line *line,
    const uint8_t *file, size_t len)
{
	char name[512];

	log_warnx("%s: spool %s number %lld came again with other content",
	    line->vp, line->spool, (long long)line->number);
	if (text_print(name, sizeof(name), "%s_%s_%lld_%.16s.acbatch", line->vp,
		line->spool, (long long)line->number, line->sha256) == 0)
		(void)store_set_aside(store, name, file, len);
}

struct reading {
	const uint8_t *file; /* whole */
	size_t len;
	struct batch_reader *reader;
	struct batch_head head;
	struct record record;
	char error[200];
};

static bool
add_records(
    struct store *store, struct reading *r, struct ingest_result *result)
{
	const char *json;
	size_t json_len;
	int more;

	while ((more = batch_reader_next(r->reader, &r->record, &json,
		    &json_len, r->error, sizeof(r->error))) == 1) {
		if (!judge_store(result, store_batch_add(store, &r->record)))
			return false;
	}
	if (more == -1)
		return judge_batch(
		    result, batch_reader_error(r->reader), r->error);
	return true;
}

/* Inside a transaction. The number is looked at again: since the last look
 * another process may have stored it. */
static bool
add_batch(struct store *store, const struct batch_pieces *p, struct reading *r,
    struct ingest_result *result)
{
	struct store_batch batch = {
		.spool = p->line.spool,
		.number = p->line.number,
		.head = &r->head,
		.keyid = p->line.keyid,
	};
	size_t len;

	if (text_unhex(
		batch.sha256, sizeof(batch.sha256), &len, p->line.sha256) == -1)
		return judge_batch(result, BATCH_BAD_LINE, NULL);
	return judge_store(
		   result, store_vp(store, p->line.vp, false, &batch.vp)) &&
	       judge_store(result, store_batch_begin(store, &batch)) &&
	       add_records(store, r, result) &&
	       judge_store(result, store_batch_end(store));
}

static void
store_whole(struct store *store, const struct batch_pieces *p,
    struct reading *r, struct ingest_result *result)
{
	if (!judge_store(result, store_begin(store)))
		return;
	if (add_batch(store, p, r, result) &&
	    judge_store(result, store_archive(store, "batch", r->file, r->len)))
		(void)judge_store(result, store_commit(store));
	else
		store_rollback(store);
}

static void
read_and_store(struct store *store, const struct batch_pieces *p,
    const uint8_t *file, size_t len, struct ingest_result *result)
{
	struct reading *r = calloc(1, sizeof(*r));
	enum batch_error error;

	if (r == NULL) {
		(void)judge_batch(result, BATCH_NO_MEMORY, NULL);
		return;
	}
	r->file = file;
	r->len = len;
	error = batch_reader_new(
	    &r->reader, p, &r->head, r->error, sizeof(r->error));
	if (judge_batch(result, error, r->error))
		store_whole(store, p, r, result);
	batch_reader_free(r->reader);
	free(r);
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
		(void)store_count_refusal(store, result->line.vp,
		    ingest_verdict_name(result->verdict));
		break;
	default:
		break;
	}
}

void
ingest_batch(struct store *store, const uint8_t *file, size_t len,
    struct ingest_result *result)
{
	struct batch_pieces p;
	enum batch_error error;

	memset(result, 0, sizeof(*result));
	memset(&p, 0, sizeof(p));
	error = batch_split(&p, file, len);
	result->line = p.line;
	if (!judge_batch(result, error, NULL) ||
	    !judge_sender(store, &p, result))
		return;
	if (judge_number(store, &p.line, result))
		read_and_store(store, &p, file, len, result);
	if (result->verdict == INGEST_CONFLICT)
		set_aside(store, &p.line, file, len);
	count_refusal(store, result);
}
