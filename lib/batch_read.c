/*
 * Reading a batch whose signature is verified: decompress within bounds, cut
 * into lines, parse.
 */
#include "lib/batch.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>
#include "lib/batch_head.h"
#include "lib/text.h"

#define CODEC_WINDOW_LOG 23  /* 8 MiB of memory; ours are 512 KiB */
#define RATIO_FROM (1 << 20) /* a small body may well compress better */
#define ZSTD_MAGIC_LEN 4

struct batch_reader {
	struct batch_line line;
	enum batch_error error;
	ZSTD_DCtx *context;
	ZSTD_inBuffer in;
	bool frame_done;
	size_t plain_len, plain_max;
	int64_t lines;           /* the head is the first */
	struct wall first, last; /* of the times seen */
	/* Plain bytes not yet given out: from..to of buffer. */
	size_t from, to;
	char buffer[LIMIT_RECORD_LINE + 1];
};

struct error_text {
	char *text;
	size_t size;
};

static int
fail(struct batch_reader *reader, enum batch_error error,
    const struct error_text *out, const char *reason)
{
	reader->error = error;
	(void)text_print(out->text, out->size, "line %lld: %s",
	    (long long)reader->lines + 1, reason);
	return -1;
}

static int
fail_body(struct batch_reader *reader, enum batch_error error,
    const struct error_text *out, const char *reason)
{
	reader->error = error;
	(void)text_print(out->text, out->size, "body: %s", reason);
	return -1;
}

static size_t
plain_limit(size_t body_len)
{
	size_t limit = body_len * LIMIT_BATCH_RATIO;

	if (limit < RATIO_FROM)
		limit = RATIO_FROM;
	return limit < LIMIT_BATCH_PLAIN ? limit : LIMIT_BATCH_PLAIN;
}

static bool
is_zstd_frame(const uint8_t *body, size_t len)
{
	static const uint8_t magic[ZSTD_MAGIC_LEN] = { 0x28, 0xb5, 0x2f, 0xfd };

	return len > sizeof(magic) && memcmp(body, magic, sizeof(magic)) == 0;
}

/* More plain bytes behind what is there, which moves to the front. */
static int
fill(struct batch_reader *reader, const struct error_text *out)
{
	ZSTD_outBuffer space;
	size_t left;

	memmove(reader->buffer, &reader->buffer[reader->from],
	    reader->to - reader->from);
	reader->to -= reader->from;
	reader->from = 0;
	space = (ZSTD_outBuffer){ .dst = reader->buffer,
		.size = sizeof(reader->buffer),
		.pos = reader->to };
	left = ZSTD_decompressStream(reader->context, &space, &reader->in);
	if (ZSTD_isError(left))
		return fail_body(
		    reader, BATCH_BAD_CODEC, out, ZSTD_getErrorName(left));
	reader->plain_len += space.pos - reader->to;
	if (reader->plain_len > reader->plain_max)
		return fail_body(reader, BATCH_TOO_BIG, out,
		    "decompresses to more than is allowed");
	if (left != 0 && space.pos == reader->to &&
	    reader->in.pos == reader->in.size)
		return fail_body(
		    reader, BATCH_BAD_CODEC, out, "frame is cut short");
	reader->to = space.pos;
	if (left != 0)
		return 0;
	reader->frame_done = true;
	if (reader->in.pos != reader->in.size)
		return fail_body(reader, BATCH_BAD_CODEC, out,
		    "something stands behind the frame");
	return 0;
}

/* 1: a line without its newline; 0: the end; -1. */
static int
next_line(struct batch_reader *reader, const char **line, size_t *len,
    const struct error_text *out)
{
	for (;;) {
		const char *start = &reader->buffer[reader->from];
		size_t have = reader->to - reader->from;
		const char *newline = memchr(start, '\n', have);

		if (newline != NULL) {
			*line = start;
			*len = (size_t)(newline - start);
			reader->from += *len + 1;
			return 1;
		}
		if (have > LIMIT_RECORD_LINE)
			return fail(reader, BATCH_TOO_BIG, out, "too long");
		if (reader->frame_done && have == 0)
			return 0;
		if (reader->frame_done)
			return fail(reader, BATCH_BAD_RECORD, out,
			    "has no newline at its end");
		if (fill(reader, out) == -1)
			return -1;
	}
}

static int
read_head(struct batch_reader *reader, struct batch_head *head,
    const struct error_text *out)
{
	const char *line;
	char reason[128];
	size_t len;
	int status = next_line(reader, &line, &len, out);

	if (status == -1)
		return -1;
	if (status == 0)
		return fail(
		    reader, BATCH_BAD_RECORD, out, "the head is missing");
	if (batch_head_from_json(head, line, len, reason, sizeof(reason)) == -1)
		return fail(reader, BATCH_BAD_RECORD, out, reason);
	reader->lines = 1;
	return 0;
}

static int
check_record(struct batch_reader *reader, const struct record *record,
    const struct error_text *out)
{
	int64_t index = reader->lines - 1;

	if (index == 0)
		reader->first = reader->last = record->t;
	if (record->t.ns < reader->first.ns)
		reader->first = record->t;
	if (record->t.ns > reader->last.ns)
		reader->last = record->t;
	if (wall_since(reader->last, reader->first).ns >
	    span_s(LIMIT_BATCH_SPAN_S).ns)
		return fail(reader, BATCH_BAD_RECORD, out,
		    "t: is too far from the other records'");
	if (record->retry_of >= index)
		return fail(reader, BATCH_BAD_RECORD, out,
		    "retry_of: is no earlier record");
	return 0;
}

enum batch_error
batch_reader_new(struct batch_reader **made, const struct batch_pieces *pieces,
    struct batch_head *head, char *error, size_t error_size)
{
	const struct error_text out = { error, error_size };
	struct batch_reader *reader = calloc(1, sizeof(*reader));
	enum batch_error result = BATCH_NO_MEMORY;

	*made = NULL;
	if (reader == NULL || (reader->context = ZSTD_createDCtx()) == NULL) {
		(void)text_print(error, error_size, "out of memory");
		goto out;
	}
	(void)ZSTD_DCtx_setParameter(
	    reader->context, ZSTD_d_windowLogMax, CODEC_WINDOW_LOG);
	reader->line = pieces->line;
	reader->in =
	    (ZSTD_inBuffer){ .src = pieces->body, .size = pieces->body_len };
	reader->plain_max = plain_limit(pieces->body_len);
	if (!is_zstd_frame(pieces->body, pieces->body_len))
		(void)fail_body(reader, BATCH_BAD_CODEC, &out,
		    "does not begin with a zstd frame");
	else
		(void)read_head(reader, head, &out);
	result = reader->error;
out:
	if (result == BATCH_OK)
		*made = reader;
	else
		batch_reader_free(reader);
	return result;
}

int
batch_reader_next(struct batch_reader *reader, struct record *record,
    const char **json, size_t *json_len, char *error, size_t error_size)
{
	const struct error_text out = { error, error_size };
	char reason[128];
	int status;

	if (reader->error != BATCH_OK)
		return fail(reader, reader->error, &out, "refused before");
	if ((status = next_line(reader, json, json_len, &out)) == -1)
		return -1;
	if (status == 1 && reader->lines - 1 == reader->line.records)
		return fail(reader, BATCH_BAD_RECORD, &out,
		    "more records than line 1 says");
	if (status == 0 && reader->lines - 1 < reader->line.records)
		return fail(reader, BATCH_BAD_RECORD, &out,
		    "fewer records than line 1 says");
	if (status == 0)
		return 0;
	if (record_from_json(
		record, *json, *json_len, reason, sizeof(reason)) == -1)
		return fail(reader, BATCH_BAD_RECORD, &out, reason);
	if (check_record(reader, record, &out) == -1)
		return -1;
	reader->lines++;
	return 1;
}

enum batch_error
batch_reader_error(const struct batch_reader *reader)
{
	return reader->error;
}

void
batch_reader_free(struct batch_reader *reader)
{
	if (reader == NULL)
		return;
	ZSTD_freeDCtx(reader->context);
	free(reader);
}
