#include "collector/import_ripe_atlas_result.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/import_ripe_atlas_values.h"
#include "lib/addr.h"
#include "lib/text.h"
#include "lib/times.h"

#define SUBIDS 100 /* number = time * SUBIDS + subid */

static const struct {
	const char *name;
	enum atlas_fault (*read)(struct atlas_reading *);
} types[] = {
	{ "dns", atlas_dns_read },
	{ "ping", atlas_ping_read },
	{ "traceroute", atlas_traceroute_read },
};

const char *
atlas_fault_name(enum atlas_fault fault)
{
	static const char *const names[] = {
		"read",
		"not a JSON object",
		"longer than a result can be",
		"neither dns, ping nor traceroute",
		"no probe, measurement or time",
		"more answers than a result can have",
		"totals only, no single packet",
		"no hops and no error",
		"none of its answers can be read",
		"no abuf and no error",
		"abuf is no base64",
		"no round trip, time-out or error",
	};

	return names[fault];
}

void
atlas_result_question(
    const struct atlas_result *result, struct atlas_question *q)
{
	size_t i;

	*q = (struct atlas_question){ 0 };
	for (i = 0; i < result->count; i++) {
		if (result->records[i].question[0] == '\0')
			continue;
		if (q->name[0] == '\0') {
			atlas_question_of_record(q, &result->records[i]);
		} else if (strcmp(q->name, result->records[i].question) != 0) {
			*q = (struct atlas_question){ 0 };
			return;
		}
	}
}

void
atlas_result_set_question(
    struct atlas_result *result, const struct atlas_question *q)
{
	size_t i;

	for (i = 0; i < result->count; i++)
		if (result->records[i].question[0] == '\0')
			atlas_question_to_record(&result->records[i], q);
}

/* --- reading --- */

static enum proto
proto_of(const char *name)
{
	if (strcasecmp(name, "tcp") == 0)
		return PROTO_TCP;
	return strcasecmp(name, "udp") == 0 ? PROTO_UDP : PROTO_ICMP;
}

struct record *
atlas_record_begin(
    const struct atlas_reading *r, enum record_type type, const char *question)
{
	struct atlas_result *result = r->result;
	const char *dst = atlas_text(r->object, "dst_addr");
	struct record *record;

	if (result->count == LIMIT_ATLAS_ANSWERS)
		return NULL;
	record = &result->records[result->count];
	record_init(record);
	record->type = type;
	record->t = wall_from_us(result->time_s * 1000000);
	(void)text_copy(record->question, sizeof(record->question), question);
	/* Old firmware calls it addr. */
	(void)addr_parse(
	    &record->addr, *dst != '\0' ? dst : atlas_text(r->object, "addr"));
	(void)addr_parse(&record->flow.src, atlas_text(r->object, "src_addr"));
	record->proto = proto_of(atlas_text(r->object, "proto"));
	return record;
}

static enum atlas_fault
ids_read(const struct atlas_reading *r)
{
	struct atlas_result *result = r->result;
	int64_t subid = atlas_int(r->object, "subid", 0);

	result->probe = atlas_int(r->object, "prb_id", -1);
	result->measurement = atlas_int(r->object, "msm_id", -1);
	result->time_s = atlas_int(r->object, "timestamp", -1);
	if (result->probe < 0 || result->probe > UINT32_MAX ||
	    result->measurement < 0 || result->measurement > UINT32_MAX ||
	    result->time_s < LIMIT_TIME_MIN_US / 1000000 ||
	    result->time_s > LIMIT_TIME_MAX_US / 1000000 - LIMIT_BATCH_SPAN_S)
		return ATLAS_NO_IDS;
	/* Old firmware wrote a result for each of its resolvers, all of one
	 * time, instead of a resultset. */
	if (subid < 0 || subid >= SUBIDS)
		subid = 0;
	result->number = result->time_s * SUBIDS + subid;
	return ATLAS_OK;
}

/* The first DNS results had no type. */
static enum atlas_fault
type_read(struct atlas_reading *r)
{
	const char *type =
	    json_string_value(json_object_get(r->object, "type"));
	enum atlas_fault fault;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (type != NULL && strcmp(type, types[i].name) != 0)
			continue;
		fault = ids_read(r);
		return fault == ATLAS_OK ? types[i].read(r) : fault;
	}
	return ATLAS_OTHER_TYPE;
}

enum atlas_fault
atlas_result_read(struct atlas_result *result, const json_t *object)
{
	struct atlas_reading r = { .result = result, .object = object };
	char *text = NULL;
	size_t len = 0;
	enum atlas_fault fault;

	result->count = 0;
	memset(result->unread, 0, sizeof(result->unread));
	if (!json_is_object(object))
		return ATLAS_NOT_JSON;
	if ((r.digest = open_memstream(&text, &len)) == NULL)
		return ATLAS_TOO_LONG;
	fault = type_read(&r);
	if (fclose(r.digest) != 0 || text == NULL)
		fault = ATLAS_TOO_LONG;
	if (fault == ATLAS_OK)
		sha256(result->sha256, text, len);
	free(text);
	return fault;
}
