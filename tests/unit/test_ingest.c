/* Proves that a batch is stored whole or refused whole with the verdict that
 * fits, and that what is refused has a twin that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/store_fixture.h"
#include <dirent.h>
#include "collector/archive.h"
#include "collector/ingest.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SPOOL "0123456789abcdef0123456789abcdef"

struct ingest_fixture {
	struct fixture f;
	struct sign_key *key, *stranger;
};

static struct sign_key *
make_key(void)
{
	char private[512], public[512];

	if (sign_generate(private, 512, public, 512) == -1)
		return NULL;
	return sign_key_from_pem(private, strlen(private));
}

static int
set_up(void **state)
{
	static struct ingest_fixture x;
	const struct wall since = { 0 };
	uint8_t public[SIGN_PUBLIC_LEN];
	int64_t vp;

	x = (struct ingest_fixture){ .key = make_key(),
		.stranger = make_key() };
	*state = &x;
	if (x.key == NULL || x.stranger == NULL || fixture_make(&x.f) == -1)
		return -1;
	sign_key_public(x.key, public);
	if (store_begin(x.f.store) != STORE_OK ||
	    store_vp(x.f.store, "lon1", true, &vp) != STORE_OK ||
	    store_vp_key(x.f.store, vp, public, since) != STORE_OK ||
	    store_commit(x.f.store) != STORE_OK)
		return -1;
	return 0;
}

static void
remove_conflicts(const struct fixture *f)
{
	char path[700];
	const struct dirent *entry;
	DIR *dir;

	(void)text_print(path, sizeof(path), "%s/conflict", f->archive);
	if ((dir = opendir(path)) == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		(void)text_print(path, sizeof(path), "%s/conflict/%s",
		    f->archive, entry->d_name);
		(void)unlink(path);
	}
	(void)closedir(dir);
	(void)text_print(path, sizeof(path), "%s/conflict", f->archive);
	(void)rmdir(path);
}

static int
tear_down(void **state)
{
	struct ingest_fixture *x = *state;

	remove_conflicts(&x->f);
	fixture_remove(&x->f);
	sign_key_free(x->key);
	sign_key_free(x->stranger);
	return 0;
}

struct file {
	uint8_t *bytes;
	size_t len;
	struct batch_line line;
};

/* A batch of count records; edit changes each before it is written. */
static struct file
make_file(const struct sign_key *key, int64_t number, size_t count,
    void (*edit)(struct record *, size_t))
{
	const struct batch_head head = { .round_at = wall_from_us(T_US),
		.every_s = 300,
		.questions = (int64_t)count,
		.clock_offset_us = -1,
		.clock_max_error_us = -1,
		.boot_id = "b",
		.version = "0.1" };
	struct batch_writer *w = batch_writer_new(&head);
	struct file file = {
		.line = { .vp = "lon1", .spool = SPOOL, .number = number }
	};
	struct record r;

	assert_non_null(w);
	memset(file.line.previous, '0', SIGN_SHA256_TEXT - 1);
	for (size_t i = 0; i < count; i++) {
		fixture_record(&r, T_US + (int64_t)i * 1000, "lhr1");
		if (edit != NULL)
			edit(&r, i);
		assert_int_equal(batch_writer_add(w, &r), 0);
	}
	assert_int_equal(
	    batch_writer_finish(w, &file.line, key, &file.bytes, &file.len), 0);
	batch_writer_free(w);
	return file;
}

static struct ingest_result
ingest(struct ingest_fixture *x, const struct file *file)
{
	struct ingest_result result;

	ingest_batch(x->f.store, file->bytes, file->len, &result);
	return result;
}

static void
assert_verdict(
    struct ingest_fixture *x, const struct file *file, enum ingest_verdict want)
{
	const struct ingest_result result = ingest(x, file);

	if (result.verdict != want)
		fail_msg("%s: %s", ingest_verdict_name(result.verdict),
		    result.reason);
	if (want != INGEST_STORED)
		assert_true(result.reason[0] != '\0');
}

static int64_t
batches(struct ingest_fixture *x)
{
	return fixture_ask(&x->f, "SELECT count(*) FROM batch");
}

static enum ingest_verdict
preview(struct ingest_fixture *x, const struct file *file)
{
	const char *text = (const char *)file->bytes;
	const char *end = memchr(text, '\n', file->len);
	const char *next = memchr(end + 1, '\n', file->len);
	char signature[256] = "";
	struct ingest_result result;

	memcpy(signature, end + 1, (size_t)(next - end) - 1);
	ingest_preview(
	    x->f.store, text, (size_t)(end - text), signature, &result);
	return result.verdict;
}

static void
verdicts_are_the_documented_statuses(void **state)
{
	static const int statuses[] = { 201, 200, 409, 403, 401, 400, 413, 415,
		422, 422, 429, 503, 507, 500 };

	(void)state;
	assert_int_equal(COUNT(statuses), INGEST_VERDICTS);
	for (size_t i = 0; i < COUNT(statuses); i++) {
		assert_int_equal(
		    ingest_verdict_status((enum ingest_verdict)i), statuses[i]);
		assert_non_null(ingest_verdict_name((enum ingest_verdict)i));
	}
}

static void
a_batch_is_stored_once_however_often_it_comes(void **state)
{
	struct ingest_fixture *x = *state;
	struct file file = make_file(x->key, 1, 20, NULL);

	assert_int_equal(preview(x, &file), INGEST_STORED);
	assert_verdict(x, &file, INGEST_STORED);
	for (int i = 0; i < 50; i++)
		assert_verdict(x, &file, INGEST_DUPLICATE);
	assert_int_equal(preview(x, &file), INGEST_DUPLICATE);
	assert_int_equal(batches(x), 1);
	assert_int_equal(
	    fixture_ask(&x->f, "SELECT count(*) FROM measurement"), 20);
	free(file.bytes);
}

static int
archived_batches(struct ingest_fixture *x)
{
	struct archive_reader *r = archive_reader_open(x->f.archive);
	struct archive_entry entry;
	int count = 0;

	assert_non_null(r);
	while (archive_reader_next(r, &entry) == 1)
		count += strcmp(entry.kind, "batch") == 0;
	archive_reader_close(r);
	return count;
}

/* --- several at once --- */

static void
ghost(struct record *r, size_t i)
{
	(void)i;
	(void)text_copy(r->target, sizeof(r->target), "ghost");
}

static void
a_refused_batch_takes_none_of_its_group_with_it(void **state)
{
	struct ingest_fixture *x = *state;
	struct file files[] = {
		make_file(x->key, 1, 20, NULL),
		make_file(x->key, 1, 20, NULL),      /* the same number */
		make_file(x->stranger, 2, 5, ghost), /* after it has written */
		make_file(x->key, 3, 7, NULL),
		make_file(x->key, 4, 3, NULL), /* is damaged below */
	};
	const enum ingest_verdict want[COUNT(files)] = { INGEST_STORED,
		INGEST_DUPLICATE, INGEST_REVOKED, INGEST_STORED,
		INGEST_MALFORMED };
	struct ingest_job jobs[COUNT(files)] = { 0 };
	struct ingest_job *group[COUNT(files)];

	files[4].bytes[files[4].len - 1] ^= 1;
	for (size_t i = 0; i < COUNT(files); i++) {
		jobs[i].file = files[i].bytes;
		jobs[i].len = files[i].len;
		ingest_parse(&jobs[i]);
		group[i] = &jobs[i];
	}
	ingest_store(x->f.store, group, COUNT(files));
	for (size_t i = 0; i < COUNT(files); i++) {
		assert_int_equal(jobs[i].result.verdict, want[i]);
		ingest_job_clear(&jobs[i]);
	}
	assert_int_equal(batches(x), 2);
	assert_int_equal(
	    fixture_ask(&x->f, "SELECT count(*) FROM measurement"), 27);
	assert_int_equal(fixture_ask(&x->f, "SELECT count(*) FROM lane"
					    " WHERE target = 'ghost'"),
	    0);
	/* Both that are stored came into the archive, and nothing else. */
	assert_int_equal(archived_batches(x), 2);
	for (size_t i = 0; i < COUNT(files); i++)
		free(files[i].bytes);
}

static int
refuse_commit(void *context)
{
	(void)context;
	return 1;
}

/* Not even that the second one is there already. */
static void
a_group_that_cannot_be_committed_promises_nothing(void **state)
{
	struct ingest_fixture *x = *state;
	struct file files[] = { make_file(x->key, 1, 20, NULL),
		make_file(x->key, 1, 20, NULL) };
	struct ingest_job jobs[COUNT(files)] = { 0 };
	struct ingest_job *group[COUNT(files)] = { &jobs[0], &jobs[1] };

	for (size_t i = 0; i < COUNT(files); i++) {
		jobs[i].file = files[i].bytes;
		jobs[i].len = files[i].len;
		ingest_parse(&jobs[i]);
	}
	(void)sqlite3_commit_hook(store_db(x->f.store), refuse_commit, NULL);
	ingest_store(x->f.store, group, COUNT(files));
	(void)sqlite3_commit_hook(store_db(x->f.store), NULL, NULL);
	for (size_t i = 0; i < COUNT(files); i++) {
		assert_int_equal(jobs[i].result.verdict, INGEST_BROKEN);
		ingest_job_clear(&jobs[i]);
		free(files[i].bytes);
	}
	assert_int_equal(batches(x), 0);
}

static void
a_second_content_is_set_aside_and_the_first_stays(void **state)
{
	struct ingest_fixture *x = *state;
	struct file first = make_file(x->key, 1, 2, NULL);
	struct file second = make_file(x->key, 1, 3, NULL);
	char path[256];

	assert_verdict(x, &first, INGEST_STORED);
	assert_int_equal(preview(x, &second), INGEST_CONFLICT);
	assert_verdict(x, &second, INGEST_CONFLICT);
	assert_verdict(x, &second, INGEST_CONFLICT);
	(void)text_print(path, sizeof(path),
	    "%s/conflict/lon1_" SPOOL "_1_%.16s.acbatch", x->f.archive,
	    second.line.sha256);
	assert_int_equal(access(path, F_OK), 0);
	assert_verdict(x, &first, INGEST_DUPLICATE);
	assert_int_equal(fixture_ask(&x->f, "SELECT rows FROM batch"), 2);
	assert_int_equal(archived_batches(x), 1);
	free(first.bytes);
	free(second.bytes);
}

static void
who_is_not_known_is_refused_before_the_body(void **state)
{
	struct ingest_fixture *x = *state;
	struct file stranger = make_file(x->stranger, 1, 1, NULL);
	struct file own = make_file(x->key, 1, 1, NULL);

	assert_int_equal(preview(x, &stranger), INGEST_UNKNOWN_VP);
	assert_verdict(x, &stranger, INGEST_UNKNOWN_VP);
	/* The key's own line with another signature. */
	memcpy(memchr(stranger.bytes, '\n', stranger.len), "\nAAAA", 5);
	memcpy(strchr((char *)own.bytes, '\n') + 1, "AAAA", 4);
	assert_int_equal(preview(x, &own), INGEST_BAD_SIGNATURE);
	assert_verdict(x, &own, INGEST_BAD_SIGNATURE);
	assert_int_equal(batches(x), 0);
	free(own.bytes);
	free(stranger.bytes);
}

static void
every_byte_that_is_changed_is_noticed(void **state)
{
	struct ingest_fixture *x = *state;
	struct file file = make_file(x->key, 1, 3, NULL);

	for (size_t i = 0; i < file.len; i += i < 300 ? 1 : 7) {
		const uint8_t kept = file.bytes[i];
		struct ingest_result result;

		file.bytes[i] = (uint8_t)(kept ^ 1);
		result = ingest(x, &file);
		if (result.verdict == INGEST_STORED ||
		    result.verdict == INGEST_DUPLICATE)
			fail_msg("byte %zu", i);
		file.bytes[i] = kept;
	}
	for (size_t len = 0; len < file.len; len += 1 + len / 10) {
		struct file cut = file;
		enum ingest_verdict verdict;

		cut.len = len;
		verdict = ingest(x, &cut).verdict;
		assert_true(verdict == INGEST_MALFORMED ||
			    verdict == INGEST_BAD_SIGNATURE);
	}
	assert_int_equal(batches(x), 0);
	assert_verdict(x, &file, INGEST_STORED);
	free(file.bytes);
}

/* --- impossible values, each with a twin at the edge of what may be --- */

static void
rtt_over(struct record *r, size_t i)
{
	r->rtt_us = i == 1 ? LIMIT_RTT_US + 1 : 0;
}

static void
rtt_most(struct record *r, size_t i)
{
	r->rtt_us = i == 1 ? LIMIT_RTT_US : 0;
}

static void
time_over(struct record *r, size_t i)
{
	r->t = wall_from_us(LIMIT_TIME_MAX_US + (int64_t)i);
}

static void
time_most(struct record *r, size_t i)
{
	r->t = wall_from_us(LIMIT_TIME_MAX_US - (int64_t)i);
}

static void
span_over(struct record *r, size_t i)
{
	/* The first lies in the middle: no two of them far from it. */
	r->t = wall_from_us(T_US + (i == 1      ? -1800000001LL
				       : i == 2 ? 1800000000LL
						: 0));
}

static void
span_most(struct record *r, size_t i)
{
	r->t = wall_from_us(T_US + (i == 1      ? -1800000000LL
				       : i == 2 ? 1800000000LL
						: 0));
}

static void
ttl_over(struct record *r, size_t i)
{
	r->reply_ttl = i == 1 ? 256 : 255;
}

static void
ttl_most(struct record *r, size_t i)
{
	r->reply_ttl = (int16_t)(255 - i);
}

static void
retry_of_later(struct record *r, size_t i)
{
	r->retry_of = i == 1 ? 2 : -1;
}

static void
retry_of_earlier(struct record *r, size_t i)
{
	r->retry_of = i == 1 ? 0 : -1;
}

static void
impossible_values_refuse_the_whole_batch_and_name_the_line(void **state)
{
	static const struct {
		const char *what, *names;
		void (*bad)(struct record *, size_t);
		void (*twin)(struct record *, size_t);
	} cases[] = {
		{ "rtt", "rtt_us", rtt_over, rtt_most },
		{ "time", "t: ", time_over, time_most },
		{ "span", "t: ", span_over, span_most },
		{ "ttl", "reply_ttl", ttl_over, ttl_most },
		{ "retry", "retry_of", retry_of_later, retry_of_earlier },
	};
	struct ingest_fixture *x = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file bad =
		    make_file(x->key, (int64_t)i + 1, 3, cases[i].bad);
		struct file twin =
		    make_file(x->key, (int64_t)i + 1, 3, cases[i].twin);
		const struct ingest_result result = ingest(x, &bad);

		if (result.verdict != INGEST_BAD_RECORD ||
		    strstr(result.reason, cases[i].names) == NULL ||
		    strncmp(result.reason, "line ", 5) != 0)
			fail_msg("%s: %s: %s", cases[i].what,
			    ingest_verdict_name(result.verdict), result.reason);
		assert_int_equal(batches(x), (int64_t)i);
		assert_verdict(x, &twin, INGEST_STORED);
		free(bad.bytes);
		free(twin.bytes);
	}
	assert_int_equal(archived_batches(x), COUNT(cases));
	assert_int_equal(fixture_ask(&x->f, "SELECT count(*) FROM measurement"),
	    (int64_t)COUNT(cases) * 3);
}

#define WITH_STORE(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_are_the_documented_statuses),
		WITH_STORE(a_batch_is_stored_once_however_often_it_comes),
		WITH_STORE(a_second_content_is_set_aside_and_the_first_stays),
		WITH_STORE(a_refused_batch_takes_none_of_its_group_with_it),
		WITH_STORE(a_group_that_cannot_be_committed_promises_nothing),
		WITH_STORE(who_is_not_known_is_refused_before_the_body),
		WITH_STORE(every_byte_that_is_changed_is_noticed),
		WITH_STORE(
		    impossible_values_refuse_the_whole_batch_and_name_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
