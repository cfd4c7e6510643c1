#include "lib/batch.h"

#include <string.h>
#include "lib/text.h"

#define BATCH_FIELDS 10
#define BATCH_NUMBER_MAX 999999999999999LL /* a double holds it too */

static const char *const error_names[] = {
	[BATCH_OK] = "ok",
	[BATCH_BAD_LINE] = "line 1 is no batch line",
	[BATCH_BAD_VERSION] = "unknown batch version",
	[BATCH_BAD_SIGNATURE] = "bad signature",
	[BATCH_BAD_BODY] = "body is not the one that line 1 names",
	[BATCH_TOO_BIG] = "too big",
	[BATCH_BAD_CODEC] = "body is not exactly one zstd frame",
	[BATCH_BAD_RECORD] = "bad record",
	[BATCH_NO_MEMORY] = "out of memory",
};

static bool
is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits &&
	       strspn(text, "0123456789abcdef") == digits;
}

/* Split at single spaces, in place. The number of fields, one too many
 * counted. */
static size_t
split_fields(char *text, char *field[BATCH_FIELDS])
{
	size_t count = 0;
	char *at = text;

	for (;;) {
		if (count == BATCH_FIELDS)
			return count + 1;
		field[count++] = at;
		if ((at = strchr(at, ' ')) == NULL)
			return count;
		*at++ = '\0';
	}
}

static enum batch_error
read_numbers(struct batch_line *line, char *const field[BATCH_FIELDS])
{
	if (text_int(&line->number, field[5], 1, BATCH_NUMBER_MAX) == -1 ||
	    text_int(&line->bytes, field[6], 1, INT64_MAX) == -1 ||
	    text_int(&line->records, field[7], 0, INT64_MAX) == -1)
		return BATCH_BAD_LINE;
	if (line->bytes > LIMIT_BATCH_BYTES ||
	    line->records > LIMIT_BATCH_RECORDS)
		return BATCH_TOO_BIG;
	return BATCH_OK;
}

static enum batch_error
read_fields(struct batch_line *line, char *const field[BATCH_FIELDS])
{
	if (!text_is_vp_name(field[2]) ||
	    !is_hex(field[3], SIGN_KEYID_TEXT - 1) ||
	    !is_hex(field[4], BATCH_SPOOL_TEXT - 1) ||
	    !is_hex(field[8], SIGN_SHA256_TEXT - 1) ||
	    !is_hex(field[9], SIGN_SHA256_TEXT - 1))
		return BATCH_BAD_LINE;
	(void)text_copy(line->vp, sizeof(line->vp), field[2]);
	(void)text_copy(line->keyid, sizeof(line->keyid), field[3]);
	(void)text_copy(line->spool, sizeof(line->spool), field[4]);
	(void)text_copy(line->sha256, sizeof(line->sha256), field[8]);
	(void)text_copy(line->previous, sizeof(line->previous), field[9]);
	return read_numbers(line, field);
}

static enum batch_error
split_signature(struct batch_pieces *pieces, const uint8_t *text, size_t len)
{
	const size_t signature_len = SIGN_SIGNATURE_TEXT - 1;

	if (len <= signature_len || text[signature_len] != '\n' ||
	    memchr(text, '\0', signature_len) != NULL)
		return BATCH_BAD_SIGNATURE;
	memcpy(pieces->signature, text, signature_len);
	pieces->signature[signature_len] = '\0';
	pieces->body = &text[signature_len + 1];
	pieces->body_len = len - signature_len - 1;
	return BATCH_OK;
}

const char *
batch_error_name(enum batch_error error)
{
	return error_names[error];
}

enum batch_error
batch_line_parse(struct batch_line *line, const char *text, size_t len)
{
	char copy[LIMIT_BATCH_LINE], again[LIMIT_BATCH_LINE];
	char *field[BATCH_FIELDS] = { NULL };
	int64_t version;
	size_t count;
	enum batch_error error;

	memset(line, 0, sizeof(*line));
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len >= LIMIT_BATCH_LINE || memchr(text, '\0', len) != NULL)
		return BATCH_BAD_LINE;
	memcpy(copy, text, len);
	copy[len] = '\0';
	count = split_fields(copy, field);
	if (count < 2 || strcmp(field[0], "acbatch") != 0 ||
	    text_int(&version, field[1], 0, INT32_MAX) == -1)
		return BATCH_BAD_LINE;
	if (version != 1)
		return BATCH_BAD_VERSION;
	if (count != BATCH_FIELDS)
		return BATCH_BAD_LINE;
	if ((error = read_fields(line, field)) != BATCH_OK)
		return error;
	/* "+1" and "01" are second spellings of what is signed. */
	if (batch_line_format(line, again, sizeof(again)) == -1 ||
	    strlen(again) != len || memcmp(again, text, len) != 0)
		return BATCH_BAD_LINE;
	return BATCH_OK;
}

int
batch_line_format(const struct batch_line *line, char *text, size_t size)
{
	return text_print(text, size, "acbatch 1 %s %s %s %lld %lld %lld %s %s",
	    line->vp, line->keyid, line->spool, (long long)line->number,
	    (long long)line->bytes, (long long)line->records, line->sha256,
	    line->previous);
}

enum batch_error
batch_split(struct batch_pieces *pieces, const uint8_t *file, size_t file_len)
{
	size_t reach =
	    file_len < LIMIT_BATCH_LINE ? file_len : LIMIT_BATCH_LINE;
	const uint8_t *newline = memchr(file, '\n', reach);
	char sha256[SIGN_SHA256_TEXT];
	enum batch_error error;

	memset(pieces, 0, sizeof(*pieces));
	if (newline == NULL)
		return BATCH_BAD_LINE;
	pieces->line_text = (const char *)file;
	pieces->line_len = (size_t)(newline - file);
	error = batch_line_parse(
	    &pieces->line, pieces->line_text, pieces->line_len);
	if (error != BATCH_OK)
		return error;
	error = split_signature(
	    pieces, newline + 1, file_len - pieces->line_len - 1);
	if (error != BATCH_OK)
		return error;
	if (pieces->body_len != (size_t)pieces->line.bytes)
		return BATCH_BAD_BODY;
	sha256_text(sha256, pieces->body, pieces->body_len);
	if (strcmp(sha256, pieces->line.sha256) != 0)
		return BATCH_BAD_BODY;
	return BATCH_OK;
}

enum batch_error
batch_verify(const struct batch_pieces *pieces, const struct sign_key *key)
{
	if (sign_check(key, pieces->line_text, pieces->line_len,
		pieces->signature) == -1)
		return BATCH_BAD_SIGNATURE;
	return BATCH_OK;
}
