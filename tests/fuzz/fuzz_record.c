/*
 * Any bytes as a record's line: what is taken is printable ASCII that jansson
 * takes too, is written again, and then says the same.
 */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "lib/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct record first, second;
	static char line[LIMIT_RECORD_LINE], again[LIMIT_RECORD_LINE];
	char error[256] = "";
	size_t line_len, again_len;
	json_t *oracle;

	if (record_from_json(
		&first, (const char *)bytes, len, error, sizeof(error)) == -1) {
		assert(error[0] != '\0');
		return 0;
	}
	oracle =
	    json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	assert(oracle != NULL);
	json_decref(oracle);
	line_len = record_to_json(&first, line, sizeof(line));
	assert(line_len > 0);
	assert(record_from_json(
		   &second, line, line_len, error, sizeof(error)) == 0);
	again_len = record_to_json(&second, again, sizeof(again));
	assert(again_len == line_len && memcmp(line, again, line_len) == 0);
	return 0;
}
