/*
 * Any bytes as a batch whose signature was found good: split, decompressed
 * and read within bounds. Besides the whole file, the bytes are tried as a
 * body alone, under a line 1 that fits them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/batch.h"
#include "lib/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
read_all(const struct batch_pieces *pieces)
{
	static struct record record;
	struct batch_reader *reader;
	struct batch_head head;
	char error[256] = "";
	const char *json;
	size_t json_len;
	int64_t count = 0;
	int status;

	if (batch_reader_new(&reader, pieces, &head, error, sizeof(error)) !=
	    BATCH_OK) {
		assert(reader == NULL && error[0] != '\0');
		return;
	}
	while ((status = batch_reader_next(reader, &record, &json, &json_len,
		    error, sizeof(error))) == 1) {
		assert(json_len > 0 && json_len <= LIMIT_RECORD_LINE);
		count++;
	}
	assert(count <= pieces->line.records);
	if (status == 0)
		assert(count == pieces->line.records);
	else
		assert(batch_reader_error(reader) != BATCH_OK);
	batch_reader_free(reader);
}

/* The line as it stands, but for the numbers of this body. */
static void
as_body(const uint8_t *bytes, size_t len)
{
	struct batch_pieces pieces = { .body = bytes, .body_len = len };

	pieces.line.bytes = (int64_t)len;
	pieces.line.records = len == 0 ? 0 : bytes[len - 1] % 4;
	read_all(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct batch_pieces pieces;
	char text[LIMIT_BATCH_LINE];

	as_body(bytes, len);
	if (batch_split(&pieces, bytes, len) != BATCH_OK)
		return 0;
	/* One line has one spelling. */
	assert(batch_line_format(&pieces.line, text, sizeof(text)) == 0);
	assert(strlen(text) == pieces.line_len);
	assert(memcmp(text, pieces.line_text, pieces.line_len) == 0);
	read_all(&pieces);
	return 0;
}
