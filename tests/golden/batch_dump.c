/*
 * Pack and read batch files for tests/golden/batch.py.
 *
 *   batch_dump pack RECORDS <body >file   sign any body as a batch of that
 *                                         many records, by the key of the test
 *   batch_dump read <file                 what the reader makes of it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/batch.h"
#include "lib/sign.h"
#include "lib/text.h"

#define INPUT_MAX (32 << 20)

/* Made for this test with openssl genpkey; it protects nothing. */
static const char key_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIK4VvGL22lgOwIe24R0Is180ExGSfns9uUK+ssxSs8bx\n"
    "-----END PRIVATE KEY-----\n";

static size_t
read_input(uint8_t **bytes)
{
	size_t len = 0;
	ssize_t n;

	if ((*bytes = malloc(INPUT_MAX)) == NULL)
		exit(2);
	while ((n = read(STDIN_FILENO, *bytes + len, INPUT_MAX - len)) > 0)
		len += (size_t)n;
	return len;
}

static int
pack(const struct sign_key *key, const uint8_t *body, size_t len,
    const char *records)
{
	struct batch_line line = {
		.vp = "lon1", .number = 1, .bytes = (int64_t)len
	};
	char text[LIMIT_BATCH_LINE], signature[SIGN_SIGNATURE_TEXT];

	if (text_int(&line.records, records, 0, INT64_MAX) == -1)
		return 2;
	memset(line.previous, '0', sizeof(line.previous) - 1);
	memset(line.spool, 'a', sizeof(line.spool) - 1);
	sign_key_id(key, line.keyid);
	sha256_text(line.sha256, body, len);
	if (batch_line_format(&line, text, sizeof(text)) == -1)
		return 2;
	text[strcspn(text, "\n")] = '\0';
	if (sign_make(key, text, strlen(text), signature) == -1)
		return 2;
	(void)printf("%s\n%s\n", text, signature);
	(void)fwrite(body, 1, len, stdout);
	return 0;
}

static void
read_records(struct batch_reader *reader)
{
	struct record *record = malloc(sizeof(*record));
	char error[256] = "";
	const char *json;
	size_t json_len;
	int status, count = 0;

	if (record == NULL)
		exit(2);
	while ((status = batch_reader_next(reader, record, &json, &json_len,
		    error, sizeof(error))) == 1)
		count++;
	if (status == 0)
		(void)printf("accepted: %d records\n", count);
	else
		(void)printf("%s after %d records: %s\n",
		    batch_error_name(batch_reader_error(reader)), count, error);
	free(record);
}

static void
read_batch(const struct sign_key *key, const uint8_t *file, size_t len)
{
	struct batch_pieces pieces;
	struct batch_reader *reader = NULL;
	struct batch_head head;
	char error[256] = "";
	enum batch_error result = batch_split(&pieces, file, len);

	if (result == BATCH_OK)
		result = batch_verify(&pieces, key);
	if (result == BATCH_OK)
		result = batch_reader_new(
		    &reader, &pieces, &head, error, sizeof(error));
	if (result == BATCH_OK)
		read_records(reader);
	else
		(void)printf("%s: %s\n", batch_error_name(result), error);
	batch_reader_free(reader);
}

int
main(int argc, char **argv)
{
	struct sign_key *key = sign_key_from_pem(key_pem, strlen(key_pem));
	uint8_t *bytes;
	size_t len = read_input(&bytes);
	int status = 2;

	if (key == NULL) {
		(void)fprintf(stderr, "batch_dump: no key\n");
	} else if (argc == 3 && strcmp(argv[1], "pack") == 0) {
		status = pack(key, bytes, len, argv[2]);
	} else if (argc == 2 && strcmp(argv[1], "read") == 0) {
		read_batch(key, bytes, len);
		status = 0;
	}
	free(bytes);
	sign_key_free(key);
	return status;
}
