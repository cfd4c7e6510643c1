#include <stdbool.h>
#include <string.h>

#include "collector/import_ripe_atlas_error.h"
#include "collector/import_ripe_atlas_result.h"
#include "collector/import_ripe_atlas_values.h"
#include "lib/addr.h"

/* An element tells its own TTL and source only where they differ from those
 * of the result. */
static void
differences_read(
    struct record *record, const struct atlas_reading *r, const json_t *reply)
{
	int64_t ttl = atlas_int(reply, "ttl", atlas_int(r->object, "ttl", -1));

	(void)addr_parse(&record->flow.src, atlas_text(reply, "srcaddr"));
	if (record->outcome == OUTCOME_ANSWERED && ttl >= 0 && ttl <= UINT8_MAX)
		record->reply_ttl = (int16_t)ttl;
}

static bool
outcome_read(struct record *record, const json_t *reply)
{
	record->rtt_us = atlas_rtt_us(reply, "rtt");
	if (record->rtt_us != -1) {
		record->outcome = OUTCOME_ANSWERED;
		record->stamp = STAMP_USER;
		record->auth_bits = 0; /* what was checked it does not say */
		return true;
	}
	if (json_object_get(reply, "error") != NULL) {
		atlas_error_of_text(record, atlas_text(reply, "error"));
		return true;
	}
	record->outcome = OUTCOME_TIMEOUT;
	return json_object_get(reply, "x") != NULL;
}

/* A second reply to the packet before it; to one that had timed out it is
 * the first, and late. */
static void
duplicate_read(struct atlas_result *result)
{
	struct record *before;

	if (result->count == 0)
		return;
	before = &result->records[result->count - 1];
	if (before->outcome == OUTCOME_ANSWERED)
		before->dup++;
	else
		before->late++;
}

static void
reply_read(struct atlas_reading *r, const json_t *reply)
{
	struct record *record;

	if (json_object_get(reply, "dup") != NULL) {
		duplicate_read(r->result);
		return;
	}
	record = atlas_record_begin(r, RECORD_ECHO, "echo");
	if (!outcome_read(record, reply)) {
		r->result->unread[ATLAS_NO_REPLY]++;
		return;
	}
	differences_read(record, r, reply);
	r->result->count++;
}

static void
digest_write(const struct atlas_reading *r)
{
	const struct atlas_result *result = r->result;
	char dst[ADDR_TEXT], src[ADDR_TEXT];
	size_t i;

	for (i = 0; i < result->count; i++) {
		const struct record *record = &result->records[i];

		(void)fprintf(r->digest, "%lld %s %s %d %lld %d %u %u %s\n",
		    (long long)record->t.ns, addr_format(dst, &record->addr),
		    addr_format(src, &record->flow.src), (int)record->outcome,
		    (long long)record->rtt_us, record->reply_ttl, record->late,
		    record->dup, record->reason);
	}
}

enum atlas_fault
atlas_ping_read(struct atlas_reading *r)
{
	const json_t *replies = json_object_get(r->object, "result");
	size_t i;

	if (!json_is_array(replies))
		return ATLAS_ONLY_TOTALS;
	if (json_array_size(replies) > LIMIT_ATLAS_ANSWERS)
		return ATLAS_TOO_MANY;
	for (i = 0; i < json_array_size(replies); i++)
		reply_read(r, json_array_get(replies, i));
	digest_write(r);
	return ATLAS_OK;
}
