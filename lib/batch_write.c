/*
 * Writing a batch: records are compressed as they come, so that a round of
 * 10,000 addresses needs the compressed bytes and one window in memory.
 */
#include "lib/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "lib/batch_head.h"
#include "lib/text.h"

#define LEVEL 1       /* of our records it makes no more bytes than 3 */
#define WINDOW_LOG 18 /* 256 KiB: larger makes more bytes of our records */
#define CHUNK 65536
/* What zstd may still hold inside when a record is let in. */
#define HELD_BACK (1 << 20)

struct bytes {
	uint8_t *bytes;
	size_t len, size;
};

struct batch_writer {
	ZSTD_CCtx *context;
	struct bytes body;
	size_t plain_len;
	int64_t records;
	char line[LIMIT_RECORD_LINE + 1];
};

static ZSTD_CCtx *
new_context(void)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();

	if (context == NULL)
		return NULL;
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, WINDOW_LOG);
	return context;
}

static int
make_room(struct bytes *body)
{
	size_t size = body->size + CHUNK;
	uint8_t *bytes;

	if (body->size - body->len >= CHUNK / 2)
		return 0;
	if ((bytes = realloc(body->bytes, size)) == NULL)
		return -1;
	body->bytes = bytes;
	body->size = size;
	return 0;
}

static int
compress(struct batch_writer *writer, const void *bytes, size_t len,
    ZSTD_EndDirective mode)
{
	ZSTD_inBuffer in = { .src = bytes, .size = len };
	size_t left;

	do {
		ZSTD_outBuffer out;

		if (make_room(&writer->body) == -1)
			return -1;
		out = (ZSTD_outBuffer){ .dst = writer->body.bytes,
			.size = writer->body.size,
			.pos = writer->body.len };
		left = ZSTD_compressStream2(writer->context, &out, &in, mode);
		if (ZSTD_isError(left)) {
			errno = EIO;
			return -1;
		}
		writer->body.len = out.pos;
	} while (in.pos < in.size || (mode == ZSTD_e_end && left > 0));
	return 0;
}

/* A line that stands in writer->line. */
static int
add_line(struct batch_writer *writer, size_t len)
{
	writer->line[len++] = '\n';
	if (writer->plain_len + len > LIMIT_BATCH_PLAIN ||
	    writer->body.len > LIMIT_BATCH_BYTES - HELD_BACK) {
		errno = EFBIG;
		return -1;
	}
	if (compress(writer, writer->line, len, ZSTD_e_continue) == -1)
		return -1;
	writer->plain_len += len;
	return 0;
}

static int
add_head(struct batch_writer *writer, const struct batch_head *head)
{
	size_t len =
	    batch_head_to_json(head, writer->line, sizeof(writer->line) - 1);

	if (len == 0) {
		errno = EINVAL;
		return -1;
	}
	return add_line(writer, len);
}

/* Behind the first newline of a body's plain bytes, chunk by chunk. */
static uint8_t *
skip_head(uint8_t *chunk, size_t len, bool *in_head)
{
	uint8_t *newline;

	if (!*in_head)
		return chunk;
	newline = memchr(chunk, '\n', len);
	*in_head = newline == NULL;
	return *in_head ? &chunk[len] : newline + 1;
}

/* Append the plain bytes of a body, without its head. */
static int
copy_records(struct batch_writer *writer, const struct bytes *body)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	ZSTD_inBuffer in = { .src = body->bytes, .size = body->len };
	uint8_t *chunk = malloc(CHUNK);
	bool in_head = true;
	size_t left = 1;
	int status = -1;

	while (context != NULL && chunk != NULL && left != 0) {
		ZSTD_outBuffer out = { .dst = chunk, .size = CHUNK };
		uint8_t *rest;
		size_t len;

		left = ZSTD_decompressStream(context, &out, &in);
		if (ZSTD_isError(left))
			goto out;
		rest = skip_head(chunk, out.pos, &in_head);
		len = out.pos - (size_t)(rest - chunk);
		if (compress(writer, rest, len, ZSTD_e_continue) == -1)
			goto out;
		writer->plain_len += len;
	}
	status = left == 0 ? 0 : -1;
out:
	free(chunk);
	ZSTD_freeDCtx(context);
	return status;
}

/* A file's two clear lines: line, and its signature. */
struct clear {
	char text[LIMIT_BATCH_LINE + SIGN_SIGNATURE_TEXT + 1];
	size_t len;
};

static int
sign_line(struct clear *clear, const struct batch_line *line,
    const struct sign_key *key)
{
	char text[LIMIT_BATCH_LINE], signature[SIGN_SIGNATURE_TEXT];
	struct batch_line again;

	if (batch_line_format(line, text, sizeof(text)) == -1 ||
	    batch_line_parse(&again, text, strlen(text)) != BATCH_OK) {
		errno = EINVAL;
		return -1;
	}
	if (sign_make(key, text, strlen(text), signature) == -1 ||
	    text_print(clear->text, sizeof(clear->text), "%s\n%s\n", text,
		signature) == -1)
		return -1;
	clear->len = strlen(clear->text);
	return 0;
}

/* The clear lines before a body, which becomes the file. */
static int
put_before(struct bytes *body, const struct clear *clear)
{
	uint8_t *file = realloc(body->bytes, clear->len + body->len);

	if (file == NULL)
		return -1;
	memmove(&file[clear->len], file, body->len);
	memcpy(file, clear->text, clear->len);
	body->bytes = file;
	body->len += clear->len;
	return 0;
}

struct batch_writer *
batch_writer_new(const struct batch_head *head)
{
	struct batch_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL)
		return NULL;
	if ((writer->context = new_context()) == NULL ||
	    add_head(writer, head) == -1) {
		batch_writer_free(writer);
		return NULL;
	}
	return writer;
}

int
batch_writer_add(struct batch_writer *writer, const struct record *record)
{
	size_t len;

	if (writer->records == LIMIT_BATCH_RECORDS) {
		errno = EFBIG;
		return -1;
	}
	len = record_to_json(record, writer->line, sizeof(writer->line) - 1);
	if (len == 0) {
		errno = EINVAL;
		return -1;
	}
	if (add_line(writer, len) == -1)
		return -1;
	writer->records++;
	return 0;
}

int
batch_writer_set_head(
    struct batch_writer *writer, const struct batch_head *head)
{
	struct bytes old;
	int status = -1;

	if (compress(writer, NULL, 0, ZSTD_e_end) == -1)
		return -1;
	old = writer->body;
	writer->body = (struct bytes){ 0 };
	writer->plain_len = 0;
	if (add_head(writer, head) == 0)
		status = copy_records(writer, &old);
	free(old.bytes);
	return status;
}

int
batch_writer_finish(struct batch_writer *writer, struct batch_line *line,
    const struct sign_key *key, uint8_t **file, size_t *file_len)
{
	struct clear clear;

	if (compress(writer, NULL, 0, ZSTD_e_end) == -1)
		return -1;
	line->bytes = (int64_t)writer->body.len;
	line->records = writer->records;
	sha256_text(line->sha256, writer->body.bytes, writer->body.len);
	sign_key_id(key, line->keyid);
	if (sign_line(&clear, line, key) == -1 ||
	    put_before(&writer->body, &clear) == -1)
		return -1;
	*file = writer->body.bytes;
	*file_len = writer->body.len;
	writer->body = (struct bytes){ 0 };
	return 0;
}

void
batch_writer_free(struct batch_writer *writer)
{
	if (writer == NULL)
		return;
	ZSTD_freeCCtx(writer->context);
	free(writer->body.bytes);
	free(writer);
}

int
batch_resign(const uint8_t *file, size_t file_len, struct batch_line *line,
    const struct sign_key *key, uint8_t **out, size_t *out_len)
{
	struct batch_pieces pieces;
	struct bytes body;
	struct clear clear;

	if (batch_split(&pieces, file, file_len) != BATCH_OK) {
		errno = EINVAL;
		return -1;
	}
	line->bytes = pieces.line.bytes;
	line->records = pieces.line.records;
	(void)text_copy(line->sha256, sizeof(line->sha256), pieces.line.sha256);
	sign_key_id(key, line->keyid);
	if (sign_line(&clear, line, key) == -1)
		return -1;
	body.len = (size_t)line->bytes;
	if ((body.bytes = malloc(body.len + clear.len)) == NULL)
		return -1;
	memcpy(body.bytes, pieces.body, body.len);
	if (put_before(&body, &clear) == -1) {
		free(body.bytes);
		return -1;
	}
	*out = body.bytes;
	*out_len = body.len;
	return 0;
}
