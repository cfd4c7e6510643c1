/*
 * Any JSON as a RIPE Atlas result: read without fault, and each record that
 * comes of it can be written and read back.
 */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "collector/import_ripe_atlas_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct atlas_result result;

static void
check_record(struct record *record)
{
	static char json[LIMIT_RECORD_LINE];
	static struct record again;
	char error[256];
	size_t len;

	/* What the importer fills in afterwards. */
	memcpy(record->target, "t", 2);
	len = record_to_json(record, json, sizeof(json));
	assert(len > 0);
	assert(record_from_json(&again, json, len, error, sizeof(error)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	json_t *object =
	    json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	static const struct atlas_question unknown = { .name = "unknown",
		.qname = "." };
	struct atlas_question question;
	size_t i;

	if (atlas_result_read(&result, object) == ATLAS_OK) {
		assert(result.count <= LIMIT_ATLAS_ANSWERS);
		atlas_result_question(&result, &question);
		atlas_result_set_question(&result, &question);
		atlas_result_set_question(&result, &unknown);
		for (i = 0; i < result.count; i++)
			check_record(&result.records[i]);
	}
	json_decref(object);
	return 0;
}
