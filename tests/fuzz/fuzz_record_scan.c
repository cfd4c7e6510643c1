/*
 * Any bytes as a record's line, mutated from real ones: what the quick reader
 * takes, the one over jansson takes too and makes the same of it; and
 * whatever that one takes, written again, is in the quick one's form.
 */
#include <assert.h>
#include <string.h>

#include "lib/record_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* All that a record says, and what it does not print. */
static void
assert_same(const struct record *a, const struct record *b)
{
	static char left[LIMIT_RECORD_LINE], right[LIMIT_RECORD_LINE];
	size_t left_len = record_to_json(a, left, sizeof(left));
	size_t right_len = record_to_json(b, right, sizeof(right));

	assert(left_len > 0 && left_len == right_len);
	assert(memcmp(left, right, left_len) == 0);
	assert(memcmp(a, b, sizeof(*a)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct record quick, careful;
	static char line[LIMIT_RECORD_LINE];
	const char *json = (const char *)bytes;
	char error[256];
	size_t line_len;
	bool taken = record_scan(&quick, json, len);

	if (record_parse(&careful, json, len, error, sizeof(error)) == -1) {
		assert(!taken);
		return 0;
	}
	if (taken)
		assert_same(&quick, &careful);
	line_len = record_to_json(&careful, line, sizeof(line));
	assert(line_len > 0);
	assert(record_scan(&quick, line, line_len));
	assert(
	    record_parse(&careful, line, line_len, error, sizeof(error)) == 0);
	assert_same(&quick, &careful);
	return 0;
}
