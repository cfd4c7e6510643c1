/* Proves that a batch is read back as it was written, and that nothing that
 * was changed, cut, padded or blown up is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <zstd.h>
#include "lib/batch.h"
#include "lib/batch_head.h"
#include "lib/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROUND_AT_US 1795411862000000LL

static struct sign_key *key;

static int
make_key(void **state)
{
	char private[512], public[512];

	(void)state;
	if (sign_generate(private, 512, public, 512) == -1)
		return -1;
	key = sign_key_from_pem(private, strlen(private));
	return key == NULL ? -1 : 0;
}

static int
free_key(void **state)
{
	(void)state;
	sign_key_free(key);
	return 0;
}

static struct batch_head
some_head(void)
{
	struct batch_head head = { .round_at = wall_from_us(ROUND_AT_US),
		.every_s = 300,
		.questions = 3,
		.lost = 2,
		.skipped = 1,
		.clock = CLOCK_SYNCED,
		.clock_offset_us = -250,
		.clock_max_error_us = 900,
		.clock_stepped = true,
		.suspended_us = 3600000001,
		.attacked = 3,
		.boot_id = "a0e9b9ae-1e5b-4f0c-9d2b-0c8e5b1d6a11",
		.address_count = 2,
		.version = "0.1",
		.allow_special_count = 1 };

	assert_int_equal(addr_parse(&head.address[0], "192.0.2.7"), 0);
	assert_int_equal(addr_parse(&head.address[1], "2001:db8::7"), 0);
	assert_int_equal(
	    prefix_parse(&head.allow_special[0], "203.0.113.0/24"), 0);
	return head;
}

static struct batch_line
some_line(void)
{
	struct batch_line line = { .vp = "lon1", .number = 7 };

	memset(line.spool, 'a', BATCH_SPOOL_TEXT - 1);
	memset(line.previous, '0', SIGN_SHA256_TEXT - 1);
	return line;
}

static void
number_record(struct record *r, int64_t i)
{
	record_init(r);
	r->t = wall_from_us(ROUND_AT_US + i * 1000);
	r->type = RECORD_ECHO;
	r->proto = PROTO_ICMP;
	(void)text_copy(r->target, sizeof(r->target), "k-root");
	(void)text_copy(r->question, sizeof(r->question), "echo");
	r->outcome = OUTCOME_ANSWERED;
	r->rtt_us = i;
	r->flow.icmp_id = (int32_t)random() & 0xffff;
}

struct file {
	uint8_t *bytes;
	size_t len;
};

static struct file
write_batch(int64_t records, struct batch_line *line)
{
	struct batch_head head = some_head();
	struct batch_writer *writer = batch_writer_new(&head);
	static struct record r;
	struct file file;

	assert_non_null(writer);
	for (int64_t i = 0; i < records; i++) {
		number_record(&r, i);
		assert_int_equal(batch_writer_add(writer, &r), 0);
	}
	assert_int_equal(
	    batch_writer_finish(writer, line, key, &file.bytes, &file.len), 0);
	batch_writer_free(writer);
	return file;
}

/* A batch around plain bytes of ours, signed, as a strange probe might. */
static struct file
wrap_body(const void *body, size_t len, int64_t records)
{
	struct batch_line line = some_line();
	char text[LIMIT_BATCH_LINE], signature[SIGN_SIGNATURE_TEXT];
	struct file file;
	size_t clear;

	line.bytes = (int64_t)len;
	line.records = records;
	sha256_text(line.sha256, body, len);
	sign_key_id(key, line.keyid);
	assert_int_equal(batch_line_format(&line, text, sizeof(text)), 0);
	assert_int_equal(sign_make(key, text, strlen(text), signature), 0);
	file.bytes = malloc(len + LIMIT_BATCH_LINE + SIGN_SIGNATURE_TEXT);
	assert_int_equal(text_print((char *)file.bytes,
			     LIMIT_BATCH_LINE + SIGN_SIGNATURE_TEXT, "%s\n%s\n",
			     text, signature),
	    0);
	clear = strlen((char *)file.bytes);
	memcpy(file.bytes + clear, body, len);
	file.len = clear + len;
	return file;
}

static struct file
wrap_plain(const char *plain, size_t len, int64_t records)
{
	size_t bound = ZSTD_compressBound(len);
	uint8_t *body = malloc(bound);
	size_t body_len = ZSTD_compress(body, bound, plain, len, 3);
	struct file file;

	assert_false(ZSTD_isError(body_len));
	file = wrap_body(body, body_len, records);
	free(body);
	return file;
}

struct result {
	enum batch_error error;
	int64_t records;
	char reason[160];
};

/* Everything a collector does with a file's bytes. */
static struct result
read_batch(const uint8_t *bytes, size_t len, struct batch_head *head)
{
	static struct record r;
	struct result result = { .error = BATCH_OK };
	struct batch_pieces pieces;
	struct batch_reader *reader;
	const char *json;
	size_t json_len;
	int status;

	if ((result.error = batch_split(&pieces, bytes, len)) != BATCH_OK ||
	    (result.error = batch_verify(&pieces, key)) != BATCH_OK ||
	    (result.error = batch_reader_new(&reader, &pieces, head,
		 result.reason, sizeof(result.reason))) != BATCH_OK)
		return result;
	while ((status = batch_reader_next(reader, &r, &json, &json_len,
		    result.reason, sizeof(result.reason))) == 1) {
		result.records++;
		assert_true(json_len > 0 && json[json_len - 1] == '}');
	}
	result.error = status == -1 ? batch_reader_error(reader) : BATCH_OK;
	batch_reader_free(reader);
	return result;
}

static void
a_batch_is_read_back_as_it_was_written(void **state)
{
	static const int64_t sizes[] = { 0, 1, 1000, 30000 };
	struct batch_head head, written = some_head();

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct batch_line line = some_line();
		struct file file = write_batch(sizes[i], &line);
		struct result result = read_batch(file.bytes, file.len, &head);

		if (result.error != BATCH_OK)
			fail_msg("%s", result.reason);
		assert_int_equal(result.records, sizes[i]);
		assert_int_equal(line.records, sizes[i]);
		assert_memory_equal(&head, &written, sizeof(head));
		print_message("%lld records: %lld bytes\n", (long long)sizes[i],
		    (long long)line.bytes);
		free(file.bytes);
	}
}

static void
the_head_may_be_replaced_at_the_end(void **state)
{
	struct batch_head head = some_head(), seen;
	struct batch_writer *writer = batch_writer_new(&head);
	struct batch_line line = some_line();
	static struct record r;
	struct result result;
	struct file file;

	(void)state;
	for (int64_t i = 0; i < 5000; i++) {
		number_record(&r, i);
		assert_int_equal(batch_writer_add(writer, &r), 0);
	}
	head.clock_stepped = false;
	head.questions = 5000;
	assert_int_equal(batch_writer_set_head(writer, &head), 0);
	assert_int_equal(
	    batch_writer_finish(writer, &line, key, &file.bytes, &file.len), 0);
	batch_writer_free(writer);
	result = read_batch(file.bytes, file.len, &seen);
	assert_int_equal(result.error, BATCH_OK);
	assert_int_equal(result.records, 5000);
	assert_memory_equal(&seen, &head, sizeof(head));
	free(file.bytes);
}

static void
no_changed_byte_goes_unseen(void **state)
{
	struct batch_line line = some_line();
	struct file file = write_batch(3, &line);
	struct batch_head head;

	(void)state;
	for (size_t i = 0; i < file.len; i++) {
		file.bytes[i] ^= 1;
		if (read_batch(file.bytes, file.len, &head).error == BATCH_OK)
			fail_msg("byte %zu of %zu", i, file.len);
		file.bytes[i] ^= 1;
	}
	assert_int_equal(
	    read_batch(file.bytes, file.len, &head).error, BATCH_OK);
	free(file.bytes);
}

static void
no_prefix_and_no_longer_file_is_taken(void **state)
{
	struct batch_line line = some_line();
	struct file file = write_batch(3, &line);
	uint8_t *longer = malloc(file.len + 1);
	struct batch_head head;

	(void)state;
	for (size_t len = 0; len < file.len; len++) {
		/* A copy of that size, for the address sanitizer. */
		uint8_t *cut = malloc(len + 1);

		memcpy(cut, file.bytes, len);
		assert_int_not_equal(
		    read_batch(cut, len, &head).error, BATCH_OK);
		free(cut);
	}
	memcpy(longer, file.bytes, file.len);
	longer[file.len] = '\0';
	assert_int_equal(
	    read_batch(longer, file.len + 1, &head).error, BATCH_BAD_BODY);
	free(longer);
	free(file.bytes);
}

static void
the_clear_line_has_one_spelling(void **state)
{
	static const struct {
		const char *from, *to;
		enum batch_error error;
	} cases[] = {
		{ "lon1", "lon1", BATCH_OK },
		{ "acbatch", "acbatcH", BATCH_BAD_LINE },
		{ "acbatch 1", "acbatch 2", BATCH_BAD_VERSION },
		{ "acbatch 1", "acbatch 01", BATCH_BAD_LINE },
		{ "lon1", "../lon1", BATCH_BAD_LINE },
		{ "lon1", "Lon1", BATCH_BAD_LINE },
		{ "lon1 ", "lon1  ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaaa 07 ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaaa 0 ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaaa -7 ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaaa +7 ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaaa 9223372036854775808 ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaaA 7 ", BATCH_BAD_LINE },
		{ "aaaa 7 ", "aaa 7 ", BATCH_BAD_LINE },
		{ " 100 ", " 8388609 ", BATCH_TOO_BIG },
		{ " 100 ", " 0 ", BATCH_BAD_LINE },
		{ " 20 ", " 200001 ", BATCH_TOO_BIG },
		{ " 20 ", " 20 20 ", BATCH_BAD_LINE },
		{ " 20 ", " ", BATCH_BAD_LINE },
		{ " 20 ", "\t20 ", BATCH_BAD_LINE },
	};
	struct batch_line line = some_line(), parsed;
	char good[LIMIT_BATCH_LINE], bad[2 * LIMIT_BATCH_LINE];

	(void)state;
	line.bytes = 100;
	line.records = 20;
	memset(line.keyid, 'b', SIGN_KEYID_TEXT - 1);
	memset(line.sha256, 'c', SIGN_SHA256_TEXT - 1);
	assert_int_equal(batch_line_format(&line, good, sizeof(good)), 0);
	assert_int_equal(
	    batch_line_parse(&parsed, good, strlen(good)), BATCH_OK);
	assert_memory_equal(&parsed, &line, sizeof(line));
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *at = strstr(good, cases[i].from);

		assert_non_null(at);
		assert_int_equal(
		    text_print(bad, sizeof(bad), "%.*s%s%s", (int)(at - good),
			good, cases[i].to, at + strlen(cases[i].from)),
		    0);
		if (batch_line_parse(&parsed, bad, strlen(bad)) !=
		    cases[i].error)
			fail_msg("%s", bad);
	}
}

static void
the_longest_clear_line_fits_its_limit(void **state)
{
	struct batch_line line = some_line(), parsed;
	char text[LIMIT_BATCH_LINE];

	(void)state;
	memset(line.vp, 'v', LIMIT_VP_NAME);
	memset(line.keyid, 'b', SIGN_KEYID_TEXT - 1);
	memset(line.sha256, 'c', SIGN_SHA256_TEXT - 1);
	line.number = 999999999999999;
	line.bytes = LIMIT_BATCH_BYTES;
	line.records = LIMIT_BATCH_RECORDS;
	assert_int_equal(batch_line_format(&line, text, sizeof(text)), 0);
	assert_int_equal(
	    batch_line_parse(&parsed, text, strlen(text)), BATCH_OK);
}

/* A head and one record as text. */
static size_t
plain_batch(char *plain, size_t size)
{
	struct batch_head head = some_head();
	static struct record r;
	size_t len = batch_head_to_json(&head, plain, size);

	plain[len++] = '\n';
	number_record(&r, 1);
	len += record_to_json(&r, plain + len, size - len);
	plain[len++] = '\n';
	return len;
}

static void
refused(struct file file, enum batch_error error, const char *reason)
{
	struct batch_head head;
	struct result result = read_batch(file.bytes, file.len, &head);

	if (result.error != error ||
	    strncmp(result.reason, reason, strlen(reason)) != 0)
		fail_msg("%s: %s; expected %s: %s",
		    batch_error_name(result.error), result.reason,
		    batch_error_name(error), reason);
	free(file.bytes);
}

static void
lines_must_be_a_head_and_as_many_records_as_promised(void **state)
{
	char plain[8192];
	size_t len = plain_batch(plain, sizeof(plain));
	size_t head_len = (size_t)(strchr(plain, '\n') - plain) + 1;

	(void)state;
	refused(wrap_plain(plain, len, 1), BATCH_OK, "");
	refused(wrap_plain(plain, len, 2), BATCH_BAD_RECORD,
	    "line 3: fewer records");
	refused(wrap_plain(plain, len, 0), BATCH_BAD_RECORD,
	    "line 2: more records");
	refused(wrap_plain(plain, len - 1, 1), BATCH_BAD_RECORD,
	    "line 2: has no newline");
	refused(wrap_plain(plain + head_len, len - head_len, 1),
	    BATCH_BAD_RECORD, "line 1: type");
	refused(wrap_plain(plain, head_len, 0), BATCH_OK, "");
	refused(wrap_plain("", 0, 0), BATCH_BAD_RECORD, "line 1: the head");
	refused(wrap_plain("\n", 1, 0), BATCH_BAD_RECORD, "line 1: JSON");
	plain[len++] = '\n';
	refused(wrap_plain(plain, len, 2), BATCH_BAD_RECORD, "line 3: JSON");
}

static void
records_of_a_batch_lie_within_one_hour(void **state)
{
	struct batch_head head = some_head();
	static struct record r;
	char plain[8192];

	(void)state;
	for (int beyond = 0; beyond < 2; beyond++) {
		size_t len = batch_head_to_json(&head, plain, sizeof(plain));
		const int64_t at_ms[] = { 0, -1800000, 1800000 + beyond };

		plain[len++] = '\n';
		for (size_t i = 0; i < COUNT(at_ms); i++) {
			number_record(&r, at_ms[i]);
			r.rtt_us = 1;
			len += record_to_json(
			    &r, plain + len, sizeof(plain) - len);
			plain[len++] = '\n';
		}
		refused(wrap_plain(plain, len, 3),
		    beyond ? BATCH_BAD_RECORD : BATCH_OK,
		    beyond ? "line 4: t: " : "");
	}
}

static void
a_retry_names_an_earlier_record(void **state)
{
	struct batch_head head = some_head();
	static struct record r;
	char plain[8192];

	(void)state;
	for (int32_t of = 0; of < 2; of++) {
		size_t len = batch_head_to_json(&head, plain, sizeof(plain));

		plain[len++] = '\n';
		for (int32_t i = 0; i < 2; i++) {
			number_record(&r, i);
			r.retry_of = i == 1 ? of : -1;
			len += record_to_json(
			    &r, plain + len, sizeof(plain) - len);
			plain[len++] = '\n';
		}
		refused(wrap_plain(plain, len, 2),
		    of == 1 ? BATCH_BAD_RECORD : BATCH_OK,
		    of == 1 ? "line 3: retry_of" : "");
	}
}

static void
a_body_is_exactly_one_frame(void **state)
{
	char plain[8192];
	size_t len = plain_batch(plain, sizeof(plain));
	uint8_t body[16384];
	size_t one = ZSTD_compress(body, sizeof(body), plain, len, 3);
	size_t two =
	    ZSTD_compress(body + one, sizeof(body) - one, plain, len, 3);
	static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0,
		'x' };

	(void)state;
	refused(wrap_body(body, one, 1), BATCH_OK, "");
	refused(wrap_body(body, one + two, 1), BATCH_BAD_CODEC, "body: some");
	refused(wrap_body(body, one + 1, 1), BATCH_BAD_CODEC, "body: some");
	refused(wrap_body(body, one - 1, 1), BATCH_BAD_CODEC, "body: ");
	refused(wrap_body(body, 5, 1), BATCH_BAD_CODEC, "body: ");
	refused(wrap_body("plain", 5, 1), BATCH_BAD_CODEC, "body: does not");
	memcpy(body + one, skippable, sizeof(skippable));
	refused(wrap_body(body, one + sizeof(skippable), 1), BATCH_BAD_CODEC,
	    "body: some");
	refused(wrap_body(skippable, sizeof(skippable), 0), BATCH_BAD_CODEC,
	    "body: does not");
	/* A reserved bit of the frame's header. */
	body[4] |= 8;
	refused(wrap_body(body, one, 1), BATCH_BAD_CODEC, "body: ");
}

static void
a_bomb_is_refused_before_it_grows(void **state)
{
	const size_t size = LIMIT_BATCH_PLAIN;
	char *plain = calloc(1, size);
	size_t len, head_len, line_len;

	(void)state;
	assert_non_null(plain);
	refused(wrap_plain(plain, size, 1), BATCH_TOO_BIG, "line 1: too long");
	/* The same good record over and over: only the ratio tells. */
	len = plain_batch(plain, size);
	head_len = (size_t)(strchr(plain, '\n') - plain) + 1;
	line_len = len - head_len;
	for (; len + line_len < size; len += line_len)
		memcpy(plain + len, plain + head_len, line_len);
	refused(wrap_plain(plain, len, (int64_t)((len - head_len) / line_len)),
	    BATCH_TOO_BIG, "body: decompresses to more");
	/* What is small may repeat itself. */
	len = head_len + 1000 * line_len;
	refused(wrap_plain(plain, len, 1000), BATCH_OK, "");
	free(plain);
}

/* The dullest round that a configuration allows: no route to 10,000
 * addresses. Its own collector must take it. */
static void
a_round_without_any_answer_is_no_bomb(void **state)
{
	struct batch_head head = some_head(), seen;
	struct batch_writer *writer = batch_writer_new(&head);
	struct batch_line line = some_line();
	static struct record r;
	struct result result;
	struct file file;

	(void)state;
	number_record(&r, 0);
	r.type = RECORD_DNS;
	r.proto = PROTO_UDP;
	r.port = r.flow.dport = 53;
	r.dns.qtype = 6;
	r.dns.qclass = 1;
	r.outcome = OUTCOME_UNSENT;
	(void)text_copy(r.reason, sizeof(r.reason), "no route");
	(void)text_copy(r.dns.qname, sizeof(r.dns.qname), "hostname.bind.");
	for (uint32_t i = 0; i < 40000; i++) {
		uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8 };

		bytes[14] = (uint8_t)(i / 4 >> 8);
		bytes[15] = (uint8_t)(i / 4);
		r.addr = addr_from_bytes(6, bytes);
		r.flow.sport = (int32_t)(i / 4 * 7919 & 0xffff);
		assert_int_equal(batch_writer_add(writer, &r), 0);
	}
	assert_int_equal(
	    batch_writer_finish(writer, &line, key, &file.bytes, &file.len), 0);
	batch_writer_free(writer);
	result = read_batch(file.bytes, file.len, &seen);
	if (result.error != BATCH_OK)
		fail_msg("%s", result.reason);
	print_message("40000 records: %lld bytes\n", (long long)line.bytes);
	free(file.bytes);
}

static void
a_batch_can_be_signed_again_for_another_spool(void **state)
{
	struct batch_line line = some_line(), again = some_line(), parsed;
	struct file file = write_batch(3, &line);
	struct batch_pieces pieces;
	struct batch_head head;
	struct file second;

	(void)state;
	memset(again.spool, 'f', BATCH_SPOOL_TEXT - 1);
	again.number = 1;
	assert_int_equal(batch_resign(file.bytes, file.len, &again, key,
			     &second.bytes, &second.len),
	    0);
	assert_int_equal(
	    read_batch(second.bytes, second.len, &head).error, BATCH_OK);
	assert_int_equal(
	    batch_split(&pieces, second.bytes, second.len), BATCH_OK);
	parsed = pieces.line;
	assert_int_equal(parsed.number, 1);
	assert_string_equal(parsed.spool, again.spool);
	assert_string_equal(parsed.sha256, line.sha256);
	assert_int_equal(parsed.records, 3);
	file.bytes[file.len - 1] ^= 1;
	free(second.bytes);
	assert_int_equal(batch_resign(file.bytes, file.len, &again, key,
			     &second.bytes, &second.len),
	    -1);
	free(file.bytes);
}

static void
a_writer_stops_at_its_limits(void **state)
{
	struct batch_head head = some_head();
	struct batch_writer *writer = batch_writer_new(&head);
	struct batch_line line = some_line();
	static struct record r;
	struct file file;

	(void)state;
	number_record(&r, 1);
	for (int i = 0; i < LIMIT_BATCH_RECORDS; i++) {
		r.rtt_us = random() % 100000;
		if (batch_writer_add(writer, &r) == -1)
			break;
	}
	assert_int_equal(batch_writer_add(writer, &r), -1);
	assert_int_equal(errno, EFBIG);
	/* What was let in is still a batch. */
	assert_int_equal(
	    batch_writer_finish(writer, &line, key, &file.bytes, &file.len), 0);
	assert_true(line.bytes <= LIMIT_BATCH_BYTES);
	print_message("%lld records: %lld bytes\n", (long long)line.records,
	    (long long)line.bytes);
	batch_writer_free(writer);
	batch_writer_free(NULL);
	free(file.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_read_back_as_it_was_written),
		cmocka_unit_test(the_head_may_be_replaced_at_the_end),
		cmocka_unit_test(no_changed_byte_goes_unseen),
		cmocka_unit_test(no_prefix_and_no_longer_file_is_taken),
		cmocka_unit_test(the_clear_line_has_one_spelling),
		cmocka_unit_test(the_longest_clear_line_fits_its_limit),
		cmocka_unit_test(
		    lines_must_be_a_head_and_as_many_records_as_promised),
		cmocka_unit_test(records_of_a_batch_lie_within_one_hour),
		cmocka_unit_test(a_retry_names_an_earlier_record),
		cmocka_unit_test(a_body_is_exactly_one_frame),
		cmocka_unit_test(a_bomb_is_refused_before_it_grows),
		cmocka_unit_test(a_round_without_any_answer_is_no_bomb),
		cmocka_unit_test(a_batch_can_be_signed_again_for_another_spool),
		cmocka_unit_test(a_writer_stops_at_its_limits),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
